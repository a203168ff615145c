import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { openSqlite } from '../../src/database/sqlite/open-sqlite.ts'
import { silentLog } from './database-contract.ts'
import { testMigrations } from './migrations-contract.ts'

const folder = await mkdtemp(path.join(tmpdir(), 'sampan-migrate-'))
after(() => rm(folder, { recursive: true, force: true }))

testMigrations('SQLite', async (name) =>
  openSqlite({ file: path.join(folder, `${name}.db`), timeoutMs: 10_000, readerThreads: 1, log: silentLog }),
)
