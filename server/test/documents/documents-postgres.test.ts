import { startPrivatePostgres } from '../database/private-servers.ts'
import { testAggregation } from './aggregation-contract.ts'
import { testDocuments } from './document-contract.ts'
import { openPrivate } from './document-fixtures.ts'
import { testGeo } from './geo-contract.ts'
import { testHostileInput } from './hostile-input-contract.ts'
import { testIndexes } from './index-contract.ts'
import { testRules } from './rules-contract.ts'
import { testTransactions } from './transaction-contract.ts'
import { VENDOR_CASES } from './vendor-cases.ts'
import { testVendorLanguage } from './vendor-language-contract.ts'

const server = await startPrivatePostgres()
const skip = server ? false : 'postgresql is not installed'

const open = () => openPrivate(server)

testDocuments('PostgreSQL', open, skip)
testAggregation('PostgreSQL', open, skip)
testTransactions('PostgreSQL', open, skip)
testRules('PostgreSQL', open, skip)
testHostileInput('PostgreSQL', open, skip)
testGeo('PostgreSQL', open, skip)
testIndexes('PostgreSQL', open, skip)
testVendorLanguage('PostgreSQL', open, skip, VENDOR_CASES)
