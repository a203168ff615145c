import { testAggregation } from './aggregation-contract.ts'
import { testDocuments } from './document-contract.ts'
import { openTemporarySqlite } from './document-fixtures.ts'
import { testHostileInput } from './hostile-input-contract.ts'
import { testIndexes } from './index-contract.ts'
import { testRules } from './rules-contract.ts'
import { testTransactions } from './transaction-contract.ts'

testDocuments('sqlite', openTemporarySqlite)
testAggregation('sqlite', openTemporarySqlite)
testTransactions('sqlite', openTemporarySqlite)
testRules('sqlite', openTemporarySqlite)
testHostileInput('sqlite', openTemporarySqlite)
testIndexes('sqlite', openTemporarySqlite)
