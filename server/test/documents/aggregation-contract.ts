/** Aggregations, on every database. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { decodePipeline } from '../../src/features/documents/decode-pipeline.ts'
import type { DocumentCaller, Json, JsonObject } from '../../src/features/documents/document-request.ts'
import { runStages } from '../../src/features/documents/run-stages.ts'
import { asFunction, asUser, type OpenedDatabase } from './document-fixtures.ts'
import { openForTests } from './open-for-tests.ts'

const ORDERS: readonly JsonObject[] = [
  { _id: 1, item: 'a', n: 2, tags: ['x', 'y'], at: { $date: 1_700_000_000_000 } },
  { _id: 2, item: 'b', n: 5, tags: [], at: { $date: 1_700_100_000_000 }, big: { $numberLong: '9007199254740993' } },
  { _id: 3, item: 'a', n: 7, at: { $date: 1_700_200_000_000 } },
]

export function testAggregation(name: string, open: () => Promise<OpenedDatabase>, skip: string | false = false) {
  describe(`aggregation: ${name}`, { skip }, () => {
    const { documents, freshCollection } = openForTests(open)
    let orders = ''
    let items = ''
    before(async () => {
      orders = await freshCollection(ORDERS, 'READONLY')
      items = await freshCollection(
        [
          { _id: 'a', price: 10, stock: 3 },
          { _id: 'b', price: 20, stock: 9 },
        ],
        'ADMINONLY',
      )
    })
    const run = async (stages: readonly JsonObject[], caller: DocumentCaller = asFunction, collection = orders) =>
      (await documents().aggregate({ collection, stages }, caller)).documents.map((text) => JSON.parse(text))

    it('pushes leading matches, sorts and limits down, numbers in Extended JSON included', async () => {
      const stages = [
        { $match: { n: { $gt: { $numberInt: '2' } } } },
        { $sort: { n: -1 } },
        { $limit: { $numberInt: '1' } },
      ]
      assert.deepEqual(await run(stages), [ORDERS[2]])
    })

    it('groups and accumulates', async () => {
      const stages = [
        {
          $group: {
            _id: '$item',
            total: { $sum: '$n' },
            average: { $avg: '$n' },
            all: { $push: '$n' },
            last: { $max: '$at' },
          },
        },
        { $sort: { _id: 1 } },
      ]
      assert.deepEqual(await run(stages), [
        { _id: 'a', total: 9, average: 4.5, all: [2, 7], last: { $date: 1_700_200_000_000 } },
        { _id: 'b', total: 5, average: 5, all: [5], last: { $date: 1_700_100_000_000 } },
      ])
    })

    it('groups in the database as in JavaScript, and says so', async () => {
      const kinds = fc.oneof(
        {
          weight: 30,
          arbitrary: fc.constantFrom<Json | undefined>('a', 'b', '', 'x'.repeat(300), true, 1, -7, null, undefined),
        },
        { weight: 4, arbitrary: fc.constantFrom<Json>({ $date: 5 }, { $oid: '0123456789abcdef01234567' }) },
        {
          weight: 1,
          arbitrary: fc.constantFrom<Json>(1.5, 1e21, ['a'], { b: 1 }, { $numberLong: '9223372036854775807' }),
        },
      )
      const whole = fc.constantFrom<Json | undefined>(0, 5, -3, 2 ** 40, null, undefined)
      const record = fc
        .record({ k: kinds, n: fc.oneof({ weight: 20, arbitrary: whole }, kinds), o: fc.record({ n: whole }) })
        .map((fields): JsonObject => JSON.parse(JSON.stringify(fields)))
      const group = fc
        .tuple(
          fc.constantFrom('$k', '$o.n', null),
          fc.constantFrom('$n', '$o.n'),
          fc.constantFrom('$sum', '$avg', '$min', '$max'),
        )
        .map(([_id, path, operator]): JsonObject => ({ _id, result: { [operator]: path }, total: { $sum: 2 } }))
      let grouped = 0
      for (let set = 0; set < 12; set++) {
        const records = fc
          .sample(record, { numRuns: set % 2 ? 8 : 60, seed: set })
          .map((fields, _id): JsonObject => ({ _id, ...fields }))
        const collection = await freshCollection(records, 'READONLY', [{ fields: { k: 1 } }])
        for (const spec of fc.sample(group, { numRuns: 8, seed: set })) {
          const match: JsonObject = set % 3 ? {} : { k: { $in: ['a', 1, 'b'] } }
          const stages = [{ $match: match }, { $group: spec }, { $match: {} }, { $limit: 1000 }]
          const expected = runStages(records, decodePipeline(stages, 0), 0)
          const sorted = (list: readonly Json[]) => list.map((each) => JSON.stringify(each)).sort()
          const answer = await run(stages, asFunction, collection)
          assert.deepEqual(sorted(answer), sorted(expected), JSON.stringify({ set, spec }))
          const explained = await documents().explain({ collection, stages }, asFunction)
          const isGrouped = /GROUP BY|HAVING/.test(explained.sql)
          assert.equal(explained.residual.includes('$group'), !isGrouped)
          if (isGrouped) grouped++
        }
      }
      assert.ok(grouped > 30, `only ${grouped} were grouped in SQL`)
    })

    it('computes fields, formats dates in a time zone, and carries 64-bit integers unharmed', async () => {
      const stages = [
        { $match: { _id: 2 } },
        {
          $project: {
            big: 1,
            twice: { $multiply: ['$n', 2] },
            day: { $dateToString: { date: '$at', format: '%Y-%m-%d %H', timezone: '+08:00' } },
          },
        },
      ]
      assert.deepEqual(await run(stages), [
        { _id: 2, big: { $numberLong: '9007199254740993' }, twice: 10, day: '2023-11-16 10' },
      ])
    })

    it('unwinds arrays, and keeps empty ones on request', async () => {
      assert.deepEqual(
        (await run([{ $unwind: '$tags' }])).map(({ tags }) => tags),
        ['x', 'y'],
      )
      const kept = await run([
        { $unwind: { path: '$tags', preserveNullAndEmptyArrays: true, includeArrayIndex: 'place' } },
      ])
      assert.deepEqual(
        kept.map(({ _id, tags, place }) => [_id, tags, place]),
        [
          [1, 'x', 0],
          [1, 'y', 1],
          [2, undefined, null],
          [3, undefined, null],
        ],
      )
    })

    it('counts, buckets, samples and sorts by count', async () => {
      assert.deepEqual(await run([{ $match: { n: { $gt: 2 } } }, { $count: 'total' }]), [{ total: 2 }])
      assert.deepEqual(await run([{ $match: { n: 99 } }, { $count: 'total' }]), [])
      assert.deepEqual(
        await run([{ $bucket: { groupBy: '$n', boundaries: [0, 5, 10], output: { c: { $sum: 1 } } } }]),
        [
          { _id: 0, c: 1 },
          { _id: 5, c: 2 },
        ],
      )
      assert.deepEqual(await run([{ $sortByCount: '$item' }]), [
        { _id: 'a', count: 2 },
        { _id: 'b', count: 1 },
      ])
      assert.equal((await run([{ $sample: { size: 2 } }])).length, 2)
      assert.deepEqual(await run([{ $match: { _id: 1 } }, { $replaceRoot: { newRoot: { k: '$item' } } }]), [{ k: 'a' }])
    })

    it('answers the same whether the database leaves out fields or not', async () => {
      const shapes: JsonObject[][] = [
        [
          { $group: { _id: '$item', days: { $push: '$at' }, bigs: { $push: '$big' }, none: { $push: '$none.x' } } },
          { $sort: { _id: 1 } },
        ],
        [{ $project: { item: 1, tags: 1, first: { $arrayElemAt: ['$tags', 0] } } }],
        [{ $unwind: '$tags' }, { $sortByCount: '$tags' }, { $sort: { _id: 1 } }],
        [{ $sort: { n: -1 } }, { $project: { _id: 0, n: 1 } }],
      ]
      for (const stages of shapes) {
        // A stage that may look at anything makes the database answer whole documents.
        const whole = [{ $addFields: { all: '$$ROOT' } }, ...stages]
        assert.deepEqual(await run(stages), await run(whole), JSON.stringify(stages))
      }
    })

    it('looks up by field and by pipeline', async () => {
      const byField = { $lookup: { from: items, localField: 'item', foreignField: '_id', as: 'found' } }
      const prices = (await run([byField])).map(({ found }) => found.map(({ price }: { price: number }) => price))
      assert.deepEqual(prices, [[10], [20], [10]])
      const byPipeline = {
        $lookup: {
          from: items,
          let: { item: '$item', n: '$n' },
          pipeline: [
            { $match: { $expr: { $and: [{ $eq: ['$_id', '$$item'] }, { $gte: ['$stock', '$$n'] }] } } },
            { $project: { stock: 1, _id: 0 } },
          ],
          as: 'enough',
        },
      }
      assert.deepEqual(
        (await run([byPipeline])).map(({ enough }) => enough),
        [[{ stock: 3 }], [{ stock: 9 }], []],
      )
    })

    it('reads the other collection of a lookup with the rights of the caller', async () => {
      const lookup = { $lookup: { from: items, localField: 'item', foreignField: '_id', as: 'found' } }
      await assert.rejects(run([lookup], asUser('me')), { code: 'permission_denied' })
      await assert.rejects(run([{ $lookup: { from: items, pipeline: [], as: 'found' } }], asUser('me')), {
        code: 'permission_denied',
      })
      assert.equal((await run([{ $match: {} }], asUser('me'))).length, 3)
    })

    it('adds the owner in a private collection, whatever the stages say', async () => {
      const collection = await freshCollection([
        { _id: 'mine', _openid: 'me' },
        { _id: 'yours', _openid: 'you' },
      ])
      assert.deepEqual(await run([{ $group: { _id: null, n: { $sum: 1 } } }], asUser('me'), collection), [
        { _id: null, n: 1 },
      ])
      assert.deepEqual(await run([{ $match: { _openid: 'you' } }], asUser('me'), collection), [])
      assert.deepEqual(await run([{ $count: 'n' }], asUser('me'), collection), [{ n: 1 }])
    })

    it('answers 20 results unless a limit says otherwise', async () => {
      const collection = await freshCollection(Array.from({ length: 60 }, (_, n) => ({ _id: n })))
      assert.equal((await run([{ $match: {} }], asFunction, collection)).length, 20)
      assert.equal((await run([{ $limit: 50 }], asFunction, collection)).length, 50)
    })

    it('measures distances with $geoNear', async () => {
      const at = (longitude: number) => ({ type: 'Point', coordinates: [longitude, 23] })
      const collection = await freshCollection([
        { _id: 'far', place: at(114) },
        { _id: 'near', place: at(113) },
        { _id: 'nowhere' },
      ])
      const near = { $geoNear: { near: at(113), key: 'place', distanceField: 'meters', spherical: true } }
      const found = await run([near, { $project: { meters: { $round: ['$meters', 0] } } }], asFunction, collection)
      assert.deepEqual(found, [
        { _id: 'near', meters: 0 },
        { _id: 'far', meters: 102469 },
      ])
    })

    it('refuses stages and operators that write, run code or are unknown', async () => {
      const refused: JsonObject[] = [
        { $out: 'x' },
        { $merge: { into: 'x' } },
        { $project: { a: { $function: { body: 'x', args: [], lang: 'js' } } } },
        { $group: { _id: null, a: { $accumulator: {} } } },
        { $match: { $where: 'true' } },
        { $project: { a: { $surprise: 1 } } },
        { $addFields: { ['__proto__.polluted']: 1 } },
        { $match: {}, $sort: {} },
      ]
      for (const stage of refused) await assert.rejects(run([stage]), { code: 'invalid_query' }, JSON.stringify(stage))
    })

    it('serves others while long queries run', async () => {
      const many = Array.from({ length: 6_000 }, (_, n) => ({ _id: n, n, pad: 'x'.repeat(500) }))
      const collection = await freshCollection(many, 'READONLY')
      const scans: (() => Promise<unknown>)[] = [
        () => documents().count({ collection, query: { $or: [{ n: { $lt: 0 } }, { 'x.y': 5 }] } }, asFunction),
        () => documents().find({ collection, query: { pad: { $gt: 'y' } }, order: { n: -1 } }, asFunction),
        () => documents().aggregate({ collection, stages: [{ $group: { _id: '$n' } }, { $count: 'n' }] }, asFunction),
      ]
      for (const scan of scans) {
        let turns = 0
        let isDone = false
        const others = (async () => {
          while (!isDone) {
            await documents().get({ collection, id: turns % 6_000 }, asFunction)
            await delay(1)
            turns++
          }
        })()
        try {
          await scan()
        } finally {
          isDone = true
          await others
        }
        assert.ok(turns > 1, `only ${turns} turns of the event loop`)
      }
    })

    it('stops expressions that make much out of little, without harm to the process', async () => {
      const bombs: JsonObject[] = [
        { a: { $range: [0, 1e9] } },
        { a: { $map: { input: { $range: [0, 10_000] }, in: { $range: [0, 10_000] } } } },
        { a: { $reduce: { input: { $range: [0, 60] }, initialValue: 'ab', in: { $concat: ['$$value', '$$value'] } } } },
        { a: { $let: { vars: { r: { $range: [0, 10_000] } }, in: { $map: { input: '$$r', in: '$$r' } } } } },
      ]
      for (const bomb of bombs) {
        const error = await run([{ $project: bomb }]).catch((thrown) => thrown)
        assert.match(error.code, /^(query_too_expensive|deadline_exceeded)$/)
      }
      assert.equal((await run([{ $match: {} }])).length, 3)
    })
  })
}
