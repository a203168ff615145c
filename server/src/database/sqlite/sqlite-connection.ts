/**
 * One connection to the database file, with our settings, our deadline function and a cache of prepared statements.
 * Loads better-sqlite3: import it only after `requireSupportedNode`.
 */
import SqliteDriver from 'better-sqlite3'
import { LRUCache } from 'lru-cache'
import { AppError } from '../../errors.ts'
import type { Row, SqlStep, SqlValue, StepResult } from '../database.ts'
import { withWholeNumbers } from '../sql-value.ts'
import { DEADLINE_FUNCTION } from './sqlite-dialect.ts'

/** Statements kept prepared per connection. */
const STATEMENT_CACHE_ENTRIES = 256
/** How long a connection waits for another process's lock. */
const BUSY_TIMEOUT_MS = 5_000
/** Pages kept in memory per connection; the system's page cache holds the rest. */
const PAGE_CACHE_KIB = 8 * 1024
/** Not mapped: an I/O error on a mapped page kills the process with SIGBUS instead of failing one statement. */
const MMAP_BYTES = 0
/** The log file is cut back to this size after a checkpoint. */
const JOURNAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024
/** SQLite checkpoints inside a commit only beyond this; the writer does it earlier, when nobody waits. */
export const FORCED_CHECKPOINT_PAGES = 16_384
/** A thread that runs out of memory inside the driver takes the whole process with it, so results are bounded. */
const RESULT_BYTES_MAX = 64 * 1024 * 1024
const BYTES_PER_CHARACTER = 2
const BYTES_PER_VALUE = 24

export type SqliteConnection = {
  /** Rows of a SELECT, stopped at `deadlineMs` (of `performance.now()`). @throws {AppError} `query_too_expensive` */
  readRows(sql: string, params: readonly SqlValue[], deadlineMs: number): Row[]
  /** The same for few rows: 1.7 times as fast, and without a bound on the result. */
  readFewRows(sql: string, params: readonly SqlValue[], deadlineMs: number): Row[]
  runStep(step: SqlStep, deadlineMs: number): StepResult
  /** BEGIN, COMMIT and their like, kept prepared. */
  control(sql: string): void
  /** Any number of statements, such as DDL. */
  exec(sql: string): void
  isInTransaction(): boolean
  close(): void
}

type Statement = SqliteDriver.Statement<unknown[], Row>

type ConnectionOptions = { readonly isReadOnly: boolean; readonly busyTimeoutMs?: number }

export function openSqliteConnection(file: string, options: ConnectionOptions): SqliteConnection {
  const { isReadOnly, busyTimeoutMs = BUSY_TIMEOUT_MS } = options
  const driver = new SqliteDriver(file, { readonly: isReadOnly, timeout: busyTimeoutMs })
  configure(driver, isReadOnly)
  const deadline = registerDeadline(driver)
  const statements = new LRUCache<string, Statement>({ max: STATEMENT_CACHE_ENTRIES })

  function prepare(sql: string): Statement {
    let statement = statements.get(sql)
    if (!statement) {
      statement = driver.prepare<unknown[], Row>(sql)
      statements.set(sql, statement)
    }
    return statement
  }

  return {
    readRows(sql, params, deadlineMs) {
      deadline.setMs(deadlineMs)
      return readBounded(prepare(sql), params.map(withWholeNumbers))
    },
    readFewRows(sql, params, deadlineMs) {
      deadline.setMs(deadlineMs)
      const bound = params.map(withWholeNumbers)
      const rows = prepare(sql).all(...bound)
      return rows.some(hasLargeNumber) ? allWithBigints(prepare(sql), bound) : rows
    },
    runStep({ sql, params = [], want }, deadlineMs) {
      deadline.setMs(deadlineMs)
      const statement = prepare(sql)
      const bound = params.map(withWholeNumbers)
      if (!statement.reader) return { rows: [], changes: statement.run(...bound).changes }
      if (statement.readonly) return { rows: readBounded(statement, bound), changes: 0 }
      // A statement with RETURNING cannot be read twice.
      const rows = allWithBigints(statement, bound)
      return { rows: want === 'rows' ? rows : [], changes: rows.length }
    },
    control: (sql) => void prepare(sql).run(),
    exec(sql) {
      deadline.setMs(Number.POSITIVE_INFINITY)
      driver.exec(sql)
    },
    isInTransaction: () => driver.inTransaction,
    close: () => void driver.close(),
  }
}

function configure(driver: SqliteDriver.Database, isReadOnly: boolean) {
  if (!isReadOnly) driver.pragma('journal_mode = WAL')
  // better-sqlite3 is built with NORMAL for WAL, which loses acknowledged commits at a power cut.
  driver.pragma('synchronous = FULL')
  driver.pragma('foreign_keys = ON')
  driver.pragma(`cache_size = -${PAGE_CACHE_KIB}`)
  driver.pragma(`mmap_size = ${MMAP_BYTES}`)
  driver.pragma(`journal_size_limit = ${JOURNAL_SIZE_LIMIT_BYTES}`)
  driver.pragma(`wal_autocheckpoint = ${FORCED_CHECKPOINT_PAGES}`)
}

function registerDeadline(driver: SqliteDriver.Database) {
  let deadlineMs = Number.POSITIVE_INFINITY
  driver.function(DEADLINE_FUNCTION, { directOnly: true }, () => {
    if (performance.now() > deadlineMs)
      throw new AppError('deadline_exceeded', 'The statement took too long and was stopped.')
    return 1
  })
  return {
    setMs(value: number) {
      deadlineMs = value
    },
  }
}

/**
 * Reads with numbers first, because that is faster, and again with bigints if a value is too large for a number to hold
 * it exactly.
 */
function readBounded(statement: Statement, bound: unknown[]): Row[] {
  const rows: Row[] = []
  let bytes = 0
  for (const row of statement.iterate(...bound)) {
    rows.push(row)
    bytes += sizeOf(row)
    if (bytes > RESULT_BYTES_MAX)
      throw new AppError('query_too_expensive', `The result is larger than ${RESULT_BYTES_MAX / 1024 / 1024} MB.`)
  }
  return rows.some(hasLargeNumber) ? allWithBigints(statement, bound) : rows
}

function sizeOf(row: Row): number {
  let bytes = 0
  for (const name in row) {
    const value = row[name]
    if (typeof value === 'string') bytes += value.length * BYTES_PER_CHARACTER
    else if (value instanceof Uint8Array) bytes += value.byteLength
    bytes += BYTES_PER_VALUE
  }
  return bytes
}

function hasLargeNumber(row: Row): boolean {
  for (const name in row) {
    const value = row[name]
    if (typeof value === 'number' && (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)) return true
  }
  return false
}

function allWithBigints(statement: Statement, bound: unknown[]): Row[] {
  statement.safeIntegers(true)
  try {
    return statement.all(...bound).map(withNumbers)
  } finally {
    statement.safeIntegers(false)
  }
}

/** Integers that a number holds exactly become numbers again. */
function withNumbers(row: Row): Row {
  for (const name in row) {
    const value = row[name]
    if (typeof value === 'bigint' && value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER)
      row[name] = Number(value)
  }
  return row
}
