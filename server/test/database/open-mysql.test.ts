/** MySQL's adapter against MariaDB, which is what Debian has; SQL stays within what MySQL 8 has too. */
import { openDatabase } from '../../src/database/open-database.ts'
import { silentLog, testDatabase } from './database-contract.ts'
import { testMigrations } from './migrations-contract.ts'
import { createDatabase, startPrivateMariaDb } from './private-servers.ts'

const server = await startPrivateMariaDb()
const skip = server ? false : 'mariadb-server is not installed'

const open = async (name: string) =>
  openDatabase({ url: server ? await createDatabase(server, name) : '', timeoutMs: 10_000, log: silentLog })

testDatabase('MariaDB', () => open('contract'), skip)
testMigrations('MariaDB', open, skip)
