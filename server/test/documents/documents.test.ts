import { testAggregation } from './aggregation-contract.ts'
import { testDocuments } from './document-contract.ts'
import { openTemporarySqlite } from './document-fixtures.ts'
import { testRules } from './rules-contract.ts'
import { testTransactions } from './transaction-contract.ts'

testDocuments('sqlite', openTemporarySqlite)
testAggregation('sqlite', openTemporarySqlite)
testTransactions('sqlite', openTemporarySqlite)
testRules('sqlite', openTemporarySqlite)
