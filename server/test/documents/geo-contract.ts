/** 2dsphere indexes: the same answers as without, from the rows in a box only. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../src/features/documents/document-request.ts'
import { asFunction, type OpenedDatabase } from './document-fixtures.ts'
import { openForTests } from './open-for-tests.ts'

const SEED = 20_260_601
const degrees = (most: number) => fc.double({ min: -most, max: most, noNaN: true })
const position = fc.oneof(
  fc.tuple(degrees(0.2), degrees(0.2)),
  fc.tuple(degrees(180), degrees(90)),
  fc.constantFrom([179.99, 10], [-179.99, 10], [10, 89.9], [0, -89.95], [0, 0]),
)
const point = position.map((coordinates): JsonObject => ({ type: 'Point', coordinates: [...coordinates] }))
const square = fc.tuple(degrees(0.1), degrees(0.1), fc.constantFrom(0.05, 5)).map(([x, y, size]): JsonObject => {
  const [west, south, east, north] = [x - size, y - size, x + size, y + size]
  const ring = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ]
  return { type: 'Polygon', coordinates: [ring] }
})

/** What programs store where a place should be. */
const place = fc.oneof(
  { weight: 8, arbitrary: point },
  { weight: 1, arbitrary: square },
  { weight: 1, arbitrary: position.map((coordinates): Json => [...coordinates]) },
  { weight: 1, arbitrary: position.map(([lng, lat]): Json => ({ lng, lat, coordinates: [50, 50] })) },
  { weight: 1, arbitrary: fc.array(point, { maxLength: 2 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Json>(null, 'here', 5, { type: 'Point' }, { type: 'Point', coordinates: 'x' }),
  },
)

const test = fc.oneof(
  fc
    .tuple(point, fc.constantFrom(10, 5_000, 2_000_000, 30_000_000))
    .map(([$geometry, $maxDistance]): JsonObject => ({ $nearSphere: { $geometry, $maxDistance } })),
  fc
    .tuple(position, fc.constantFrom(0.001, 0.1, 2))
    .map(([center, radians]): JsonObject => ({ $geoWithin: { $centerSphere: [[...center], radians] } })),
  square.map(($geometry): JsonObject => ({ $geoWithin: { $geometry } })),
  square.map(($geometry): JsonObject => ({ $geoIntersects: { $geometry } })),
  point.map(($geometry): JsonObject => ({ $geoIntersects: { $geometry } })),
)

export function testGeo(name: string, open: () => Promise<OpenedDatabase>, skip: string | false = false) {
  describe(`geo indexes: ${name}`, { skip }, () => {
    const { documents, freshCollection } = openForTests(open)

    it('answer what a collection without one answers', async () => {
      const places = fc.sample(place, { numRuns: 150, seed: SEED })
      const records = places.map((at, _id): JsonObject => ({ _id, at, inside: { at }, list: [{ at }] }))
      const plain = await freshCollection(records, 'READONLY')
      const indexed = await freshCollection(records, 'READONLY', [
        { fields: { at: '2dsphere' } },
        { fields: { 'inside.at': '2dsphere' } },
        { fields: { 'list.at': '2dsphere' } },
      ])
      const ids = async (collection: string, query: JsonObject) =>
        (await documents().find({ collection, query, limit: 1000 }, asFunction)).documents.map(
          (text) => JSON.parse(text)._id,
        )
      const path = fc.constantFrom('at', 'inside.at', 'list.at', 'list.0.at')
      let found = 0
      for (const [field, condition] of fc.sample(fc.tuple(path, test), { numRuns: 300, seed: SEED })) {
        const query = { [field]: condition }
        const expected = await ids(plain, query)
        const answered = await ids(indexed, query)
        found += expected.length
        assert.deepEqual(answered.sort(), expected.sort(), JSON.stringify(query))
      }
      assert.ok(found > 300)
    })

    it('are used, and named by explain; without one the command that helps is', async () => {
      const records = Array.from({ length: 1_200 }, (_, n) => ({
        _id: n,
        at: { type: 'Point', coordinates: [(n % 60) / 10, Math.floor(n / 60) / 10] },
      }))
      const collection = await freshCollection(records, 'READONLY', [{ fields: { at: '2dsphere' } }])
      const center = { type: 'Point', coordinates: [3, 1] }
      const query = { at: { $nearSphere: { $geometry: center, $maxDistance: 20_000 } } }
      const explained = await documents().explain({ collection, query }, asFunction)
      assert.equal(explained.index, 'at_2dsphere')
      assert.match(explained.plan.join('\n'), /ix_[0-9a-f]{24}/)
      const { documents: texts } = await documents().find({ collection, query, limit: 3 }, asFunction)
      assert.equal(JSON.parse(texts[0] ?? '')._id, 10 * 60 + 30)
      const geoNear = { near: center, distanceField: 'd', maxDistance: 12_000 }
      const near = await documents().aggregate({ collection, stages: [{ $geoNear: geoNear }] }, asFunction)
      assert.equal(near.documents.length, 5)
      await documents().dropIndex(collection, 'at_2dsphere')
      const without = await documents().explain({ collection, query }, asFunction)
      assert.equal(without.index, undefined)
      assert.equal(without.proposedIndex, `sampan index create ${collection} '{"at":"2dsphere"}'`)
      assert.equal((await documents().find({ collection, query, limit: 3 }, asFunction)).documents[0], texts[0])
    })
  })
}
