import { testDocuments } from './document-contract.ts'
import { openTemporarySqlite } from './document-fixtures.ts'

testDocuments('sqlite', openTemporarySqlite)
