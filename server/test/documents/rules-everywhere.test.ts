/** Random rules on every door and every database, 10,000 cases in all, and the oracle of protected fields. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'
import { type OpenedDatabase, openPrivate, openTemporarySqlite } from './document-fixtures.ts'
import { fuzzProtectedFields } from './protected-field-oracle.ts'
import { fuzzRules } from './rules-everywhere.ts'

const SEED = 20_260_601
const PROTECTED_CASES = 1_000

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

const DATABASES = [
  { name: 'sqlite', open: openTemporarySqlite, skip: false, cases: 5_000 },
  {
    name: 'MariaDB',
    open: () => openPrivate(mariaDb),
    skip: mariaDb ? false : 'mariadb-server is not installed',
    cases: 2_500,
  },
  {
    name: 'PostgreSQL',
    open: () => openPrivate(postgres),
    skip: postgres ? false : 'postgresql is not installed',
    cases: 2_500,
  },
] as const

const using = async (open: () => Promise<OpenedDatabase>, work: (opened: OpenedDatabase) => Promise<void>) => {
  const opened = await open()
  try {
    await work(opened)
  } finally {
    await opened.close()
  }
}

for (const { name, open, skip, cases } of DATABASES) {
  describe(`rules on every door: ${name}`, { skip }, () => {
    it('answers what a naive reading of the rules lets through, and nothing else', () =>
      using(open, async (opened) => {
        const done = await fuzzRules(opened, { cases, seed: SEED })
        assert.ok(done.cases >= cases)
        assert.ok(done.allowed > cases / 20, `only ${done.allowed} requests were allowed: nothing was tested`)
      }))

    it('answers the same whatever protected fields hold', () =>
      using(open, async (opened) => {
        const { answered } = await fuzzProtectedFields(opened, { cases: PROTECTED_CASES, seed: SEED })
        assert.ok(answered > PROTECTED_CASES / 10, `only ${answered} requests were answered: nothing was tested`)
      }))
  })
}
