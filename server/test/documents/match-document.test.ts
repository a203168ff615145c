/** The matcher against MongoDB's documented behaviour, and against mingo where mingo follows MongoDB. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Query } from 'mingo'
import { decodeFilter } from '../../src/features/documents/decode-filter.ts'
import type { Json, JsonObject } from '../../src/features/documents/document-request.ts'
import { compileFilter } from '../../src/features/documents/match-document.ts'

const matches = (document: JsonObject, query: JsonObject) => compileFilter(decodeFilter(query, 0))(document)

/** From MongoDB's manual: document, query, whether it matches. */
const DOCUMENTED: readonly [JsonObject, JsonObject, boolean][] = [
  [{ a: [1, 2, 3] }, { a: 2 }, true],
  [{ a: [1, 2, 3] }, { a: [1, 2, 3] }, true],
  [{ a: [1, 2, 3] }, { a: [3, 2, 1] }, false],
  [{ a: [[1, 2], 3] }, { a: [1, 2] }, true],
  [{ a: [1, 20] }, { a: { $gt: 15, $lt: 5 } }, true],
  [{ a: [1, 20] }, { a: { $elemMatch: { $gt: 5, $lt: 15 } } }, false],
  [{ a: 5 }, { a: { $gt: '1' } }, false],
  [{ a: null }, { a: null }, true],
  [{}, { a: null }, true],
  [{}, { a: { $ne: 5 } }, true],
  [{ a: [5, 6] }, { a: { $ne: 5 } }, false],
  [{}, { a: { $nin: [5] } }, true],
  [{}, { a: { $not: { $gt: 5 } } }, true],
  [{ a: { b: 1, c: 2 } }, { a: { $eq: { b: 1, c: 2 } } }, true],
  [{ a: { c: 2, b: 1 } }, { a: { $eq: { b: 1, c: 2 } } }, false],
  [{ a: [{ b: 1 }, { b: 2 }] }, { 'a.b': 2 }, true],
  [{ a: [{ b: 1 }, { c: 2 }] }, { 'a.b': null }, true],
  [{ a: [{ b: 1 }] }, { 'a.b': null }, false],
  [{ a: [] }, { 'a.b': null }, false],
  [{ a: 5 }, { 'a.b': null }, true],
  [
    {
      a: [
        { b: 1, c: 5 },
        { b: 2, c: 1 },
      ],
    },
    { a: { $elemMatch: { b: 1, c: 1 } } },
    false,
  ],
  [{ a: ['x', 'y'] }, { 'a.1': 'y' }, true],
  [{ a: { 1: 'y' } }, { 'a.1': 'y' }, true],
  [{ a: [1, 2] }, { a: { $size: 2 } }, true],
  [{ a: [[1, 2]] }, { a: { $size: 2 } }, false],
  [{ a: ['x', 'y', 'z'] }, { a: { $all: ['z', 'x'] } }, true],
  [{ a: 'x' }, { a: { $all: ['x'] } }, true],
  [{ a: ['x'] }, { a: { $all: [] } }, false],
  [{ a: 'x' }, { a: { $exists: true } }, true],
  [{ a: null }, { a: { $exists: true } }, true],
  [{ a: null }, { a: { $exists: false } }, false],
  [{ a: [] }, { a: { $type: 'array' } }, true],
  [{ a: ['x'] }, { a: { $type: 'string' } }, true],
  [{ a: 12 }, { a: { $mod: [5, 2] } }, true],
  [{ a: -7 }, { a: { $mod: [5, -2] } }, true],
  [{ a: ['x', 'Abc'] }, { a: { $regex: '^a', $options: 'i' } }, true],
  [{ a: 'line\nfoo' }, { a: { $regex: '^foo', $options: 'm' } }, true],
  [{ a: 5 }, { a: { $regex: '5' } }, false],
  [{ a: 'abc' }, { a: { $in: [{ $regularExpression: { pattern: '^ab', options: '' } }] } }, true],
  [{ a: { $date: 5 } }, { a: { $gt: { $date: 4 } } }, true],
  [{ a: { $date: 5 } }, { a: { $gt: 4 } }, false],
  [{ a: true }, { a: 1 }, false],
  [{ a: { $numberLong: '9007199254740993' } }, { a: { $gt: { $numberLong: '9007199254740992' } } }, true],
  [{ a: '\u{1f6a3}' }, { a: { $gt: '\uffee' } }, true],
  [{ a: 1, b: 2 }, { $nor: [{ a: 2 }, { b: 1 }] }, true],
  [{ a: 20 }, { a: { $bitsAllSet: [2, 4] } }, true],
  [{ a: 20 }, { a: { $bitsAnyClear: 4 } }, false],
]

describe('matching', () => {
  for (const [document, query, expected] of DOCUMENTED) {
    it(`${JSON.stringify(query)} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(document)}`, () => {
      assert.equal(matches(document, query), expected)
    })
  }

  it('agrees with mingo where mingo follows MongoDB: fields and flat lists of plain values', () => {
    const scalar = fc.constantFrom<Json>(0, 1, 2, 2.5, 'a', 'b', '10', true, false, null)
    const value = fc.oneof(
      scalar,
      fc.array(scalar, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('x', 'y'), scalar, { maxKeys: 2, noNullPrototype: true }),
    )
    const document = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { maxKeys: 3, noNullPrototype: true })
    const test = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('$eq', '$ne', '$gt', '$gte', '$lt', '$lte'),
          scalar.filter((each) => each !== null),
        )
        .map(([operator, operand]) => ({ [operator]: operand })),
      fc
        .array(
          scalar.filter((each) => each !== null),
          { minLength: 1, maxLength: 3 },
        )
        .map((list) => ({ $in: list })),
      fc.boolean().map((exists) => ({ $exists: exists })),
      fc.integer({ min: 0, max: 3 }).map((size) => ({ $size: size })),
    )
    const field = fc.dictionary(fc.constantFrom('a', 'b', 'a.x', 'b.y'), test, {
      minKeys: 1,
      maxKeys: 2,
      noNullPrototype: true,
    })
    const query = fc.oneof(
      field,
      fc.array(field, { minLength: 1, maxLength: 2 }).map((branches) => ({ $or: branches })),
      fc.array(field, { minLength: 1, maxLength: 2 }).map((branches) => ({ $nor: branches })),
    )
    fc.assert(
      fc.property(document, query, (given, asked) => {
        // mingo takes an empty list of values for an empty list.
        fc.pre(!/\.[xy]":\{"\$size/.test(JSON.stringify(asked)))
        assert.equal(matches(given, asked as JsonObject), new Query(asked, {}).test(given))
      }),
      { numRuns: 5_000, seed: 3 },
    )
  })
})

describe('geography', () => {
  const park = {
    type: 'Polygon',
    coordinates: [
      [
        [113, 23],
        [113.2, 23],
        [113.2, 23.2],
        [113, 23.2],
        [113, 23],
      ],
    ],
  }
  const point = (longitude: number, latitude: number) => ({ type: 'Point', coordinates: [longitude, latitude] })
  const near = (meters: number) => ({ at: { $nearSphere: { $geometry: point(113, 23), $maxDistance: meters } } })

  it('measures distances on the sphere', () => {
    assert.equal(matches({ at: point(113.01, 23) }, near(1_030)), true)
    assert.equal(matches({ at: point(113.01, 23) }, near(1_020)), false)
    assert.equal(matches({ at: 'nowhere' }, near(1e9)), false)
    assert.equal(matches({}, near(1e9)), false)
  })

  it('knows what is within and what touches', () => {
    const within = { at: { $geoWithin: { $geometry: park } } }
    const touches = { at: { $geoIntersects: { $geometry: park } } }
    const street = {
      type: 'LineString',
      coordinates: [
        [112.9, 23.1],
        [113.3, 23.1],
      ],
    }
    assert.equal(matches({ at: point(113.1, 23.1) }, within), true)
    assert.equal(matches({ at: point(113.3, 23.1) }, within), false)
    assert.equal(matches({ at: street }, within), false)
    assert.equal(matches({ at: street }, touches), true)
    assert.equal(matches({ at: point(113, 23) }, touches), true)
    assert.equal(
      matches({ at: { $geoWithin: 1 } as never }, { at: { $geoWithin: { $centerSphere: [[113, 23], 1] } } }),
      false,
    )
    assert.equal(
      matches({ at: point(113.1, 23.1) }, { at: { $geoWithin: { $centerSphere: [[113, 23], 0.01] } } }),
      true,
    )
  })
})
