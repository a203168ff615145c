import { openDatabase } from '../../src/database/open-database.ts'
import { silentLog, testDatabase } from './database-contract.ts'
import { testMigrations } from './migrations-contract.ts'
import { createDatabase, startPrivatePostgres } from './private-servers.ts'

const server = await startPrivatePostgres()
const skip = server ? false : 'postgresql is not installed'

const open = async (name: string) =>
  openDatabase({ url: server ? await createDatabase(server, name) : '', timeoutMs: 10_000, log: silentLog })

testDatabase('PostgreSQL', () => open('contract'), skip)
testMigrations('PostgreSQL', open, skip)
