import { testDocuments } from './document-contract.ts'
import { openPrivate } from './document-fixtures.ts'
import { startPrivateMariaDb } from '../database/private-servers.ts'

const server = await startPrivateMariaDb()
const skip = server ? false : 'mariadb-server is not installed'

testDocuments('MariaDB', () => openPrivate(server), skip)
