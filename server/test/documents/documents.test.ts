import { testAggregation } from './aggregation-contract.ts'
import { testDocuments } from './document-contract.ts'
import { openTemporarySqlite } from './document-fixtures.ts'
import { testGeo } from './geo-contract.ts'
import { testHostileInput } from './hostile-input-contract.ts'
import { testIndexes } from './index-contract.ts'
import { testRules } from './rules-contract.ts'
import { testTransactions } from './transaction-contract.ts'
import { VENDOR_CASES } from './vendor-cases.ts'
import { VENDOR_EXPRESSIONS } from './vendor-expressions.ts'
import { testVendorLanguage } from './vendor-language-contract.ts'

testDocuments('sqlite', openTemporarySqlite)
testAggregation('sqlite', openTemporarySqlite)
testTransactions('sqlite', openTemporarySqlite)
testRules('sqlite', openTemporarySqlite)
testHostileInput('sqlite', openTemporarySqlite)
testGeo('sqlite', openTemporarySqlite)
testIndexes('sqlite', openTemporarySqlite)
testVendorLanguage('sqlite', openTemporarySqlite, false, VENDOR_CASES)
// They never reach the database.
testVendorLanguage('expressions', openTemporarySqlite, false, VENDOR_EXPRESSIONS)
