/**
 * The embedded database: one file, one writer thread with group commit, reader threads for what may take long, and a
 * connection on the calling thread for statements that touch few rows.
 */
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { AppError } from '../../errors.ts'
import type { Database, DatabaseLog, ReadOptions, Row, SqlValue } from '../database.ts'
import { ReaderPool } from './reader-pool.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { toDatabaseError } from './sqlite-errors.ts'
import { WriterQueue } from './writer-queue.ts'

export type SqliteSettings = {
  /** Created with its folder if missing. `:memory:` is not possible: threads share the file. */
  readonly file: string
  /** Statements and scripts give up after this, unless the caller says otherwise. */
  readonly timeoutMs: number
  /** Threads for long reads; they start on first use. */
  readonly readerThreads: number
  readonly log: DatabaseLog
}

/** The calling thread must not stand still for longer when another process locks the file. */
const BUSY_TIMEOUT_MS = 250
/** The SQLite driver's binary needs it: Node 22.14 and later have it. On an older Node it kills the process. */
const NODE_API_VERSION_NEEDED = 10

/** @throws {Error} naming what to do, when the running Node is too old */
export function requireSupportedNode(versions: { readonly node: string; readonly napi?: string }) {
  if (Number(versions.napi ?? 0) >= NODE_API_VERSION_NEEDED) return
  throw new Error(
    `SQLite needs Node.js 22.14 or later, and this is ${versions.node}. ` +
      'Run `npm ci`, which brings Node.js 24 along, and start with `npm start` or `npx sampan`.',
  )
}

/** @throws {AppError} `database_unavailable`; {Error} on a Node that is too old */
export async function openSqlite({ file, timeoutMs, readerThreads, log }: SqliteSettings): Promise<Database> {
  requireSupportedNode(process.versions)
  if (file === '' || file.startsWith(':')) throw new Error(`"${file}" is not a file; SQLite needs one here.`)
  await mkdir(path.dirname(path.resolve(file)), { recursive: true })

  const writer = await WriterQueue.open({ file, log }) // creates the file
  const { openSqliteConnection } = await import('./sqlite-connection.ts')
  const connection = openSqliteConnection(file, { isReadOnly: true, busyTimeoutMs: BUSY_TIMEOUT_MS })
  const readers = new ReaderPool({ file, threads: readerThreads, log })
  let isClosed = false

  function readHere(sql: string, params: readonly SqlValue[], limitMs: number): Row[] {
    if (isClosed) throw new AppError('shutting_down', 'The database is being closed.')
    try {
      return connection.readFewRows(sql, params, performance.now() + limitMs)
    } catch (error) {
      throw toDatabaseError(error)
    }
  }

  return {
    dialect: sqliteDialect,
    async read(sql, params = [], options: ReadOptions = {}) {
      const limitMs = options.timeoutMs ?? timeoutMs
      return options.cost === 'cheap' ? readHere(sql, params, limitMs) : readers.read(sql, params, limitMs)
    },
    transact: (script, args, options) => writer.run(script, args, options?.timeoutMs ?? timeoutMs),
    define: (sql) => writer.define(sql),
    async ping() {
      readHere('SELECT 1', [], timeoutMs)
      if (!writer.isReady) throw new AppError('database_unavailable', 'The database writer is being restarted.')
    },
    stats: () => ({ ...writer.stats(), ...readers.stats() }),
    async close() {
      if (isClosed) return
      await Promise.all([readers.close(), writer.close()])
      isClosed = true
      connection.close()
    },
  }
}
