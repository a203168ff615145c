import { startPrivateMariaDb } from '../database/private-servers.ts'
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

const server = await startPrivateMariaDb()
const skip = server ? false : 'mariadb-server is not installed'

const open = () => openPrivate(server)

testDocuments('MariaDB', open, skip)
testAggregation('MariaDB', open, skip)
testTransactions('MariaDB', open, skip)
testRules('MariaDB', open, skip)
testHostileInput('MariaDB', open, skip)
testGeo('MariaDB', open, skip)
testIndexes('MariaDB', open, skip)
testVendorLanguage('MariaDB', open, skip, VENDOR_CASES)
