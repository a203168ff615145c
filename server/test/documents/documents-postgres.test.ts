import { testDocuments } from './document-contract.ts'
import { openPrivate } from './document-fixtures.ts'
import { startPrivatePostgres } from '../database/private-servers.ts'

const server = await startPrivatePostgres()
const skip = server ? false : 'postgresql is not installed'

testDocuments('PostgreSQL', () => openPrivate(server), skip)
