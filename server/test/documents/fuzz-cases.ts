/** Random documents, queries, orders and updates over a small world, so that they meet. */
import fc from 'fast-check'
import type { Json, JsonObject } from '../../src/features/documents/document-request.ts'

const NAMES = ['a', 'b', 'c', '中 文', `q'"x`, 'a[0]', 'back\\slash', '%_'] as const
const PATHS = [...NAMES, 'a.b', 'b.a', 'a.b.c', 'a.b.c.a', 'a.0', 'a.1.b', 'b.0.0', `a.q'"x`, '_id'] as const

const number = fc.constantFrom<Json>(0, 1, 2, 3, -1, 1.5, 0.1, 1e21, -1e-7, 2 ** 53 - 1)
const text = fc.constantFrom<Json>(
  '',
  'a',
  'b',
  'ab',
  'A',
  '10',
  '中',
  '中文',
  '\u{1f6a3}',
  '\uffee',
  `'"\\`,
  '%',
  'x'.repeat(300),
  'line\nbreak',
  '\u0001',
)
const wrapper = fc.constantFrom<Json>(
  { $date: 0 },
  { $date: -1000 },
  { $date: 1_700_000_000_000 },
  { $oid: '0123456789abcdef01234567' },
  { $oid: 'ffffffffffffffffffffffff' },
  { $numberLong: '9223372036854775807' },
  { $numberDouble: 'NaN' },
  { $numberDouble: 'Infinity' },
  { $numberDouble: '-Infinity' },
)
const scalar = fc.oneof(
  { weight: 4, arbitrary: number },
  { weight: 4, arbitrary: text },
  { weight: 2, arbitrary: fc.constantFrom<Json>(null, true, false) },
  { weight: 2, arbitrary: wrapper },
)

const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 2, arbitrary: fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 2 }) },
  ),
}))

const id = fc.oneof(
  fc.integer({ min: -5, max: 200 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -9, max: 9 }),
  fc.string({
    minLength: 1,
    maxLength: 3,
    unit: fc.constantFrom('a', 'B', '中', '\u{1f6a3}', '\u0001', '#', '\u{10ffff}', ' '),
  }),
)

export const aDocument = fc
  .tuple(id, fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 4 }))
  .map(([_id, fields]): JsonObject => ({ _id: Object.is(_id, -0) ? 0 : _id, ...fields }))

const withoutArrays = (value: Json): Json => {
  if (Array.isArray(value)) return value.length ? withoutArrays(value[0]) : null
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withoutArrays(field)]))
}

const anySet = fc.uniqueArray(aDocument, {
  minLength: 8,
  maxLength: 40,
  selector: (document) => `${typeof document['_id']} ${document['_id']}`,
})

const comparison = fc
  .tuple(
    fc.constantFrom('$eq', '$ne', '$lt', '$lte', '$gt', '$gte'),
    fc.oneof({ weight: 4, arbitrary: scalar }, { weight: 1, arbitrary: value }),
  )
  .map(([operator, operand]): JsonObject => ({ [operator]: operand }))

const pattern = fc.constantFrom('a', '^a', '^ab?', 'b$', '^$', 'A', '中', '^中', '%', 'a|b', '[a-c]', '.', '\\d+', "'")

const { test } = fc.letrec<{ test: JsonObject; filter: JsonObject }>((tie) => ({
  test: fc.oneof(
    { maxDepth: 2 },
    { weight: 8, arbitrary: comparison },
    { weight: 2, arbitrary: fc.array(scalar, { maxLength: 3 }).map((list): JsonObject => ({ $in: list })) },
    { weight: 1, arbitrary: fc.array(value, { maxLength: 3 }).map((list): JsonObject => ({ $nin: list })) },
    { weight: 2, arbitrary: fc.boolean().map((yes): JsonObject => ({ $exists: yes })) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 }).map((size): JsonObject => ({ $size: size })) },
    { weight: 1, arbitrary: fc.constantFrom<JsonObject>({ $mod: [2, 1] }, { $mod: [3, 0] }) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(
          'string',
          'number',
          'int',
          'double',
          'long',
          'bool',
          'date',
          'array',
          'object',
          'null',
          'objectId',
        )
        .map((type): JsonObject => ({ $type: type })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(pattern, fc.constantFrom('', 'i'))
        .map(([source, options]): JsonObject => ({ $regex: source, $options: options })),
    },
    {
      weight: 1,
      arbitrary: fc.array(value, { minLength: 1, maxLength: 2 }).map((list): JsonObject => ({ $all: list })),
    },
    { weight: 1, arbitrary: tie('test').map((inner): JsonObject => ({ $not: inner })) },
    { weight: 1, arbitrary: tie('test').map((inner): JsonObject => ({ $elemMatch: inner })) },
    { weight: 1, arbitrary: tie('filter').map((inner): JsonObject => ({ $elemMatch: inner })) },
    { weight: 1, arbitrary: fc.constantFrom<JsonObject>({ $bitsAllSet: 1 }, { $bitsAnyClear: 3 }) },
    { weight: 2, arbitrary: fc.tuple(comparison, comparison).map(([a, b]): JsonObject => ({ ...a, ...b })) },
  ),
  filter: fc.dictionary(fc.constantFrom(...NAMES, 'a.b'), fc.oneof(tie('test'), scalar), { minKeys: 1, maxKeys: 2 }),
}))

export const { query } = fc.letrec<{ query: JsonObject }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 2 },
    {
      weight: 6,
      arbitrary: fc.dictionary(
        fc.constantFrom(...PATHS),
        fc.oneof({ weight: 3, arbitrary: test }, { weight: 2, arbitrary: value }),
        { minKeys: 1, maxKeys: 2 },
      ),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('query'), { minLength: 1, maxLength: 3 }))
        .map(([operator, branches]): JsonObject => ({ [operator]: branches })),
    },
  ),
}))

export const order = fc.dictionary(fc.constantFrom(...PATHS), fc.constantFrom<Json>(1, -1), { maxKeys: 2 })

export const page = fc.record({ skip: fc.constantFrom(0, 0, 1, 5), limit: fc.constantFrom(1, 3, 1000, 1000) })

/** Indexes show what they can do where no arrays are. */
export const documents = fc
  .tuple(anySet, fc.boolean())
  .map(([set, keepsArrays]) => (keepsArrays ? set : set.map((document) => withoutArrays(document) as JsonObject))) // safe: an object stays one

const field = fc.constantFrom(...NAMES, 'a.b', 'a.b.c', 'b.0', 'c.1.a')

export const update: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.tuple(field, value).map(([path, operand]): JsonObject => ({ $set: { [path]: operand } })),
  fc.tuple(field, number).map(([path, operand]): JsonObject => ({ $inc: { [path]: operand } })),
  fc.tuple(field, scalar).map(([path, operand]): JsonObject => ({ $max: { [path]: operand } })),
  field.map((path): JsonObject => ({ $unset: { [path]: '' } })),
  fc
    .tuple(field, fc.array(value, { maxLength: 2 }))
    .map(([path, list]): JsonObject => ({ $push: { [path]: { $each: list, $slice: -3 } } })),
  fc.tuple(field, test).map(([path, condition]): JsonObject => ({ $pull: { [path]: condition } })),
  fc.tuple(field, scalar).map(([path, operand]): JsonObject => ({ $addToSet: { [path]: operand } })),
  fc
    .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('c', '中 文'))
    .map(([from, to]): JsonObject => ({ $rename: { [from]: to } })),
)

const expression = fc.constantFrom(...NAMES.slice(0, 4)).map((name) => `$${name}`)

const lastStages: fc.Arbitrary<JsonObject[]> = fc.oneof(
  fc.constant<JsonObject[]>([]),
  fc.constant<JsonObject[]>([{ $count: 'total' }]),
  expression.map((of): JsonObject[] => [
    { $group: { _id: { $type: of }, first: { $first: of }, n: { $sum: 1 }, all: { $push: '$_id' } } },
  ]),
  expression.map((of): JsonObject[] => [{ $project: { kind: { $type: of }, a: 1 } }]),
  expression.map((of): JsonObject[] => [
    { $unwind: { path: of, preserveNullAndEmptyArrays: true } },
    { $project: { [of.slice(1)]: 1 } },
  ]),
)

/** Sorted to the end, so that there is one right answer. */
export const pipeline: fc.Arbitrary<JsonObject[]> = fc
  .tuple(query, order, fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 30 }), lastStages)
  .map(([match, sort, skip, limit, last]): JsonObject[] => [
    { $match: match },
    { $sort: { ...Object.fromEntries(Object.entries(sort).filter(([path]) => path !== '_id')), _id: 1 } },
    ...(skip ? [{ $skip: skip }] : []),
    { $limit: limit },
    ...last,
  ])
