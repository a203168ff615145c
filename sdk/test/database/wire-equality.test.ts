/** Our builder and CloudBase's own client must put the same text on the wire for the same calls. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Db } from '@cloudbase/database'
import fc from 'fast-check'
import { createDatabase } from '../../src/database/database.ts'

// biome-ignore lint/suspicious/noExplicitAny: both libraries' databases, driven by the same untyped calls
type AnyDatabase = any
type Make<T = unknown> = (db: AnyDatabase) => T
type Wire = Record<string, string>

/** What CloudBase's client sends for the calls of `act`, part by part. */
async function theirWire(act: Make): Promise<Wire> {
  let sent: Record<string, unknown> = {}
  Db.reqClass = class {
    async send(_action: string, params: Record<string, unknown>) {
      sent = params
      return { data: { list: [], insertedIds: [] } }
    }
  }
  await act(new Db({ env: 'test' }))
  const wire: Wire = {}
  for (const part of ['query', 'order', 'projection', 'data']) {
    const value = sent[part]
    if (typeof value === 'string' && value) wire[part] = value
    if (Array.isArray(value)) wire[part] = value[0] // insertDocument: one text per record
  }
  for (const { stageKey, stageValue } of (sent['stages'] ?? []) as { stageKey: string; stageValue: string }[])
    wire['stages'] = `${wire['stages'] ?? ''}${stageKey}=${stageValue};`
  return wire
}

/** What ours sends for the same. */
async function ourWire(act: Make): Promise<Wire> {
  const wire: Wire = {}
  const calls = async (_verb: string, request: Record<string, unknown>) => {
    for (const part of ['query', 'order', 'projection', 'data'])
      if (request[part] !== undefined) wire[part] = JSON.stringify(request[part])
    for (const stage of (request['stages'] ?? []) as object[])
      for (const [key, value] of Object.entries(stage))
        wire['stages'] = `${wire['stages'] ?? ''}${key}=${JSON.stringify(value)};`
    return { data: [] }
  }
  const db: AnyDatabase = createDatabase(calls as never, () => ({ close: async () => {} }), {})
  await act(db)
  return wire
}

/** The same wire, or both refuse. */
async function assertSameWire(theirs: Make, ours: Make = theirs) {
  const attempt = (wire: (act: Make) => Promise<Wire>, act: Make) =>
    wire(act).catch((error: Error) => `refused: ${error.message}`)
  const [expected, actual] = [await attempt(theirWire, theirs), await attempt(ourWire, ours)]
  if (typeof expected === 'string' && typeof actual === 'string') return
  assert.deepEqual(actual, expected)
}

// Values. A thunk receives the database, because Geo objects and server dates belong to it.

const key = fc.constantFrom('a', 'b', 'cd', 'x_1', '0', 'a.b', '_openid')
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, 1.5, 2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 63, 2 ** 64, Number.NaN, Number.POSITIVE_INFINITY),
)
const plain = fc.oneof(
  fc.string(),
  number,
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(/^a.b$/i, /x/, /多/im),
)
const point = fc
  .tuple(fc.double({ min: -180, max: 180, noNaN: true }), fc.double({ min: -90, max: 90, noNaN: true }))
  .map(
    ([longitude, latitude]): Make =>
      (db) =>
        new db.Geo.Point(longitude, latitude),
  )
const line = fc
  .array(point, { minLength: 2, maxLength: 4 })
  .map((points) => (db: AnyDatabase) => new db.Geo.LineString(points.map((make) => make(db))))
const ring = fc.array(point, { minLength: 2, maxLength: 4 }).map(
  (points): Make =>
    (db) => {
      const made = points.map((make) => make(db))
      return new db.Geo.LineString([...made, made[0]])
    },
)
const polygon = fc
  .array(ring, { minLength: 1, maxLength: 2 })
  .map((lines) => (db: AnyDatabase) => new db.Geo.Polygon(lines.map((make) => make(db))))
const geometry: fc.Arbitrary<Make> = fc.oneof(
  point,
  line,
  polygon,
  fc
    .array(point, { minLength: 1, maxLength: 3 })
    .map((all) => (db: AnyDatabase) => new db.Geo.MultiPoint(all.map((make) => make(db)))),
  fc
    .array(line, { minLength: 1, maxLength: 3 })
    .map((all) => (db: AnyDatabase) => new db.Geo.MultiLineString(all.map((make) => make(db)))),
  fc
    .array(polygon, { minLength: 1, maxLength: 2 })
    .map((all) => (db: AnyDatabase) => new db.Geo.MultiPolygon(all.map((make) => make(db)))),
)
const marker: fc.Arbitrary<Make> = fc.oneof(
  geometry,
  fc.integer().map((offset) => (db: AnyDatabase) => db.serverDate({ offset })),
  fc.constant((db: AnyDatabase) => db.serverDate()),
  fc.constantFrom('i', 'im', '').map((options) => (db: AnyDatabase) => db.RegExp({ regexp: '^x', options })),
)

const { value, rawValue } = fc.letrec<{ value: Make; rawValue: Make }>((tie) => ({
  /** Anything a record may hold. */
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    plain.map((it) => () => it),
    marker,
    fc.array(tie('value'), { maxLength: 3 }).map((items) => (db: AnyDatabase) => items.map((make) => make(db))),
    fc
      .dictionary(
        key,
        fc.oneof(
          tie('value'),
          fc.constant(() => undefined),
        ),
        { maxKeys: 3, noNullPrototype: true },
      )
      .map(made),
  ),
  /** Without markers, which CloudBase's client does not look for everywhere. */
  rawValue: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    plain.map((it) => () => it),
    fc.array(tie('rawValue'), { maxLength: 3 }).map((items) => (db: AnyDatabase) => items.map((make) => make(db))),
    fc.dictionary(key, tie('rawValue'), { maxKeys: 3, noNullPrototype: true }).map(made),
  ),
}))

function made(makers: Record<string, Make>): Make<Record<string, unknown>> {
  return (db) => Object.fromEntries(Object.entries(makers).map(([name, make]) => [name, make(db)]))
}

// Conditions.

/** What a field of a condition may hold: in arrays CloudBase's client does not look for markers. */
const fieldValue: fc.Arbitrary<Make> = fc.oneof(rawValue, marker)
const values = fc.array(value, { maxLength: 3 })
const comparison: fc.Arbitrary<Make> = fc.oneof(
  fc.tuple(fc.constantFrom('eq', 'neq', 'lt', 'lte', 'gt', 'gte', 'exists', 'size'), value).map(
    ([name, make]): Make =>
      (db) =>
        db.command[name](make(db)),
  ),
  fc.tuple(fc.constantFrom('in', 'nin', 'all'), values).map(
    ([name, all]): Make =>
      (db) =>
        db.command[name](all.map((make) => make(db))),
  ),
  fc.tuple(fc.integer(), fc.integer()).map(
    ([divisor, rest]): Make =>
      (db) =>
        db.command.mod(divisor, rest),
  ),
  fc.tuple(fc.constantFrom('eq', 'neq', 'gt', 'lte'), rawValue).map(
    ([name, make]): Make =>
      (db) =>
        db.command.elemMatch({ a: db.command[name](make(db)), b: 1 }),
  ),
  rawValue.map(
    (make): Make =>
      (db) =>
        db.command.elemMatch(db.command.gte(make(db))),
  ),
  fc.tuple(point, number, number).map(
    ([make, maxDistance, minDistance]): Make =>
      (db) =>
        db.command.geoNear({ geometry: make(db), maxDistance, minDistance }),
  ),
  polygon.map(
    (make): Make =>
      (db) =>
        db.command.geoWithin({ geometry: make(db) }),
  ),
  fc.tuple(point, fc.double({ min: 0, max: 3, noNaN: true })).map(
    ([make, radians]): Make =>
      (db) =>
        db.command.geoWithin({ centerSphere: [make(db), radians] }),
  ),
  fc.double({ min: 0, max: 3, noNaN: true }).map(
    (radians): Make =>
      (db) =>
        db.command.geoWithin({ centerSphere: [[113.5, 23], radians] }),
  ),
  geometry.map(
    (make): Make =>
      (db) =>
        db.command.geoIntersects({ geometry: make(db) }),
  ),
)
const chained: fc.Arbitrary<Make> = fc.oneof(
  fc.tuple(comparison, fc.constantFrom('eq', 'neq', 'lt', 'lte', 'gt', 'gte'), rawValue).map(
    ([first, name, make]): Make =>
      (db) =>
        (first(db) as AnyDatabase)[name](make(db)),
  ),
  fc.tuple(comparison, fc.constantFrom('in', 'nin'), values).map(
    ([first, name, all]): Make =>
      (db) =>
        (first(db) as AnyDatabase)[name](all.map((make) => make(db))),
  ),
  fc
    .tuple(comparison, fc.constantFrom('and', 'or'), fc.array(comparison, { minLength: 1, maxLength: 2 }), fc.boolean())
    .map(
      ([first, name, others, isList]): Make =>
        (db) => {
          const made = others.map((make) => make(db))
          const command = first(db) as AnyDatabase
          return isList ? command[name](made) : command[name](...made)
        },
    ),
)
const notted: fc.Arbitrary<Make> = fc.oneof(
  comparison.map(
    (make): Make =>
      (db) =>
        db.command.not(make(db)),
  ),
  fc.constant((db: AnyDatabase) => db.command.not(/x/i)),
)
const fieldLogic: fc.Arbitrary<Make> = fc
  .tuple(
    fc.constantFrom('and', 'or', 'nor'),
    fc.array(
      fc.oneof(
        comparison,
        chained,
        plain.map((it) => () => it),
      ),
      { minLength: 1, maxLength: 3 },
    ),
    fc.boolean(),
  )
  .map(
    ([name, all, isList]): Make =>
      (db) => {
        const operands = all.map((make) => make(db))
        // One plain array would be taken for the list itself.
        return isList ? db.command[name](operands) : db.command[name](...operands)
      },
  )
const operators: fc.Arbitrary<Make> = fc.oneof(
  rawValue.map(
    (make): Make =>
      (db) => ({ $gt: make(db) }),
  ),
  rawValue.map(
    (make): Make =>
      (db) => ({ $in: [make(db)], sub: { $exists: true }, deep: { er: make(db) } }),
  ),
)

const { condition } = fc.letrec<{ condition: Make<Record<string, unknown>> }>((tie) => ({
  condition: fc
    .dictionary(
      key,
      fc.oneof(
        { maxDepth: 2, depthSize: 'small' },
        fieldValue,
        fc.oneof(comparison, chained, notted, fieldLogic, operators),
        fc.constant(() => undefined),
        tie('condition'),
      ),
      { maxKeys: 4, noNullPrototype: true },
    )
    .map(made),
}))
const wholeCondition: fc.Arbitrary<Make> = fc.oneof(
  { arbitrary: condition, weight: 4 },
  fc.tuple(fc.constantFrom('and', 'or', 'nor'), fc.array(condition, { minLength: 1, maxLength: 3 })).map(
    ([name, all]): Make =>
      (db) =>
        db.command[name](all.map((make) => make(db))),
  ),
  fc.tuple(condition, condition, condition).map(
    ([a, b, c]): Make =>
      (db) =>
        db.command.and(a(db), db.command.or([b(db), c(db)])),
  ),
  rawValue.map(
    (make): Make =>
      (db) =>
        db.command.expr(db.command.aggregate.gt([make(db), '$b'])),
  ),
)

// Changes.

const change: fc.Arbitrary<Make> = fc.oneof(
  fc.tuple(fc.constantFrom('set', 'inc', 'mul', 'min', 'max', 'rename', 'bit'), rawValue).map(
    ([name, make]): Make =>
      (db) =>
        db.command[name](make(db)),
  ),
  fc.constantFrom('remove', 'pop', 'shift').map(
    (name): Make =>
      (db) =>
        db.command[name](),
  ),
  fc.tuple(fc.constantFrom('pull', 'pullAll', 'addToSet'), value).map(
    ([name, make]): Make =>
      (db) =>
        db.command[name](make(db)),
  ),
  fc.tuple(fc.constantFrom('push', 'unshift'), values, fc.boolean()).map(
    ([name, all, isList]): Make =>
      (db) => {
        const items = all.map((make) => make(db))
        return isList ? db.command[name](items) : db.command[name](...items)
      },
  ),
  fc
    .tuple(
      fc.array(rawValue, { maxLength: 2 }),
      fc.option(fc.integer(), { nil: undefined }),
      fc.option(fc.integer(), { nil: undefined }),
    )
    .map(
      ([all, position, slice]): Make =>
        (db) =>
          db.command.push({ each: all.map((make) => make(db)), position, slice, sort: { a: -1 } }),
    ),
  fc.tuple(fc.constantFrom('in', 'nin', 'gt', 'eq'), rawValue).map(
    ([name, make]): Make =>
      (db) =>
        db.command.pull(db.command[name](name.endsWith('in') ? [make(db)] : make(db))),
  ),
  rawValue.map(
    (make): Make =>
      (db) =>
        db.command.pull({ a: db.command.gte(make(db)), b: 2 }),
  ),
)
const { changes } = fc.letrec<{ changes: Make<Record<string, unknown>> }>((tie) => ({
  changes: fc
    .dictionary(key, fc.oneof({ maxDepth: 2, depthSize: 'small' }, value, change, tie('changes')), {
      maxKeys: 4,
      noNullPrototype: true,
    })
    .map(made),
}))

// Aggregations.

const EXPRESSIONS = Object.keys(new Db({}).command.aggregate).filter((name) => name !== 'pipeline')
const expression: fc.Arbitrary<Make> = fc.tuple(fc.constantFrom(...EXPRESSIONS), rawValue).map(
  ([name, make]): Make =>
    (db) =>
      db.command.aggregate[name](make(db)),
)
const stageObject = fc.dictionary(key, fc.oneof(expression, rawValue), { maxKeys: 3, noNullPrototype: true }).map(made)
type Stage = (pipeline: AnyDatabase, db: AnyDatabase) => AnyDatabase
const stage: fc.Arbitrary<Stage> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        'addFields',
        'bucket',
        'bucketAuto',
        'group',
        'lookup',
        'project',
        'replaceRoot',
        'sample',
        'sort',
        'sortByCount',
        'unwind',
      ),
      stageObject,
    )
    .map(
      ([name, make]): Stage =>
        (pipeline, db) =>
          pipeline[name](make(db)),
    ),
  fc.tuple(fc.constantFrom('limit', 'skip', 'sample'), fc.nat()).map(
    ([name, count]): Stage =>
      (pipeline) =>
        pipeline[name](count),
  ),
  fc.tuple(fc.constantFrom('count', 'unwind', 'sortByCount'), fc.string()).map(
    ([name, text]): Stage =>
      (pipeline) =>
        pipeline[name](text),
  ),
  wholeCondition.map(
    (make): Stage =>
      (pipeline, db) =>
        pipeline.match(make(db)),
  ),
  fc.tuple(condition, number).map(
    ([make, maxDistance]): Stage =>
      (pipeline, db) =>
        pipeline.geoNear({
          near: { longitude: 113, latitude: 23 },
          distanceField: 'far',
          maxDistance,
          query: make(db),
        }),
  ),
)
const stages = fc.array(stage, { minLength: 1, maxLength: 4 })

const RUNS = { numRuns: 400 }

describe('wire of the database builder, against @cloudbase/database', () => {
  it('sends the same conditions', async () => {
    await fc.assert(
      fc.asyncProperty(wholeCondition, (make) => assertSameWire((db) => db.collection('c').where(make(db)).get())),
      RUNS,
    )
  })

  it('sends the same changes', async () => {
    await fc.assert(
      fc.asyncProperty(changes, condition, async (makeData, makeCondition) => {
        const query = (db: AnyDatabase) => db.collection('c').where(makeCondition(db))
        await assertSameWire(
          (db) => query(db).update(makeData(db)),
          (db) => query(db).update({ data: makeData(db) }),
        )
      }),
      RUNS,
    )
  })

  it('sends the same records', async () => {
    const record = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true }).map(made)
    await fc.assert(
      fc.asyncProperty(record, async (make) => {
        await assertSameWire(
          (db) => db.collection('c').add(make(db)),
          (db) => db.collection('c').add({ data: make(db) }),
        )
        await assertSameWire(
          async (db) => ({ ...(await db.collection('c').doc('x').set(make(db))) }),
          (db) =>
            db
              .collection('c')
              .doc('x')
              .set({ data: make(db) }),
        ).catch((error) => {
          // Theirs sends the id as a query, ours as an id.
          if (!String(error.message).includes('query')) throw error
        })
      }),
      RUNS,
    )
  })

  it('sends the same order and fields', async () => {
    const order = fc.array(fc.tuple(fc.constantFrom('a', 'b.c', '_id'), fc.constantFrom('asc', 'desc')), {
      maxLength: 3,
    })
    const fields = fc.dictionary(
      fc.constantFrom('a', 'b.c', 'list'),
      fc.oneof(
        fc.boolean().map((it) => () => it),
        fc.constantFrom(0, 1).map((it) => () => it),
        fc.integer().map((count) => (db: AnyDatabase) => db.command.project.slice(count)),
      ),
      { noNullPrototype: true },
    )
    await fc.assert(
      fc.asyncProperty(order, fields, (sorts, makers) =>
        assertSameWire((db) => {
          let query = db.collection('c').field(made(makers)(db)).skip(3).limit(7)
          for (const [name, direction] of sorts) query = query.orderBy(name, direction)
          return query.get()
        }),
      ),
      RUNS,
    )
  })

  it('sends the same aggregation stages', async () => {
    await fc.assert(
      fc.asyncProperty(stages, stages, (all, inner) =>
        assertSameWire((db) => {
          let pipeline = db.collection('c').aggregate()
          for (const add of all) pipeline = add(pipeline, db)
          let nested = db.command.aggregate.pipeline()
          for (const add of inner) nested = add(nested, db)
          return pipeline.lookup({ from: 'other', let: { x: '$a' }, pipeline: nested.done(), as: 'found' }).end()
        }),
      ),
      RUNS,
    )
  })
})
