/** One thread for aggregations, started when the first comes; it is replaced if one exceeds its time or memory. */
import { Worker } from 'node:worker_threads'
import type { ErrorCode } from '@sampan/protocol/errors'
import { AppError } from '../../errors.ts'
import type { Stage } from './decode-pipeline.ts'
import type { DocumentText } from './document-request.ts'

export type AggregationRequest = {
  readonly texts: readonly DocumentText[]
  readonly stages: readonly Stage[]
  readonly nowMs: number
}
export type AggregationReply =
  | { readonly texts: readonly DocumentText[] }
  | {
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly details?: Record<string, unknown> }
    }

/** The documents as JSON arrays of many. */
export type AggregationMessage = Omit<AggregationRequest, 'texts'> & { readonly batches: readonly string[] }

export interface AggregationPool {
  /** @throws {AppError} what the stages threw; `deadline_exceeded`, `query_too_expensive`, `overloaded` */
  run(request: AggregationRequest, timeoutMs: number): Promise<readonly DocumentText[]>
  close(): Promise<void>
}

const QUEUE_LIMIT = 64
const HEAP_LIMIT_MB = 256

type Job = {
  readonly request: AggregationRequest
  readonly deadlineMs: number
  readonly resolve: (texts: readonly DocumentText[]) => void
  readonly reject: (error: AppError) => void
}

export function openAggregationPool(): AggregationPool {
  const waiting: Job[] = []
  let thread: Worker | undefined
  let current: Job | undefined
  let timer: NodeJS.Timeout | undefined

  function next() {
    if (current) return
    const job = waiting.shift()
    if (!job) return
    const leftMs = job.deadlineMs - performance.now()
    if (leftMs <= 0) {
      job.reject(tooLate())
      next()
      return
    }
    current = job
    timer = setTimeout(() => giveUp(tooLate()), leftMs)
    thread ??= start()
    const { texts, ...others } = job.request
    // Few long strings cross threads much faster than many short ones.
    thread.postMessage({ ...others, batches: batchesOf(texts) } satisfies AggregationMessage)
  }

  function start() {
    const started = new Worker(new URL('./aggregation-thread.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB },
    })
    started.unref()
    started.on('message', (reply: AggregationReply) => {
      const job = finish()
      if ('texts' in reply) job?.resolve(reply.texts)
      else
        job?.reject(
          new AppError(reply.error.code, reply.error.message, {
            ...(reply.error.details && { details: reply.error.details }),
          }),
        )
      next()
    })
    started.on('error', (error) => {
      if (thread === started)
        giveUp(new AppError('query_too_expensive', 'The aggregation used too much memory.', { cause: error }))
    })
    return started
  }

  function finish() {
    clearTimeout(timer)
    const job = current
    current = undefined
    return job
  }

  function giveUp(error: AppError) {
    void thread?.terminate()
    thread = undefined
    finish()?.reject(error)
    next()
  }

  return {
    run(request, timeoutMs) {
      if (waiting.length >= QUEUE_LIMIT) {
        return Promise.reject(
          new AppError('overloaded', 'Too many aggregations are waiting.', { details: { retryAfterSeconds: 1 } }),
        )
      }
      return new Promise((resolve, reject) => {
        waiting.push({ request, deadlineMs: performance.now() + timeoutMs, resolve, reject })
        next()
      })
    },
    async close() {
      const error = new AppError('shutting_down', 'The server is being closed.')
      finish()?.reject(error)
      for (const job of waiting.splice(0)) job.reject(error)
      await thread?.terminate()
      thread = undefined
    },
  }
}

const BATCH_DOCUMENTS = 1_000

function batchesOf(texts: readonly DocumentText[]): string[] {
  const batches: string[] = []
  for (let start = 0; start < texts.length; start += BATCH_DOCUMENTS) {
    batches.push(`[${texts.slice(start, start + BATCH_DOCUMENTS).join(',')}]`)
  }
  return batches
}

const tooLate = () => new AppError('deadline_exceeded', 'The aggregation took too long and was stopped.')
