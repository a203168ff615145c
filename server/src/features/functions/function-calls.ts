/** What is remembered of each call: what a function did, how long it took, what it printed. Kept for some days. */
import { type Database, type Row, type SqlValue, transactionScript } from '../../database/database.ts'
import type { Log } from '../../log.ts'
import type { LogLine } from './call-outcome.ts'

export type CallRecord = {
  readonly requestId: string
  readonly functionName: string
  /** Kind of identity that called: user, function, key, administrator. */
  readonly callerKind: string
  readonly startedAtMs: number
  readonly durationMs: number
  readonly memoryBytes: number
  /** `ok` or a code of the error table. */
  readonly status: string
  /** What the function threw, with its stack. */
  readonly error: string | undefined
  readonly log: readonly LogLine[]
}

export type CallFilter = {
  readonly functionName?: string
  readonly requestId?: string
  readonly status?: 'ok' | 'failed'
  readonly beforeMs?: number
  readonly limit?: number
}

export interface CallJournal {
  /** Written a moment later, many in one transaction: a call does not wait for its own record. */
  add(record: CallRecord): void
  /** Newest first. */
  list(filter: CallFilter): Promise<CallRecord[]>
  /** Names of the functions that were called most in the last day, busiest first. */
  listBusiest(count: number): Promise<string[]>
  close(): Promise<void>
}

type Needs = { readonly database: Database; readonly log: Log; readonly keptDays: number; readonly now: () => number }

const WRITE_EVERY_MS = 500
const WRITTEN_AT_ONCE = 200
/** Beyond this the database is slower than the functions; records of calls that went well are given up first. */
const WAITING_MAX = 2_000
const ID_CHARACTERS_MAX = 64
const LOG_CHARACTERS_MAX = 32 * 1024
const ERROR_CHARACTERS_MAX = 8 * 1024
const PURGE_EVERY_MS = 60 * 60_000
const DAY_MS = 24 * 60 * 60_000
const PAGE = 50
const PAGE_MAX = 500

export function openCallJournal({ database, log, keptDays, now }: Needs): CallJournal {
  let waiting: CallRecord[] = []
  let writing: Promise<void> = Promise.resolve()

  const write = async () => {
    const records = waiting.splice(0)
    try {
      for (let at = 0; at < records.length; at += WRITTEN_AT_ONCE) {
        await database.transact(saveCalls, records.slice(at, at + WRITTEN_AT_ONCE).map(toParams))
      }
    } catch (err) {
      log.warn({ err, calls: records.length }, 'records of function calls were lost')
    }
  }
  const flush = () => {
    writing = writing.then(write)
    return writing
  }
  const purge = () =>
    database
      .transact(purgeCalls, now() - keptDays * DAY_MS)
      .catch((err: unknown) => log.warn({ err }, 'old records of function calls were not removed'))

  const timers = [setInterval(() => waiting.length > 0 && flush(), WRITE_EVERY_MS), setInterval(purge, PURGE_EVERY_MS)]
  for (const timer of timers) timer.unref()

  return {
    add(record) {
      if (waiting.length >= WAITING_MAX)
        waiting = waiting.filter(({ status }) => status !== 'ok').slice(-WAITING_MAX / 2)
      waiting.push(record)
    },
    async list(filter) {
      await flush()
      const { sql, params } = selection(filter)
      return (await database.read(sql, params)).map(fromRow)
    },
    async listBusiest(count) {
      const rows = await database.read(
        `SELECT function_name, COUNT(*) AS calls FROM function_calls WHERE started_at_ms > ?
         GROUP BY function_name ORDER BY COUNT(*) DESC LIMIT ${Math.max(0, Math.floor(count))}`,
        [now() - DAY_MS],
      )
      return rows.map((row) => String(row['function_name']))
    },
    async close() {
      for (const timer of timers) clearInterval(timer)
      await flush()
    },
  }
}

function selection({ functionName, requestId, status, beforeMs, limit = PAGE }: CallFilter) {
  const conditions: [sql: string, value: SqlValue | undefined][] = [
    ['function_name = ?', functionName],
    ['request_id = ?', requestId],
    [status === 'failed' ? 'status <> ?' : 'status = ?', status && 'ok'],
    ['started_at_ms < ?', beforeMs],
  ]
  const used = conditions.filter((condition): condition is [string, SqlValue] => condition[1] !== undefined)
  const where = used.length > 0 ? `WHERE ${used.map(([sql]) => sql).join(' AND ')}` : ''
  const count = Math.min(Math.max(1, Math.floor(limit)), PAGE_MAX)
  const sql = `SELECT * FROM function_calls ${where} ORDER BY started_at_ms DESC LIMIT ${count}`
  return { sql, params: used.map(([, value]) => value) }
}

type CallParams = readonly SqlValue[]

const toParams = (record: CallRecord): CallParams => [
  record.requestId.slice(0, ID_CHARACTERS_MAX),
  record.functionName,
  record.callerKind,
  record.startedAtMs,
  record.durationMs,
  record.memoryBytes,
  record.status,
  record.error === undefined ? null : storable(record.error.slice(0, ERROR_CHARACTERS_MAX)),
  storable(JSON.stringify(fitting(record.log))),
]

/** PostgreSQL stores neither NUL nor halves of surrogate pairs; one record must not take its whole batch with it. */
const storable = (text: string) => text.replaceAll('\u0000', '').toWellFormed()

/** The first lines, as many as fit: where something goes wrong, the beginning says more than the repetition. */
function fitting(lines: readonly LogLine[]): readonly LogLine[] {
  let left = LOG_CHARACTERS_MAX
  return lines.filter(({ text }) => {
    left -= text.length
    return left > 0
  })
}

const fromRow = (row: Row): CallRecord => ({
  requestId: String(row['request_id']),
  functionName: String(row['function_name']),
  callerKind: String(row['caller_kind']),
  startedAtMs: Number(row['started_at_ms']),
  durationMs: Number(row['duration_ms']),
  memoryBytes: Number(row['memory_bytes'] ?? 0),
  status: String(row['status']),
  error: row['error'] === null ? undefined : String(row['error']),
  log: JSON.parse(String(row['log'] ?? '[]')) as LogLine[], // safe: toParams wrote it
})

export const saveCalls = transactionScript(import.meta.url, 'saveCalls', function* (calls: readonly CallParams[]) {
  for (const params of calls) {
    yield {
      sql: `INSERT INTO function_calls (request_id, function_name, caller_kind, started_at_ms, duration_ms, memory_bytes, status, error, log)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      params,
    }
  }
})

export const purgeCalls = transactionScript(import.meta.url, 'purgeCalls', function* (beforeMs: number) {
  const { changes } = yield { sql: 'DELETE FROM function_calls WHERE started_at_ms < ?', params: [beforeMs] }
  return changes
})
