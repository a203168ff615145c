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
  /**
   * With a SELECT: the script goes on to change these rows by what it read. Others wait until it ends, as SQLite's other
   * writers always do; without it two scripts may read the same value on MySQL and PostgreSQL.
   */
  readonly locksRows?: boolean
}

export type StepResult = { readonly rows: readonly Row[]; readonly changes: number }

/**
 * What runs inside one transaction (read committed): yields steps, is sent results, returns a value. Throws to roll back.
 *
 * A step that fails is thrown into the script, which may catch it to throw a better error, but not to go on: PostgreSQL
 * has given up the transaction by then. It may run again after a deadlock, so it must not change anything outside.
 */
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
  /** Shares no transaction with others: it runs DDL, which MySQL commits at once, or takes the server's own locks. */
  readonly isAlone?: boolean
}

/** Declares a script: `export const addDocument = transactionScript(import.meta.url, 'addDocument', function* (args) {…})`. */
export function transactionScript<Args, Result>(
  url: string,
  name: string,
  run: Script<Args, Result>,
  options: Pick<TransactionScript<Args, Result>, 'isAlone'> = {},
): TransactionScript<Args, Result> {
  return { url, name, run, ...options }
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

export type TransactOptions = {
  /** Give up on the script's statements after this many milliseconds. Default: the adapter's statement timeout. */
  readonly timeoutMs?: number
}

/** Counters since the database was opened, for metrics and tests. */
export type DatabaseStats = {
  /** Commits that reached the disk; fewer than `scripts` where scripts share one. */
  readonly commits: number
  /** Scripts that were committed. */
  readonly scripts: number
  /** Scripts that were rolled back. */
  readonly failedScripts: number
  /** Scripts and definitions that wait or run now. */
  readonly queuedWrites: number
  /** Reads that wait for a reader thread or a connection. */
  readonly queuedReads: number
  /** Reader threads or connections at work now. */
  readonly busyReaders: number
  /** How long the last commit took. */
  readonly lastCommitMs: number
}

/** The few methods of the server's log that a database uses. */
export type DatabaseLog = Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>

export interface Database {
  readonly dialect: Dialect
  /** Rows of one SELECT. @throws {AppError} `deadline_exceeded`, `database_unavailable` */
  read(sql: string, params?: readonly SqlValue[], options?: ReadOptions): Promise<Row[]>
  /**
   * Runs the script in one transaction and resolves after the commit is durable. A script that throws rolls back only
   * itself.
   * @throws {AppError} what the script threw; `document_exists` for a broken unique index; `transaction_conflict` when
   * the database gave up on a lock; `storage_full`; `database_unavailable`; `overloaded` when too many wait
   */
  transact<Args, Result>(
    script: TransactionScript<Args, Result>,
    args: Args,
    options?: TransactOptions,
  ): Promise<Result>
  /** Runs DDL (CREATE TABLE, CREATE INDEX) one at a time, outside transactions of ours. */
  define(sql: string): Promise<void>
  /** A cheap check that the database answers, for `/readyz`. @throws {AppError} `database_unavailable` */
  ping(): Promise<void>
  stats(): DatabaseStats
  /** Finishes what was begun, then closes. */
  close(): Promise<void>
}

/** How one SQL dialect says things. Pure text, no connection. */
export interface Dialect {
  readonly name: 'sqlite' | 'mysql' | 'postgres'
  /** Quotes an identifier that comes from our own catalogue. */
  quote(identifier: string): string
  /**
   * A condition that is always true, for every statement that may visit many rows: there the database notices that the
   * deadline has passed. It must be the first condition, `WHERE guard AND (…)`, or rows that the others refuse do not
   * count. '' where the server itself stops statements.
   */
  readonly deadlineGuard: string
  /** The same, looking at the clock once for 64 rows, for one table with a column of unique whole numbers. */
  deadlineGuardOf(numberColumn: string): string
  /** What follows `CREATE TABLE … (…)` so that text is Unicode and compares by code point; '' where it is so anyway. */
  readonly tableOptions: string
}
