/** The three databases that jobs are tested on, each with a fresh database for each test file. */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { openLog } from '../../src/log.ts'
import { createDatabase, startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'
import { EFFECTS_TABLE } from './job-effects.ts'

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()
export const silentLog = openLog({ level: 'error', destination: { write: () => {} }, isPretty: false })

// biome-ignore format: a table keeps its columns
export const DATABASES = [
  { name: 'SQLite',     skip: false as const,                                               url: async (dir: string) => `sqlite:${dir}/app.db` },
  { name: 'MariaDB',    skip: mariaDb ? false as const : 'mariadb-server is not installed', url: async () => (mariaDb ? createDatabase(mariaDb, 'jobs') : '') },
  { name: 'PostgreSQL', skip: postgres ? false as const : 'postgresql is not installed',    url: async () => (postgres ? createDatabase(postgres, 'jobs') : '') },
]

/** Two connections, as two server processes have them. */
export async function openTwice(url: (dir: string) => Promise<string>) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-jobs-'))
  const address = await url(dir)
  const open = () => openDatabase({ url: address, timeoutMs: 20_000, log: silentLog })
  const databases: [Database, Database] = [await open(), await open()]
  const folder = path.resolve(import.meta.dirname, '../../migrations')
  await migrate(databases[0], { scope: 'core', folder, appVersion: 'test', log: silentLog })
  await databases[0].define(EFFECTS_TABLE)
  return {
    address,
    databases,
    async close() {
      for (const database of databases) await database.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
