/** Random documents and queries on every database; `npm run fuzz:documents` runs more of them by hand. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'
import { openPrivate, openTemporarySqlite } from './document-fixtures.ts'
import { fuzzQueries } from './fuzz-documents.ts'

const CASES = 10_000
const SEED = 20_260_601

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

const DATABASES = [
  { name: 'sqlite', open: openTemporarySqlite, skip: false },
  { name: 'MariaDB', open: () => openPrivate(mariaDb), skip: mariaDb ? false : 'mariadb-server is not installed' },
  { name: 'PostgreSQL', open: () => openPrivate(postgres), skip: postgres ? false : 'postgresql is not installed' },
] as const

describe('SQL and JavaScript together answer what JavaScript answers alone', () => {
  for (const { name, open, skip } of DATABASES) {
    it(`on ${name}`, { skip }, async () => {
      const opened = await open()
      try {
        assert.ok((await fuzzQueries(opened, { cases: CASES, seed: SEED })) >= CASES)
      } finally {
        await opened.close()
      }
    })
  }
})
