/**
 * The main thread's side of the writer: while one batch is being committed, the next one collects. So the number of
 * commits follows the speed of the disk, not the number of requests.
 */
import type { Worker } from 'node:worker_threads'
import { AppError } from '../../errors.ts'
import type { DatabaseLog, DatabaseStats, TransactionScript } from '../database.ts'
import { fromErrorMessage, toDatabaseError } from './sqlite-errors.ts'
import type { WriterReply, WriterRequest } from './thread-messages.ts'
import { type BatchEntry, type NewScript, type Outcome, startThread } from './thread-messages.ts'

/** Scripts that share one commit at most: more would only let the first of them wait longer. */
const BATCH_SCRIPTS_MAX = 256
/** Writes that may wait; beyond this the server sheds load at once. */
const QUEUED_WRITES_MAX = 4_096
/** Pause before a thread that died is replaced, so that a broken disk does not spin. */
const RESTART_DELAY_MS = 500

type ScriptJob = { readonly kind: 'script'; readonly entry: BatchEntry; readonly newScript: NewScript }
type DefineJob = { readonly kind: 'define'; readonly sql: string }
type Waiting<Job> = Job & { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }

type Settings = { readonly file: string; readonly log: DatabaseLog }

export class WriterQueue {
  readonly #settings: Settings
  readonly #scripts = new Map<unknown, NewScript>()
  readonly #waiting: Waiting<ScriptJob | DefineJob>[] = []
  #inFlight: Waiting<ScriptJob | DefineJob>[] = []
  #thread: Worker | undefined
  /** Scripts that the present thread has imported. */
  #introduced = new Set<number>()
  #flushPlanned = false
  #onClosed: (() => void) | undefined
  #commits = 0
  #committedScripts = 0
  #failedScripts = 0
  #lastCommitMs = 0

  /** Resolves once the database file is open for writing. */
  static async open(settings: Settings): Promise<WriterQueue> {
    const queue = new WriterQueue(settings)
    await queue.#start()
    return queue
  }

  private constructor(settings: Settings) {
    this.#settings = settings
  }

  run<Args, Result>(script: TransactionScript<Args, Result>, args: Args, timeoutMs: number): Promise<Result> {
    const newScript = this.#introduce(script)
    const answer = this.#enqueue({ kind: 'script', newScript, entry: { scriptId: newScript.id, args, timeoutMs } })
    return answer as Promise<Result> // safe: the thread runs the same function, and its result was cloned
  }

  async define(sql: string): Promise<void> {
    await this.#enqueue({ kind: 'define', sql })
  }

  /** Whether a thread stands ready to write. */
  get isReady(): boolean {
    return this.#thread !== undefined
  }

  stats(): Pick<DatabaseStats, 'commits' | 'scripts' | 'failedScripts' | 'queuedWrites' | 'lastCommitMs'> {
    return {
      commits: this.#commits,
      scripts: this.#committedScripts,
      failedScripts: this.#failedScripts,
      queuedWrites: this.#waiting.length + this.#inFlight.length,
      lastCommitMs: this.#lastCommitMs,
    }
  }

  /** Writes what waits, then moves the log into the file and ends the thread. */
  async close(): Promise<void> {
    if (this.#onClosed) return
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve
      this.#flush()
    })
    await this.#thread?.terminate()
  }

  #introduce(script: { readonly url: string; readonly name: string }): NewScript {
    let known = this.#scripts.get(script)
    if (!known) {
      known = { id: this.#scripts.size, url: script.url, name: script.name }
      this.#scripts.set(script, known)
    }
    return known
  }

  #enqueue(job: ScriptJob | DefineJob): Promise<unknown> {
    if (this.#onClosed) return Promise.reject(new AppError('shutting_down', 'The database is being closed.'))
    if (this.#waiting.length >= QUEUED_WRITES_MAX)
      return Promise.reject(new AppError('overloaded', 'Too many writes are waiting.', { details: RETRY }))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...job, resolve, reject })
      this.#planFlush()
    })
  }

  /** Waits for the end of this turn of the event loop: all requests that arrived in it share the batch. */
  #planFlush() {
    if (this.#flushPlanned || this.#inFlight.length) return
    this.#flushPlanned = true
    setImmediate(() => {
      this.#flushPlanned = false
      this.#flush()
    })
  }

  #flush() {
    if (this.#inFlight.length || !this.#thread) return
    const first = this.#waiting[0]
    if (!first) return this.#onClosed && this.#send({ kind: 'close' })
    if (first.kind === 'define') {
      this.#inFlight = this.#waiting.splice(0, 1)
      return this.#send({ kind: 'define', sql: first.sql })
    }
    const end = this.#waiting.slice(0, BATCH_SCRIPTS_MAX).findIndex(({ kind }) => kind !== 'script')
    this.#inFlight = this.#waiting.splice(0, end < 0 ? BATCH_SCRIPTS_MAX : end)
    this.#sendBatch(this.#inFlight.filter(isScriptJob))
  }

  #sendBatch(jobs: readonly Waiting<ScriptJob>[]) {
    const newScripts = new Set<NewScript>()
    for (const { newScript } of jobs) if (!this.#introduced.has(newScript.id)) newScripts.add(newScript)
    try {
      this.#send({ kind: 'batch', newScripts: [...newScripts], entries: jobs.map(({ entry }) => entry) })
      for (const { id } of newScripts) this.#introduced.add(id)
    } catch {
      // One script's arguments cannot cross threads: its own caller gets the error, the others are sent again.
      this.#inFlight = []
      this.#waiting.unshift(...jobs.filter(canCross))
      this.#planFlush()
    }
  }

  #send(request: WriterRequest) {
    this.#thread?.postMessage(request)
  }

  #start(): Promise<void> {
    const thread = startThread('writer-thread', { file: this.#settings.file })
    this.#introduced = new Set()
    return new Promise((resolve, reject) => {
      thread.on('message', (reply: WriterReply) => {
        if (reply.kind === 'opened') {
          this.#thread = thread
          this.#flush()
          resolve()
        } else if (reply.kind === 'not-opened') reject(fromErrorMessage(reply.error))
        else this.#receive(reply)
      })
      thread.on('error', (error) => {
        this.#settings.log.error({ err: error }, 'the database writer failed')
        reject(toDatabaseError(error)) // may overtake 'not-opened'
      })
      thread.on('exit', () => this.#thread === thread && this.#replaceThread())
    })
  }

  #receive(reply: WriterReply) {
    if (reply.kind === 'closed') return this.#onClosed?.()
    const jobs = this.#inFlight
    this.#inFlight = []
    if (reply.kind === 'batch-done') {
      this.#count(reply.outcomes, reply.commitMs)
      for (const [place, outcome] of reply.outcomes.entries()) settle(jobs[place], outcome)
    } else if (reply.kind === 'defined') settle(jobs[0], reply.outcome)
    // Callers that now send their next write belong into the next batch too.
    this.#planFlush()
  }

  #count(outcomes: readonly Outcome[], commitMs: number) {
    const failed = outcomes.filter((outcome) => 'error' in outcome).length
    this.#failedScripts += failed
    this.#committedScripts += outcomes.length - failed
    if (failed === outcomes.length) return
    this.#commits += 1
    this.#lastCommitMs = commitMs
  }

  /** Nobody knows whether the batch in flight was committed, so its callers are told that the database failed them. */
  #replaceThread() {
    this.#thread = undefined
    if (this.#onClosed) return this.#onClosed()
    const jobs = this.#inFlight
    this.#inFlight = []
    for (const { reject } of jobs) reject(unavailable())
    setTimeout(() => {
      this.#start().catch(() => {
        for (const { reject } of this.#waiting.splice(0)) reject(unavailable())
        this.#replaceThread()
      })
    }, RESTART_DELAY_MS).unref()
  }
}

const RETRY = { retryAfterSeconds: 1 }

const unavailable = () =>
  new AppError('database_unavailable', 'The database writer failed and is being restarted.', { details: RETRY })

const isScriptJob = (job: Waiting<ScriptJob | DefineJob>): job is Waiting<ScriptJob> => job.kind === 'script'

function settle(job: Waiting<ScriptJob | DefineJob> | undefined, outcome: Outcome) {
  if ('error' in outcome) job?.reject(fromErrorMessage(outcome.error))
  else job?.resolve(outcome.value)
}

function canCross(job: Waiting<ScriptJob>): boolean {
  try {
    structuredClone(job.entry)
    return true
  } catch (error) {
    job.reject(error)
    return false
  }
}
