/**
 * Transactions on a database server. While connections are free each script gets one of its own. When they are not,
 * scripts wait, and the next free connection takes several of them into one transaction: one commit for all. If one of
 * them fails, the whole is rolled back and each runs again alone.
 */
import { AppError } from '../../errors.ts'
import type { DatabaseStats, Script, SqlStep, StepResult, TransactionScript } from '../database.ts'
import { type ConnectionPool, POOL_WAIT_MS } from './connection-pool.ts'
import { isAppError, unavailable } from './driver.ts'
import type { Session } from './session.ts'

/** Scripts that share one transaction at most: it holds its locks until the last of them is done. */
const GROUP_SCRIPTS_MAX = 16
/** A script that spoilt a group runs alone for so long: its failures would cost its neighbours a second run. */
const ALONE_AFTER_FAILURE_MS = 2_000
/** Scripts that may wait; beyond this the server sheds load at once. */
const QUEUED_SCRIPTS_MAX = 4_096
/** Runs of one script before its deadlock becomes the caller's. */
const ATTEMPTS_MAX = 5
const RETRY_DELAY_MS_MAX = 20

type Job = {
  readonly script: { readonly run: Script<never, unknown>; readonly isAlone?: boolean }
  readonly args: never
  readonly timeoutMs: number
  readonly queuedMs: number
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

export class ScriptQueue {
  readonly #pool: ConnectionPool
  readonly #waiting: Job[] = []
  /** Scripts that failed lately, and until when they run alone. */
  readonly #aloneUntilMs = new Map<unknown, number>()
  #connectionsAsked = 0
  #running = 0
  #isPlanned = false
  #onDrained: (() => void) | undefined
  #commits = 0
  #committedScripts = 0
  #failedScripts = 0
  #lastCommitMs = 0

  constructor(pool: ConnectionPool) {
    this.#pool = pool
  }

  run<Args, Result>(script: TransactionScript<Args, Result>, args: Args, timeoutMs: number): Promise<Result> {
    if (this.#waiting.length >= QUEUED_SCRIPTS_MAX)
      return Promise.reject(
        new AppError('overloaded', 'Too many writes are waiting.', { details: { retryAfterSeconds: 1 } }),
      )
    return new Promise<Result>((resolve, reject) => {
      const job = { script, args, timeoutMs, queuedMs: performance.now(), resolve, reject }
      this.#waiting.push(job as unknown as Job) // safe: a job's script, args and resolve belong together
      this.#plan()
    })
  }

  /** Resolves when nothing waits or runs. */
  async drain(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve
      this.#settleIfDrained()
    })
  }

  stats(): Omit<DatabaseStats, 'queuedReads' | 'busyReaders'> {
    return {
      commits: this.#commits,
      scripts: this.#committedScripts,
      failedScripts: this.#failedScripts,
      queuedWrites: this.#waiting.length + this.#running,
      lastCommitMs: this.#lastCommitMs,
    }
  }

  /** At the end of this turn of the event loop, when all that arrived together is there to be shared out. */
  #plan() {
    if (this.#isPlanned) return
    this.#isPlanned = true
    setImmediate(() => {
      this.#isPlanned = false
      const wanted = Math.min(this.#waiting.length, this.#pool.size)
      while (this.#connectionsAsked < wanted) void this.#serve()
    })
  }

  async #serve() {
    this.#connectionsAsked += 1
    try {
      const session = await this.#pool.acquire()
      this.#connectionsAsked -= 1
      await this.#runSome(session)
    } catch (error) {
      this.#connectionsAsked -= 1
      this.#giveUpWaiting(error)
    }
    if (this.#waiting.length) this.#plan()
    this.#settleIfDrained()
  }

  #settleIfDrained() {
    if (this.#waiting.length === 0 && this.#running === 0) this.#onDrained?.()
  }

  async #runSome(session: Session) {
    const jobs = this.#takeGroup()
    this.#running += jobs.length
    let left = jobs
    try {
      if (jobs.length > 1) left = await this.#runTogether(session, jobs)
      while (left[0] && !session.isSpent) {
        const job = left[0]
        left = left.slice(1)
        await this.#runAlone(session, job)
      }
    } finally {
      // One that ran over its deadline took the connection with it: nothing of the others was committed.
      this.#waiting.unshift(...left)
      this.#running -= jobs.length
      this.#pool.release(session)
    }
  }

  /** As many as leave work for the other connections. */
  #takeGroup(): Job[] {
    const share = Math.min(GROUP_SCRIPTS_MAX, Math.ceil(this.#waiting.length / this.#pool.size))
    const loner = this.#waiting.slice(0, share).findIndex(({ script }) => this.#runsAlone(script))
    return this.#waiting.splice(0, loner < 0 ? share : Math.max(1, loner))
  }

  #runsAlone(script: Job['script']): boolean {
    if (script.isAlone) return true
    const untilMs = this.#aloneUntilMs.get(script)
    if (untilMs && untilMs < performance.now()) this.#aloneUntilMs.delete(script)
    return untilMs !== undefined
  }

  /** Answers the scripts that still have to run: all of them if one failed and everything was rolled back. */
  async #runTogether(session: Session, jobs: Job[]): Promise<Job[]> {
    const values: unknown[] = []
    let current: Job | undefined
    try {
      await session.control('BEGIN')
      for (current of jobs) values.push(await runWithDeadline(session, current))
    } catch (error) {
      if (current) this.#aloneUntilMs.set(current.script, performance.now() + ALONE_AFTER_FAILURE_MS)
      return this.#undo(session, jobs, { culprit: current, reason: error })
    }
    try {
      await this.#commit(session, jobs.length)
    } catch (error) {
      // Nobody knows whether it was committed, so it must not run again.
      this.#rejectAll(jobs, error)
      return []
    }
    for (const [place, job] of jobs.entries()) job.resolve(values[place])
    return []
  }

  async #undo(session: Session, jobs: Job[], { culprit, reason }: { culprit: Job | undefined; reason: unknown }) {
    if (!session.isSpent && (await rolledBack(session))) return jobs
    if (culprit && isAppError(reason, 'deadline_exceeded')) {
      this.#rejectAll([culprit], reason)
      return jobs.filter((job) => job !== culprit)
    }
    this.#rejectAll(jobs, unavailable('The connection to the database was lost.', reason))
    return []
  }

  async #runAlone(session: Session, job: Job) {
    for (let attempt = 1; ; attempt += 1) {
      const error = await this.#attempt(session, job)
      if (!error) return
      const mayRetry = isAppError(error.reason, 'transaction_conflict') && attempt < ATTEMPTS_MAX && !session.isSpent
      if (!mayRetry) return this.#rejectAll([job], error.reason)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * RETRY_DELAY_MS_MAX * attempt))
    }
  }

  async #attempt(session: Session, job: Job): Promise<{ reason: unknown } | undefined> {
    if (session.isSpent) return { reason: unavailable('The connection to the database was lost.') }
    try {
      await session.control('BEGIN')
      const value = await runWithDeadline(session, job)
      await this.#commit(session, 1)
      job.resolve(value)
      return undefined
    } catch (reason) {
      if (!session.isSpent && !(await rolledBack(session))) session.destroy()
      if (job.script.isAlone) session.isSpent = true // it may hold locks that a rollback does not free
      return { reason }
    }
  }

  async #commit(session: Session, scripts: number) {
    const startedMs = performance.now()
    await session.control('COMMIT')
    this.#lastCommitMs = performance.now() - startedMs
    this.#commits += 1
    this.#committedScripts += scripts
  }

  #rejectAll(jobs: readonly Job[], error: unknown) {
    this.#failedScripts += jobs.length
    for (const { reject } of jobs) reject(error)
  }

  /** No connection was to be had: who has waited long enough is told so; all are, if the database is away. */
  #giveUpWaiting(error: unknown) {
    const sinceMs = performance.now() - POOL_WAIT_MS
    const isEarly = ({ queuedMs }: Job) => queuedMs > sinceMs && this.#pool.busy > 0
    const late = this.#waiting.filter((job) => !isEarly(job))
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter(isEarly))
    this.#rejectAll(late, error)
  }
}

async function rolledBack(session: Session): Promise<boolean> {
  try {
    await session.control('ROLLBACK')
    return true
  } catch {
    return false
  }
}

/** The script's steps, stopped at its deadline. */
async function runWithDeadline(session: Session, { script, args, timeoutMs }: Job): Promise<unknown> {
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    void session.cancel()
  }, timeoutMs)
  const execute = async (step: SqlStep) => {
    if (isLate) throw tooLate()
    return session.run(step)
  }
  try {
    return await runScriptAsync(script.run, args, execute)
  } catch (error) {
    throw isLate ? tooLate(error) : error
  } finally {
    clearTimeout(timer)
  }
}

export const tooLate = (cause?: unknown) =>
  new AppError('deadline_exceeded', 'The statement took too long and was stopped.', { cause })

async function runScriptAsync(
  script: Script<never, unknown>,
  args: never,
  execute: (step: SqlStep) => Promise<StepResult>,
): Promise<unknown> {
  const steps = script(args)
  let next = steps.next()
  while (!next.done) {
    let result: StepResult
    try {
      result = await execute(next.value)
    } catch (error) {
      steps.throw(error) // the script may throw a better error of its own
      throw error // it must not go on
    }
    next = steps.next(result)
  }
  return next.value
}
