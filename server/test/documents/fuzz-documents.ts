/**
 * Random documents × queries, pipelines and updates: what SQL and JavaScript answer together must be what JavaScript
 * answers on every document by itself. `npm run fuzz:documents -- --cases 200000 [--seed 1]`.
 */
import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { decodeDocument } from '../../src/features/documents/decode-document.ts'
import { decodeFilter } from '../../src/features/documents/decode-filter.ts'
import type { Documents, IndexDefinition, JsonObject } from '../../src/features/documents/document-request.ts'
import { openDocuments } from '../../src/features/documents/documents.ts'
import { compileFilter } from '../../src/features/documents/match-document.ts'
import { decodeOrder, sortItems } from '../../src/features/documents/sort-documents.ts'
import { startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'
import { asFunction, type OpenedDatabase, openPrivate, openTemporarySqlite, quietLog } from './document-fixtures.ts'
import { documents as documentsArbitrary, order, page, pipeline, query, update } from './fuzz-cases.ts'
import { comparePipelines, compareUpdates } from './fuzz-changes.ts'

/** Queries per set of documents: filling a collection costs more than asking it. */
const QUERIES_PER_SET = 100
const PIPELINES_PER_SET = 20
const UPDATES_PER_SET = 20

type Question = { query: JsonObject; order: JsonObject; page: { skip: number; limit: number } }

/** Half of the sets meet a collection with indexes: fast plans, guards and the general form must agree. */
const INDEXES: readonly IndexDefinition[] = [
  { fields: { a: 1 } },
  { fields: { a: 1, b: -1 } },
  { fields: { b: -1, 'a.b': 1 } },
  { fields: { 'a.b': -1 } },
  { fields: { '中 文': 1, a: 1 } },
  { fields: { [`q'"x`]: 1 } },
  { fields: { c: 'array' } },
  { fields: { b: 'array' } },
]

/** NOT_SUPPORTED on MySQL: an index on a field whose name has punctuation. */
const indexesFor = ({ database }: OpenedDatabase) =>
  INDEXES.filter(
    ({ fields }) =>
      database.dialect.name !== 'mysql' || !Object.keys(fields).some((path) => /[^\p{L}\p{N}_. ]/u.test(path)),
  )

/** @throws {Error} at the first difference, with the seed that repeats it */
export async function fuzzQueries(
  opened: OpenedDatabase,
  { cases, seed }: { cases: number; seed: number },
): Promise<number> {
  const question = fc.record({ query, order, page })
  const sets = Math.ceil(cases / (QUERIES_PER_SET + PIPELINES_PER_SET + UPDATES_PER_SET))
  for (let set = 0; set < sets; set++) {
    // Opened anew, so that nothing learnt from earlier documents hides a plan.
    // A difference is to be found, not a slow machine.
    const settings = { timeoutMs: 120_000 }
    const documents = await openDocuments({ database: opened.database, log: quietLog, settings })
    const collection = set % 2 ? 'fuzzIndexed' : 'fuzz'
    await documents.declareCollection({
      name: collection,
      rules: 'ADMINONLY',
      indexes: set % 2 ? indexesFor(opened) : [],
    })
    const [records = []] = fc.sample(documentsArbitrary, { numRuns: 1, seed: seed + set })
    await documents.remove({ collection, query: {} }, asFunction)
    await documents.add({ collection, documents: records }, asFunction)
    let stored = records.map((record) => decodeDocument(record, 0))
    const explained = (what: unknown) => (error: Error) => {
      const found = stored.map((record) => JSON.stringify(record)).join('\n')
      throw new Error(`seed ${seed + set}: ${JSON.stringify(what)}\n${error.message}\namong:\n${found}`)
    }
    for (const asked of fc.sample(question, { numRuns: QUERIES_PER_SET, seed: seed + set })) {
      await compareAnswers(documents, collection, records, asked).catch(explained(asked))
    }
    for (const stages of fc.sample(pipeline, { numRuns: PIPELINES_PER_SET, seed: seed + set })) {
      await comparePipelines(documents, collection, stored, stages).catch(explained(stages))
    }
    for (const change of fc.sample(fc.record({ query, update }), { numRuns: UPDATES_PER_SET, seed: seed + set })) {
      stored = [...(await compareUpdates(documents, collection, stored, change).catch(explained(change)))]
    }
    await documents.close()
  }
  return sets * (QUERIES_PER_SET + PIPELINES_PER_SET + UPDATES_PER_SET)
}

async function compareAnswers(
  documents: Documents,
  collection: string,
  records: readonly JsonObject[],
  { query, order, page }: Question,
) {
  const expected = naiveAnswer(records, query, order)
  const request = { collection, query, order, ...page }
  const { documents: texts } = await documents.find(request, asFunction)
  const wanted = expected.slice(page.skip, page.skip + page.limit)
  const ids = texts.map(idOf)
  if (Object.keys(order).length) {
    assert.deepEqual(
      ids,
      wanted.map(({ _id }) => JSON.stringify(_id)),
    )
  } else {
    // Without an order the rows come as the index gives them, as in MongoDB: any of the expected, none twice.
    const allowed = new Set(expected.map(({ _id }) => JSON.stringify(_id)))
    assert.deepEqual(
      ids.filter((id) => !allowed.has(id)),
      [],
    )
    assert.equal(new Set(ids).size, wanted.length)
  }
  assert.equal(await documents.count({ collection, query }, asFunction), expected.length)
}

function naiveAnswer(records: readonly JsonObject[], query: JsonObject, order: JsonObject): JsonObject[] {
  const matches = compileFilter(decodeFilter(query, 0))
  const keys = decodeOrder(order)
  const stored = records.map((record) => decodeDocument(record, 0)).filter(matches)
  return sortItems(stored, keys, (record) => record)
}

const idOf = (text: string) => JSON.stringify(JSON.parse(text)._id)

if (import.meta.main) {
  const { values } = parseArgs({
    options: { cases: { type: 'string' }, seed: { type: 'string' }, database: { type: 'string' } },
  })
  const OPENERS: Record<string, () => Promise<OpenedDatabase>> = {
    sqlite: openTemporarySqlite,
    mysql: async () => openPrivate(await startPrivateMariaDb()),
    postgres: async () => openPrivate(await startPrivatePostgres()),
  }
  const open = OPENERS[values.database ?? 'sqlite']
  if (!open) throw new Error('--database is one of sqlite, mysql, postgres')
  const opened = await open()
  const seed = Number(values.seed ?? Date.now() % 1e9)
  const cases = await fuzzQueries(opened, { cases: Number(values.cases ?? 10_000), seed })
  process.stdout.write(`${cases} cases, 0 differences\n`)
  await opened.close()
  process.exit() // a private server would keep the process
}
