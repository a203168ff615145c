/** A pooled connection with the bookkeeping that a frozen or vanished server makes necessary. */
import type { SqlStep, StepResult } from '../database.ts'
import { type Driver, type DriverConnection, isAppError, unavailable } from './driver.ts'

/** How long the server may take to stop a statement that it was asked to stop. */
const CANCEL_TIMEOUT_MS = 1_000

export class Session {
  readonly #driver: Driver
  readonly #connection: DriverConnection
  #failPending: ((error: unknown) => void) | undefined
  /** Since when a statement waits for its answer, on the clock of `performance.now()`. */
  waitingSinceMs: number | undefined
  /** Not to be used again. */
  isSpent = false

  constructor(driver: Driver, connection: DriverConnection) {
    this.#driver = driver
    this.#connection = connection
  }

  run(step: SqlStep): Promise<StepResult> {
    return this.#answered(() => this.#connection.run(step))
  }

  control(sql: string): Promise<void> {
    return this.#answered(() => this.#connection.control(sql))
  }

  /** Stops what runs now. A late request to stop could hit the next statement, so the session is spent. */
  async cancel(): Promise<void> {
    this.isSpent = true
    const since = this.waitingSinceMs
    const timer = setTimeout(() => this.waitingSinceMs === since && this.destroy(), CANCEL_TIMEOUT_MS)
    try {
      await this.#driver.cancel(this.#connection.serverId, CANCEL_TIMEOUT_MS)
    } catch {
      // the server does not even take a new connection: the timer ends the wait
    }
    if (this.waitingSinceMs === undefined) clearTimeout(timer)
  }

  end(): Promise<void> {
    this.isSpent = true
    return this.#connection.end()
  }

  destroy() {
    this.isSpent = true
    this.#connection.destroy()
    this.#failPending?.(unavailable('The connection to the database was lost.'))
  }

  /** Fails when the session is destroyed, even if the driver never answers. */
  #answered<Result>(work: () => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.waitingSinceMs = performance.now()
      this.#failPending = reject
      work().then(resolve, (error) => reject(this.#driver.toDatabaseError(error)))
    }).then(
      (result) => {
        this.waitingSinceMs = undefined
        return result
      },
      (error) => {
        this.waitingSinceMs = undefined
        if (isAppError(error, 'database_unavailable')) this.destroy()
        throw error
      },
    )
  }
}
