/** A Database on a database server, whichever driver speaks to it. */

import { AppError } from '../../errors.ts'
import type { Database, DatabaseLog, ReadOptions, Row, SqlStep } from '../database.ts'
import { ConnectionPool } from './connection-pool.ts'
import { type Driver, isAppError } from './driver.ts'
import { ScriptQueue, tooLate } from './script-queue.ts'
import type { Session } from './session.ts'

export type NetworkedSettings = {
  readonly url: string
  /** Statements and scripts give up after this, unless the caller says otherwise. */
  readonly timeoutMs: number
  /** Connections of this process at most. */
  readonly connections: number
  readonly log: DatabaseLog
}

/** DDL waits for nobody's deadline: an index on a large table takes minutes. */
const DEFINE_TIMEOUT_MS = 60 * 60_000

/** @throws {AppError} `database_unavailable` if the server does not answer now */
export async function openNetworked(driver: Driver, settings: NetworkedSettings): Promise<Database> {
  const { timeoutMs, connections, log } = settings
  const pool = new ConnectionPool({ driver, size: connections, log })
  const scripts = new ScriptQueue(pool)
  let reads = 0
  let isClosing = false

  async function withSession<Result>(limitMs: number, work: (session: Session) => Promise<Result>): Promise<Result> {
    const session = await pool.acquire()
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      void session.cancel()
    }, limitMs)
    try {
      return await work(session)
    } catch (error) {
      throw isLate ? tooLate(error) : error
    } finally {
      clearTimeout(timer)
      pool.release(session)
    }
  }

  function refuseWhenClosing() {
    if (isClosing) throw new AppError('shutting_down', 'The database is being closed.')
  }

  async function read(step: SqlStep, limitMs: number): Promise<Row[]> {
    refuseWhenClosing()
    reads += 1
    const attempt = async () => [
      ...(await withSession(limitMs, (session) => session.run({ ...step, want: 'rows' }))).rows,
    ]
    try {
      // A read may be repeated: after a deadlock, or a change of the schema since it was prepared.
      return await attempt().catch((error) =>
        isAppError(error, 'transaction_conflict') ? attempt() : Promise.reject(error),
      )
    } finally {
      reads -= 1
    }
  }

  const database: Database = {
    dialect: driver.dialect,
    read: (sql, params = [], options: ReadOptions = {}) => read({ sql, params }, options.timeoutMs ?? timeoutMs),
    async transact(script, args, options) {
      refuseWhenClosing()
      return scripts.run(script, args, options?.timeoutMs ?? timeoutMs)
    },
    async define(sql) {
      refuseWhenClosing()
      await withSession(DEFINE_TIMEOUT_MS, (session) => session.control(sql))
      driver.forgetStatements()
    },
    async ping() {
      await read({ sql: 'SELECT 1' }, timeoutMs)
    },
    stats: () => ({ ...scripts.stats(), queuedReads: pool.waiting, busyReaders: Math.min(reads, pool.busy) }),
    async close() {
      if (isClosing) return
      isClosing = true
      await scripts.drain()
      await pool.close()
    },
  }
  try {
    await database.ping()
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}
