/**
 * The contract of a database: SQL in, rows out, and transactions as scripts.
 *
 * A transaction is a generator that yields SQL steps and is sent each step's rows. So one script runs unchanged on
 * SQLite (synchronously, inside the writer thread, many scripts sharing one commit and one fsync) and on MySQL and
 * PostgreSQL (asynchronously, on a pooled connection).
 */

export type SqlValue = string | number | bigint | null | Uint8Array
export type Row = Record<string, SqlValue>

/** One statement of a transaction script. Parameters are positional `?`, also for PostgreSQL (the adapter renumbers). */
export type SqlStep = {
  readonly sql: string
  readonly params?: readonly SqlValue[]
  /** `rows`: send back every row. Otherwise only the number of changed rows. */
  readonly want?: 'rows'
}

export type StepResult = { readonly rows: readonly Row[]; readonly changes: number }

/** What runs inside one transaction: yields steps, is sent results, returns a value. Throws to roll back. */
export type Script<Args, Result> = (args: Args) => Generator<SqlStep, Result, StepResult>

/**
 * A script together with the module that exports it, so that SQLite's writer thread can import the same code.
 * Arguments and result cross threads: they must survive a structured clone.
 */
export type TransactionScript<Args, Result> = {
  /** `import.meta.url` of the module. */
  readonly url: string
  /** The export's name in that module. */
  readonly name: string
  readonly run: Script<Args, Result>
}

/** Declares a script: `export const addDocument = transactionScript(import.meta.url, 'addDocument', function* (args) {…})`. */
export function transactionScript<Args, Result>(
  url: string,
  name: string,
  run: Script<Args, Result>,
): TransactionScript<Args, Result> {
  return { url, name, run }
}

export type ReadOptions = {
  /** Give up after this many milliseconds with `deadline_exceeded`. Default: the adapter's statement timeout. */
  readonly timeoutMs?: number
  /**
   * `cheap`: the caller knows that the statement touches few rows, by an index: SQLite runs it on the calling thread.
   * `scan` (default): it may read much: SQLite runs it on a reader thread that the deadline can stop.
   */
  readonly cost?: 'cheap' | 'scan'
}

export interface Database {
  readonly dialect: Dialect
  /** Rows of one SELECT. @throws {AppError} `deadline_exceeded`, `database_unavailable` */
  read(sql: string, params?: readonly SqlValue[], options?: ReadOptions): Promise<Row[]>
  /**
   * Runs the script in one transaction and resolves after the commit is durable. A script that throws rolls back only
   * itself.
   * @throws {AppError} what the script threw; `document_exists` for a broken unique index; `transaction_conflict` when
   * the database gave up on a lock; `storage_full`; `database_unavailable`
   */
  transact<Args, Result>(script: TransactionScript<Args, Result>, args: Args): Promise<Result>
  /** Runs DDL (CREATE TABLE, CREATE INDEX) one at a time, outside transactions of ours. */
  define(sql: string): Promise<void>
  /** A cheap check that the database answers, for `/readyz`. @throws {AppError} `database_unavailable` */
  ping(): Promise<void>
  /** Finishes what was begun, then closes. */
  close(): Promise<void>
}

/** How one SQL dialect says things. Pure text, no connection. */
export interface Dialect {
  readonly name: 'sqlite' | 'mysql' | 'postgres'
  /** Quotes an identifier that comes from our own catalogue. */
  quote(identifier: string): string
}
