/**
 * Takes due jobs and runs their handlers, no more at once than asked for. While a handler runs, its claim is renewed; a
 * claim that is not renewed ends by itself, and the job is another worker's.
 */

import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { openClockGuard } from './clock-guard.ts'
import { listDue, listDueKinds, nextDueMs, type StoredJob } from './job-store.ts'
import { type Claim, claimJob, failJob, finishJob, renewClaim, reportProgress, returnJob } from './settle-job.ts'

export type RunningJob = Claim & {
  readonly kind: string
  readonly data: unknown
  readonly ownerOpenId: string | undefined
  /** Aborted when the job is no longer this worker's: cancelled, or claimed by another after a long silence. */
  readonly signal: AbortSignal
  /** 0 to 100. @throws {AppError} `job_lease_lost` */
  report(progress: number, message?: string): Promise<void>
}

/**
 * Does the work. What it returns is the job's result; `COMPLETED` if a script of its own has run `completeJob`. It may run
 * again after a crash, so what it does must be safe to repeat, or be part of that script.
 */
export type JobHandler = (job: RunningJob) => Promise<unknown>

export const COMPLETED: unique symbol = Symbol('the handler has completed its job itself')

export type RunnableKind = { readonly handler: JobHandler; readonly concurrency: number }

export type RunnerNeeds = {
  readonly database: Database
  /** Undefined: this process cannot run such jobs. */
  readonly kindOf: (kind: string) => RunnableKind | undefined
  /** Jobs of all kinds at once in this process. */
  readonly workers: number
  readonly leaseMs: number
  readonly log: Log
  readonly now: () => number
  readonly monotonicMs: () => number
}

/** Jobs that another process added are noticed within this time. */
const SLEEP_MS_MAX = 1_000
const SLEEP_MS_MIN = 20
const RETRY_FIRST_MS = 5_000
const RETRY_MAX_MS = 3_600_000
/** Jobs that failed together should not come back together. */
const RETRY_JITTER = 0.2
/** Several processes look at this many times what they can take, so that they seldom want the same jobs. */
const SPREAD = 4
const ERROR_CHARACTERS_MAX = 2_000
const RESULT_BYTES_MAX = 64 * 1024
const MESSAGE_CHARACTERS_MAX = 500

export class JobRunner {
  readonly #needs: RunnerNeeds
  readonly #isClockTrusted: () => boolean
  readonly #running = new Map<string, { readonly job: StoredJob; readonly end: Promise<void>; abort(): void }>()
  #sleeping: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isStarted = false
  #isWanted = false

  constructor(needs: RunnerNeeds) {
    this.#needs = needs
    this.#isClockTrusted = openClockGuard(needs)
  }

  get running(): number {
    return this.#running.size
  }

  start(): void {
    this.#isStarted = true
    this.wake()
  }

  /** There may be something to do. */
  wake(): void {
    if (!this.#isStarted) return
    this.#isWanted = true
    clearTimeout(this.#sleeping)
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
  }

  /** Takes nothing new, gives what runs this long, and gives back the rest. */
  async close(timeoutMs: number): Promise<void> {
    this.#isStarted = false
    clearTimeout(this.#sleeping)
    await this.#looking
    const ends = Promise.all([...this.#running.values()].map(({ end }) => end))
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([ends, patience])
    clearTimeout(timer)
    const { database, now } = this.#needs
    for (const { job, abort } of this.#running.values()) {
      await database.transact(returnJob, { id: job.id, attempt: job.attempts, nowMs: now() }).catch(() => {}) // the lease ends it
      abort()
    }
  }

  async #look() {
    const { database, now, log } = this.#needs
    let sleepMs = SLEEP_MS_MAX
    while (this.#isWanted && this.#isStarted) {
      this.#isWanted = false
      try {
        await this.#takeDue()
        sleepMs = (await nextDueMs(database)) - now()
      } catch (err) {
        log.error({ err }, 'jobs could not be taken')
      }
    }
    if (!this.#isStarted) return
    // With all places taken, the end of a job wakes us.
    const isFull = this.#running.size >= this.#needs.workers
    const waitMs = isFull ? SLEEP_MS_MAX : Math.min(Math.max(sleepMs, SLEEP_MS_MIN), SLEEP_MS_MAX)
    this.#sleeping = setTimeout(() => this.wake(), waitMs)
    this.#sleeping.unref()
  }

  async #takeDue() {
    const { database, now, kindOf, workers } = this.#needs
    const mayTakeOver = this.#isClockTrusted()
    if (this.#running.size >= workers) return
    for (const name of await listDueKinds(database, now())) {
      const kind = kindOf(name)
      if (!kind) continue
      const busy = [...this.#running.values()].filter(({ job }) => job.kind === name).length
      const free = Math.min(kind.concurrency - busy, workers - this.#running.size)
      if (free > 0) await this.#take(name, kind.handler, free, mayTakeOver)
    }
  }

  async #take(name: string, handler: JobHandler, count: number, mayTakeOver: boolean) {
    const { database, now, leaseMs } = this.#needs
    const due = await listDue(database, name, now(), count * SPREAD)
    // After a leap of the clock nobody knows whose time is over.
    const claims = spread(due.filter(({ state }) => state === 'waiting' || mayTakeOver))
      .slice(0, count)
      .map((job) => {
        const nowMs = now()
        return database.transact(claimJob, { job, nowMs, untilMs: nowMs + leaseMs })
      })
    for (const job of await Promise.all(claims)) if (job && this.#isStarted) this.#begin(job, handler)
    if (due.length > count) this.#isWanted = true
  }

  #begin(job: StoredJob, handler: JobHandler) {
    const aborting = new AbortController()
    const end = this.#run(job, handler, aborting).finally(() => {
      this.#running.delete(key)
      this.wake()
    })
    const key = `${job.id} ${job.attempts}`
    this.#running.set(key, { job, end, abort: () => aborting.abort() })
  }

  /** Never throws: how it ended is in the job, or in the log. */
  async #run(job: StoredJob, handler: JobHandler, aborting: AbortController): Promise<void> {
    const { database, log, now, leaseMs } = this.#needs
    const claim: Claim = { id: job.id, attempt: job.attempts }
    const stopRenewing = this.#renew(claim, aborting, leaseMs / 3)
    const facts = { job: job.id, kind: job.kind, attempt: job.attempts }
    const startedAtMs = performance.now()
    try {
      const result = await handler(this.#toRunningJob(job, claim, aborting.signal))
      if (result !== COMPLETED) {
        const text = asResult(result)
        await database.transact(finishJob, { ...claim, result: text, nowMs: now() })
      }
      log.info({ ...facts, durationMs: Math.round(performance.now() - startedAtMs) }, 'job done')
    } catch (error) {
      await this.#fail(job, claim, error).catch((err: unknown) => {
        const isLost = err instanceof AppError && err.code === 'job_lease_lost'
        // What is not noted ends with its lease.
        if (isLost) log.warn(facts, 'a job was taken over or cancelled while it ran')
        else log.error({ ...facts, err }, 'the end of a job was not noted')
      })
    } finally {
      stopRenewing()
    }
  }

  #toRunningJob(job: StoredJob, claim: Claim, signal: AbortSignal): RunningJob {
    const { database } = this.#needs
    return {
      ...claim,
      kind: job.kind,
      data: JSON.parse(job.data) as unknown, // safe: written as JSON
      ownerOpenId: job.ownerOpenId,
      signal,
      report: (progress, message = '') =>
        database.transact(reportProgress, {
          ...claim,
          progress: Math.round(Math.min(Math.max(progress, 0), 100)),
          message: message.slice(0, MESSAGE_CHARACTERS_MAX),
        }),
    }
  }

  #renew(claim: Claim, aborting: AbortController, everyMs: number): () => void {
    const { database, now, leaseMs } = this.#needs
    const timer = setInterval(() => {
      database.transact(renewClaim, { ...claim, untilMs: now() + leaseMs }).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'job_lease_lost') aborting.abort(error)
      })
    }, everyMs)
    timer.unref()
    return () => clearInterval(timer)
  }

  async #fail(job: StoredJob, claim: Claim, thrown: unknown) {
    if (thrown instanceof AppError && thrown.code === 'job_lease_lost') throw thrown
    const { database, log, now } = this.#needs
    const error = (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, ERROR_CHARACTERS_MAX)
    const nowMs = now()
    const retryAtMs = nowMs + retryPauseMs(job.attempts)
    const isFinal = thrown instanceof FinalJobError
    const state = await database.transact(failJob, { ...claim, error, nowMs, retryAtMs, isFinal })
    const facts = { job: job.id, kind: job.kind, attempt: job.attempts, reason: error }
    if (state === 'dead') log.error(facts, 'a job was given up')
    else log.warn({ ...facts, retryInMs: retryAtMs - nowMs }, 'a job failed and will be tried again')
  }
}

/** Those that are equally urgent, in any order; the more urgent ones stay before the others. */
function spread(due: readonly StoredJob[]): StoredJob[] {
  const places = due.map((job) => ({ job, chance: Math.random() }))
  return places.sort((a, b) => a.job.urgency - b.job.urgency || a.chance - b.chance).map(({ job }) => job)
}

/** Thrown by a handler: trying again would not help. */
export class FinalJobError extends Error {
  override readonly name = 'FinalJobError'
}

export function retryPauseMs(attempt: number): number {
  const pauseMs = Math.min(RETRY_FIRST_MS * 2 ** (attempt - 1), RETRY_MAX_MS)
  return Math.round(pauseMs * (1 + RETRY_JITTER * (2 * Math.random() - 1)))
}

function asResult(result: unknown): string | undefined {
  const text = result === undefined ? undefined : JSON.stringify(result)
  if (text !== undefined && Buffer.byteLength(text) > RESULT_BYTES_MAX)
    throw new FinalJobError(`The result has more than ${RESULT_BYTES_MAX} bytes: store a file and return its id.`)
  return text
}
