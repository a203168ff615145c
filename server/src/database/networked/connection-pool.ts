/**
 * A bounded pool of connections. Waiting for one is short, and while the database is away nobody waits at all: a breaker
 * answers at once, and a probe finds out when the database is back.
 */

import { AppError } from '../../errors.ts'
import type { DatabaseLog } from '../database.ts'
import { type Driver, isAppError, unavailable } from './driver.ts'
import { Session } from './session.ts'

/** Longest wait for a free connection. */
export const POOL_WAIT_MS = 500
const CONNECT_TIMEOUT_MS = 1_000
/** Waiters beyond this are turned away at once. */
const WAITERS_MAX = 2_000
/** A statement that waits longer makes us ask whether the server is still alive. */
const STALL_MS = 1_000
/** Between two looks at stalled statements, and between two probes while the database is away. */
const WATCH_INTERVAL_MS = 500

type Waiter = {
  readonly resolve: (session: Session) => void
  readonly reject: (error: unknown) => void
  timer: NodeJS.Timeout
}
type PoolSettings = { readonly driver: Driver; readonly size: number; readonly log: DatabaseLog }

export class ConnectionPool {
  readonly #driver: Driver
  readonly #size: number
  readonly #log: DatabaseLog
  readonly #sessions = new Set<Session>()
  readonly #idle: Session[] = []
  readonly #waiters: Waiter[] = []
  readonly #watch: NodeJS.Timeout
  #connecting = 0
  #isAway = false
  #isProbing = false
  #onDrained: (() => void) | undefined

  constructor({ driver, size, log }: PoolSettings) {
    this.#driver = driver
    this.#size = size
    this.#log = log
    this.#watch = setInterval(() => void this.#lookAfter(), WATCH_INTERVAL_MS).unref()
  }

  get size() {
    return this.#size
  }

  get busy() {
    return this.#sessions.size - this.#idle.length
  }

  get waiting() {
    return this.#waiters.length
  }

  /** @throws {AppError} `database_unavailable` at once or after `POOL_WAIT_MS`; `shutting_down` */
  acquire(): Promise<Session> {
    if (this.#onDrained) return Promise.reject(new AppError('shutting_down', 'The database is being closed.'))
    if (this.#isAway) return Promise.reject(unavailable('The database does not answer.'))
    const session = this.#idle.pop()
    if (session) return Promise.resolve(session)
    if (this.#waiters.length >= WAITERS_MAX)
      return Promise.reject(
        new AppError('overloaded', 'Too many statements wait.', { details: { retryAfterSeconds: 1 } }),
      )
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#turnAway(waiter), POOL_WAIT_MS)
      const waiter: Waiter = { resolve, reject, timer }
      this.#waiters.push(waiter)
      this.#growForWaiters()
    })
  }

  release(session: Session) {
    if (session.isSpent) this.#forget(session, true)
    else if (!this.#hand(session)) this.#idle.push(session)
    this.#settleIfDrained()
  }

  /** Waits for the work under way, then takes leave. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve
      this.#settleIfDrained()
    })
    clearInterval(this.#watch)
    await Promise.all([...this.#sessions].map((session) => session.end().catch(() => session.destroy())))
  }

  #settleIfDrained() {
    if (this.busy === 0 && this.#waiters.length === 0 && this.#connecting === 0) this.#onDrained?.()
  }

  #turnAway(waiter: Waiter) {
    const place = this.#waiters.indexOf(waiter)
    if (place >= 0) this.#waiters.splice(place, 1)
    waiter.reject(unavailable('All connections to the database are busy.'))
    this.#settleIfDrained()
  }

  #hand(session: Session): boolean {
    const waiter = this.#waiters.shift()
    if (!waiter) return false
    clearTimeout(waiter.timer)
    waiter.resolve(session)
    return true
  }

  #growForWaiters() {
    const wanted = Math.min(this.#waiters.length, this.#size - this.#sessions.size)
    while (this.#connecting < wanted) void this.#connect()
  }

  async #connect() {
    this.#connecting += 1
    try {
      let session: Session | undefined
      const connection = await this.#driver.connect(CONNECT_TIMEOUT_MS, () => session && this.#lose(session))
      session = new Session(this.#driver, connection)
      this.#sessions.add(session)
      if (!this.#hand(session)) this.#idle.push(session)
    } catch (error) {
      this.#failWaiters(this.#driver.toDatabaseError(error))
    } finally {
      this.#connecting -= 1
      this.#settleIfDrained()
    }
  }

  /** A wrong password is told as it is; a server that is away opens the breaker; a full one lets waiters wait. */
  #failWaiters(error: unknown) {
    if (isAppError(error, 'database_unavailable') && this.#sessions.size === 0) return this.#declareAway(error)
    if (this.#sessions.size) return
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer)
      waiter.reject(error)
    }
  }

  #lose(session: Session) {
    session.destroy()
    if (this.#idle.includes(session)) this.#forget(session, false)
  }

  #forget(session: Session, takeLeave: boolean) {
    this.#sessions.delete(session)
    const place = this.#idle.indexOf(session)
    if (place >= 0) this.#idle.splice(place, 1)
    if (takeLeave) session.end().catch(() => session.destroy())
    this.#growForWaiters()
  }

  async #lookAfter() {
    const stalledMs = performance.now() - STALL_MS
    const isStalled = [...this.#sessions].some(({ waitingSinceMs }) => waitingSinceMs && waitingSinceMs < stalledMs)
    if (this.#isProbing || !(this.#isAway || isStalled)) return
    this.#isProbing = true
    try {
      await this.#probe()
      if (this.#isAway) this.#log.info({}, 'the database answers again')
      this.#isAway = false
    } catch (error) {
      this.#declareAway(error)
    } finally {
      this.#isProbing = false
    }
  }

  /** A new connection: one that stalls tells nothing about the server. */
  async #probe() {
    const connection = await this.#driver.connect(CONNECT_TIMEOUT_MS, () => {})
    await connection.end()
  }

  /** Nobody waits for a server that is away: neither for a connection nor for an answer. */
  #declareAway(cause: unknown) {
    if (!this.#isAway) this.#log.error({ err: cause }, 'the database does not answer')
    this.#isAway = true
    for (const session of this.#idle.splice(0)) {
      this.#sessions.delete(session)
      session.destroy()
    }
    for (const session of this.#sessions) session.destroy()
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer)
      waiter.reject(unavailable('The database does not answer.', cause))
    }
  }
}
