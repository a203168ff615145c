/**
 * Brings the database's tables to what this version of the code needs. Each migration runs once, in one transaction
 * together with the note that it ran, under a lock that other starting processes wait for. (MySQL commits around every
 * DDL statement: there a migration that fails half-way must be repaired by hand, and the error says so.)
 */
import { AppError } from '../errors.ts'
import { type Database, type DatabaseLog, type Row, type SqlStep, transactionScript } from './database.ts'
import { type Migration, readMigrations } from './migration-files.ts'
import { adaptDdl } from './portable-sql.ts'
import { splitStatements } from './sql-text.ts'

export type MigrationSettings = {
  /** `core`: the server's own, in portable SQL. `project`: the user's, run as written. Each counts for itself. */
  readonly scope: 'core' | 'project'
  readonly folder: string
  /** Noted with each migration, so that an older version can say which one it would need. */
  readonly appVersion: string
  readonly log: DatabaseLog
}

/** One migration may take this long, and a process waits this long for another that migrates. */
const MIGRATION_TIMEOUT_MS = 10 * 60_000
const LOCK_RETRY_DELAY_MS = 200

/** @throws {Error} if a released migration was edited, one fails, or the database is ahead in a way that breaks us */
export async function migrate(database: Database, settings: MigrationSettings): Promise<{ applied: string[] }> {
  const { scope, folder, appVersion, log } = settings
  const migrations = await readMigrations(folder, database.dialect.name)
  const context = { scope, appVersion, dialect: database.dialect.name, createTable: adaptDdl(TABLE, database.dialect) }

  const done = await withLock(() => database.transact(listApplied, context, { timeoutMs: MIGRATION_TIMEOUT_MS }))
  refuseIfBroken(migrations, done, appVersion)
  warnIfNewer(migrations, done, log)

  const applied: string[] = []
  const numbersDone = new Set(done.map(({ version }) => version))
  for (const migration of migrations.filter(({ version }) => !numbersDone.has(version))) {
    const statements = splitStatements(migration.sql).map((statement) =>
      scope === 'core' ? adaptDdl(statement, database.dialect) : statement,
    )
    const args = { ...context, migration: { ...migration, sql: '' }, statements, nowMs: Date.now() }
    const startedMs = performance.now()
    const isNew = await withLock(() => database.transact(applyMigration, args, { timeoutMs: MIGRATION_TIMEOUT_MS }))
    if (!isNew) continue // another process was faster
    applied.push(migration.name)
    log.info({ scope, migration: migration.name, durationMs: Math.round(performance.now() - startedMs) }, 'migrated')
  }
  return { applied }
}

const TABLE = `CREATE TABLE IF NOT EXISTS sampan_migrations (
  scope VARCHAR(16) NOT NULL,
  version BIGINT NOT NULL,
  name VARCHAR(255) NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  is_breaking INTEGER NOT NULL,
  app_version VARCHAR(64) NOT NULL,
  applied_at_ms BIGINT NOT NULL,
  PRIMARY KEY (scope, version)
)`

type Context = { scope: string; appVersion: string; dialect: Database['dialect']['name']; createTable: string }
type Applied = { version: number; name: string; checksum: string; isBreaking: boolean; appVersion: string }

export const listApplied = transactionScript(
  import.meta.url,
  'listApplied',
  function* ({ scope, createTable, dialect }: Context) {
    yield* lock(dialect)
    yield { sql: createTable }
    const { rows } = yield {
      sql: 'SELECT version, name, checksum, is_breaking, app_version FROM sampan_migrations WHERE scope = ? ORDER BY version',
      params: [scope],
      want: 'rows',
    }
    yield* unlock(dialect)
    return rows.map(toApplied)
  },
  { isAlone: true },
)

type ApplyArgs = Context & { migration: Migration; statements: readonly string[]; nowMs: number }

/** Runs the statements and notes it; false if another process has done so meanwhile. */
export const applyMigration = transactionScript(
  import.meta.url,
  'applyMigration',
  function* ({ scope, appVersion, dialect, migration, statements, nowMs }: ApplyArgs) {
    const { version, name, checksum, isBreaking } = migration
    yield* lock(dialect)
    const { rows } = yield {
      sql: 'SELECT version FROM sampan_migrations WHERE scope = ? AND version = ?',
      params: [scope, version],
      want: 'rows',
    }
    if (rows.length === 0) {
      for (const [place, sql] of statements.entries()) {
        try {
          yield { sql }
        } catch (cause) {
          throw failure(migration, place, statements.length, dialect, cause)
        }
      }
      yield {
        sql: `INSERT INTO sampan_migrations (scope, version, name, checksum, is_breaking, app_version, applied_at_ms)
              VALUES (?, ?, ?, ?, ?, ?, ?)`,
        params: [scope, version, name, checksum, isBreaking ? 1 : 0, appVersion, nowMs],
      }
    }
    yield* unlock(dialect)
    return rows.length === 0
  },
  { isAlone: true },
)

/** SQLite locks by beginning to write. The number only has to be ours among PostgreSQL's advisory locks. */
function* lock(dialect: Context['dialect']): Generator<SqlStep, void, { readonly rows: readonly Row[] }> {
  if (dialect === 'postgres') yield { sql: 'SELECT pg_advisory_xact_lock(7297262601)' }
  if (dialect !== 'mysql') return
  const { rows } = yield { sql: "SELECT GET_LOCK('sampan_migrations', 600) AS locked", want: 'rows' }
  if (Number(rows[0]?.['locked']) !== 1) throw new Error('Another process has been migrating for ten minutes.')
}

function* unlock(dialect: Context['dialect']): Generator<SqlStep, void, unknown> {
  if (dialect === 'mysql') yield { sql: "SELECT RELEASE_LOCK('sampan_migrations') AS released" }
}

function failure({ name }: Migration, place: number, total: number, dialect: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const state =
    dialect === 'mysql'
      ? `MySQL keeps the ${place} statements before it: undo or finish them by hand before the next start.`
      : 'Nothing of it was kept: correct the file and start again.'
  return new Error(`Migration ${name} failed at statement ${place + 1} of ${total}: ${reason}. ${state}`, { cause })
}

const toApplied = (row: Row): Applied => ({
  version: Number(row['version']),
  name: String(row['name']),
  checksum: String(row['checksum']),
  isBreaking: Number(row['is_breaking']) === 1,
  appVersion: String(row['app_version']),
})

function refuseIfBroken(migrations: readonly Migration[], done: readonly Applied[], appVersion: string) {
  const known = new Map(migrations.map((migration) => [migration.version, migration]))
  for (const applied of done) {
    const ours = known.get(applied.version)
    if (ours && ours.checksum !== applied.checksum)
      throw new Error(
        `Migration ${ours.name} was changed after it had been applied to this database. ` +
          'Restore its text and put the change into a new migration.',
      )
    if (!ours && applied.isBreaking)
      throw new Error(
        `The database was migrated by ${applied.name}, which this version (${appVersion}) cannot run on. ` +
          `Install version ${applied.appVersion} or later, or restore a backup from before it.`,
      )
  }
}

function warnIfNewer(migrations: readonly Migration[], done: readonly Applied[], log: DatabaseLog) {
  const known = new Set(migrations.map(({ version }) => version))
  for (const { version, name, appVersion } of done)
    if (!known.has(version))
      log.warn({ migration: name, fromVersion: appVersion }, 'the database is newer than the code')
}

/** SQLite answers a conflict when another process has been writing for too long; the other two wait by themselves. */
async function withLock<Result>(work: () => Promise<Result>): Promise<Result> {
  const giveUpMs = performance.now() + MIGRATION_TIMEOUT_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const isLocked = error instanceof AppError && error.code === 'transaction_conflict'
      if (!isLocked || performance.now() > giveUpMs) throw error
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_DELAY_MS))
    }
  }
}
