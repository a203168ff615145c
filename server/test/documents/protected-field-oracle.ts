/**
 * Two collections that differ in their protected fields only: whatever a client asks, both must answer the same, because
 * any difference is a bit of what is hidden.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Documents, JsonObject } from '../../src/features/documents/document-request.ts'
import { openDocuments } from '../../src/features/documents/documents.ts'
import { asFunction, asUser, type OpenedDatabase, quietLog } from './document-fixtures.ts'

const me = asUser('me')
const PROTECTED = ['phone', 'deep.salary', 'list.secret'] as const

const record = (id: number, hidden: number): JsonObject => ({
  _id: id,
  _openid: 'me',
  name: `n${id % 3}`,
  phone: hidden,
  deep: { open: id, salary: hidden },
  list: [{ k: id % 2, secret: hidden }],
})

const path = fc.constantFrom(
  'name',
  'phone',
  'deep',
  'deep.open',
  'deep.salary',
  'list',
  'list.secret',
  'list.0.secret',
  'list.k',
  '_id',
  'none',
)
const value = fc.constantFrom<JsonObject[string]>(0, 1, 2, 'n1', null, { open: 1, salary: 1 }, [{ k: 1, secret: 1 }])
const condition = fc.oneof(
  fc.tuple(path, fc.constantFrom('$eq', '$ne', '$gt', '$lt', '$exists', '$type'), value).map(
    ([field, operator, operand]): JsonObject => ({
      [field]: { [operator]: operator === '$type' ? 'number' : operand },
    }),
  ),
  fc.tuple(path, value).map(([field, operand]): JsonObject => ({ [field]: { $elemMatch: { secret: operand } } })),
  fc.tuple(path, value).map(([field, operand]): JsonObject => ({ $expr: { $gt: [`$${field}`, operand] } })),
  path.map((field): JsonObject => ({ $jsonSchema: { required: [field.split('.')[0] ?? ''] } })),
  fc.constant<JsonObject>({}),
)
const query = fc.oneof(
  condition,
  fc
    .tuple(fc.constantFrom('$or', '$nor', '$and'), fc.array(condition, { minLength: 1, maxLength: 2 }))
    .map(([operator, branches]): JsonObject => ({ [operator]: branches })),
)
const stage = fc.oneof(
  query.map((match): JsonObject => ({ $match: match })),
  path.map((field): JsonObject => ({ $sort: { [field]: 1, _id: 1 } })),
  path.map((field): JsonObject => ({ $group: { _id: `$${field}`, n: { $sum: 1 }, all: { $push: '$$ROOT' } } })),
  path.map(
    (field): JsonObject => ({ $group: { _id: '$name', sum: { $sum: `$${field}` }, max: { $max: `$${field}` } } }),
  ),
  path.map((field): JsonObject => ({ $project: { x: `$${field}`, y: { $cond: [{ $gt: [`$${field}`, 1] }, 1, 2] } } })),
  path.map((field): JsonObject => ({ $sortByCount: `$${field}` })),
  fc.constant<JsonObject>({ $unwind: '$list' }),
  fc.constant<JsonObject>({ $replaceRoot: { newRoot: '$deep' } }),
  fc.constant<JsonObject>({ $facet: { a: [{ $project: { v: '$phone' } }], b: [{ $count: 'n' }] } }),
)

type Ask = (documents: Documents, collection: string) => Promise<unknown>
const asked = (what: unknown, ask: Ask) => ({ what, ask })

const request = fc.oneof(
  fc
    .record({
      query,
      order: fc.dictionary(path, fc.constant<1>(1), { maxKeys: 1 }),
      projection: fc.dictionary(path, fc.constant<1>(1), { maxKeys: 2 }),
    })
    .map((what) => asked(what, (documents, collection) => documents.find({ collection, ...what }, me))),
  query.map((what) => asked(what, (documents, collection) => documents.count({ collection, query: what }, me))),
  fc
    .array(stage, { minLength: 1, maxLength: 3 })
    .map((stages) => asked(stages, (documents, collection) => documents.aggregate({ collection, stages }, me))),
  fc
    .tuple(query, path, fc.constantFrom('$inc', '$set', '$unset', '$max'))
    .map(([given, field, operator]) =>
      asked({ given, field, operator }, (documents, collection) =>
        documents.updateAndReturn(
          { collection, query: given, changes: { [operator]: { [field === '_id' ? 'x' : field]: 1 } } },
          me,
        ),
      ),
    ),
)

/** @throws {Error} at the first request whose answer depends on what is hidden */
export async function fuzzProtectedFields(
  { database }: OpenedDatabase,
  { cases, seed }: { cases: number; seed: number },
): Promise<{ answered: number }> {
  const documents = await openDocuments({ database, log: quietLog })
  const collections = ['hidesLow', 'hidesHigh']
  for (const [place, name] of collections.entries()) {
    await documents.createCollection({
      name,
      rules: { mode: 'READONLY', protectedFields: PROTECTED },
      indexes: [{ fields: { phone: 1 } }, { fields: { name: 1 } }],
    })
    const records = [0, 1, 2, 3, 4].map((id) => record(id, place ? 4 - id : id % 2))
    await documents.add({ collection: name, documents: records }, asFunction)
  }
  let answered = 0
  for (const { what, ask } of fc.sample(request, { numRuns: cases, seed })) {
    const answers: unknown[] = []
    for (const name of collections)
      answers.push(await ask(documents, name).catch((error: { code?: string }) => error.code))
    assert.deepEqual(answers[0], answers[1], `seed ${seed}: ${JSON.stringify(what)}`)
    if (typeof answers[0] !== 'string') answered++
  }
  await documents.close()
  return { answered }
}
