/** Opens the database that DATABASE_URL names. Only the chosen driver is loaded. */
import { fileURLToPath } from 'node:url'
import type { Database, DatabaseLog } from './database.ts'

export type DatabaseSettings = {
  /** `sqlite:./data/app.db`, `mysql://user:password@host:3306/name` or `postgres://user:password@host:5432/name`. */
  readonly url: string
  /** Statements and scripts give up after this, unless the caller says otherwise. */
  readonly timeoutMs: number
  readonly log: DatabaseLog
  /** SQLite: threads for long reads. */
  readonly readerThreads?: number
  /** MySQL and PostgreSQL: connections of this process. */
  readonly connections?: number
}

const READER_THREADS = 2
/** A 2-core database is busy with this many; more only take memory. */
const CONNECTIONS = 8

export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  const { url, timeoutMs, log, readerThreads = READER_THREADS, connections = CONNECTIONS } = settings
  const scheme = /^(?<scheme>[a-z]+):/.exec(url)?.groups?.['scheme']
  switch (scheme) {
    case 'sqlite':
    case 'file': {
      const { openSqlite } = await import('./sqlite/open-sqlite.ts')
      return openSqlite({ file: fileOf(url), timeoutMs, readerThreads, log })
    }
    case 'mysql':
    case 'mariadb': {
      const { openMysql } = await import('./mysql/open-mysql.ts')
      return openMysql({ url: url.replace(/^mariadb:/, 'mysql:'), timeoutMs, connections, log })
    }
    case 'postgres':
    case 'postgresql': {
      const { openPostgres } = await import('./postgres/open-postgres.ts')
      return openPostgres({ url, timeoutMs, connections, log })
    }
    default:
      throw new Error('DATABASE_URL must begin with sqlite:, mysql:// or postgres://.') // the URL may hold a password
  }
}

/** `sqlite:./data/app.db`, `sqlite:/var/lib/app.db` and `sqlite:///var/lib/app.db` alike. */
function fileOf(url: string): string {
  if (url.startsWith('file://')) return fileURLToPath(url)
  return url.replace(/^(?:sqlite|file):(?:\/\/(?=\/))?/, '')
}
