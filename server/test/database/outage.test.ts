/** E-05, E-16 and E-17, small: the database server is frozen and killed under load. */
import { testOutages } from './outage-contract.ts'
import { startPrivateMariaDb, startPrivatePostgres } from './private-servers.ts'

const mariadb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

testOutages('MariaDB', mariadb, mariadb ? false : 'mariadb-server is not installed')
testOutages('PostgreSQL', postgres, postgres ? false : 'postgresql is not installed')
