/** Update operators against MongoDB's documented behaviour. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { applyUpdate } from '../../src/features/documents/apply-update.ts'
import { decodeUpdate } from '../../src/features/documents/decode-update.ts'
import type { JsonObject } from '../../src/features/documents/document-request.ts'

const NOW = 1_000
const update = (document: JsonObject, changes: JsonObject) => applyUpdate(document, decodeUpdate(changes, NOW))

const DOCUMENTED: readonly [before: JsonObject, changes: JsonObject, after: JsonObject][] = [
  [{ a: 1 }, { $set: { 'b.c': 2 } }, { a: 1, b: { c: 2 } }],
  [{ a: { b: 1 } }, { $set: { a: { c: 2 } } }, { a: { c: 2 } }],
  [{ a: [1, 2] }, { $set: { 'a.1': 5 } }, { a: [1, 5] }],
  [{ a: [1] }, { $set: { 'a.3': 5 } }, { a: [1, null, null, 5] }],
  [{ a: { x: 1 } }, { $set: { 'a.0': 5 } }, { a: { x: 1, 0: 5 } }],
  [{ a: 1, b: 2 }, { $unset: { a: '' } }, { b: 2 }],
  [{ a: [1, 2] }, { $unset: { 'a.0': '' } }, { a: [null, 2] }],
  [{}, { $unset: { 'x.y': '' } }, {}],
  [{ a: 1 }, { $inc: { a: 2, b: 3 } }, { a: 3, b: 3 }],
  [{ a: 0.1 }, { $inc: { a: 0.2 } }, { a: 0.30000000000000004 }],
  [{ a: 9007199254740991 }, { $inc: { a: 2 } }, { a: { $numberLong: '9007199254740993' } }],
  [{ a: 3 }, { $mul: { a: 2, b: 5 } }, { a: 6, b: 0 }],
  [{ a: 5 }, { $min: { a: 3, b: 1 } }, { a: 3, b: 1 }],
  [{ a: 5 }, { $max: { a: 3 } }, { a: 5 }],
  [{ a: { $date: 5 } }, { $max: { a: { $date: 9 } } }, { a: { $date: 9 } }],
  [{ a: 1 }, { $rename: { a: 'b.c' } }, { b: { c: 1 } }],
  [{ b: 1 }, { $rename: { a: 'b' } }, { b: 1 }],
  [{ a: 13 }, { $bit: { a: { and: 10 } } }, { a: 8 }],
  [{ a: 3 }, { $bit: { a: { or: 5 } } }, { a: 7 }],
  [{ a: [1] }, { $push: { a: 2 } }, { a: [1, 2] }],
  [{}, { $push: { a: 2 } }, { a: [2] }],
  [{ a: [1] }, { $push: { a: [2, 3] } }, { a: [1, [2, 3]] }],
  [{ a: [1] }, { $push: { a: { $each: [2, 3] } } }, { a: [1, 2, 3] }],
  [{ a: [3] }, { $push: { a: { $each: [1, 2], $position: 0 } } }, { a: [1, 2, 3] }],
  [{ a: [3, 1] }, { $push: { a: { $each: [2], $sort: 1 } } }, { a: [1, 2, 3] }],
  [
    { a: [{ n: 3 }] },
    { $push: { a: { $each: [{ n: 5 }, { n: 1 }], $sort: { n: -1 }, $slice: 2 } } },
    { a: [{ n: 5 }, { n: 3 }] },
  ],
  [{ a: [1, 2, 3] }, { $push: { a: { $each: [4], $slice: -2 } } }, { a: [3, 4] }],
  [{ a: [1, 2, 3] }, { $pop: { a: 1 } }, { a: [1, 2] }],
  [{ a: [1, 2, 3] }, { $pop: { a: -1 } }, { a: [2, 3] }],
  [{}, { $pop: { a: 1 } }, {}],
  [{ a: [1, 5, 8] }, { $pull: { a: { $gte: 5 } } }, { a: [1] }],
  [{ a: ['x', 'y', 'x'] }, { $pull: { a: 'x' } }, { a: ['y'] }],
  [{ a: [{ n: 1, m: 2 }, { n: 2 }] }, { $pull: { a: { n: 1 } } }, { a: [{ n: 2 }] }],
  [{ a: ['x', 'y', 'z'] }, { $pull: { a: { $in: ['x', 'z'] } } }, { a: ['y'] }],
  [{ a: [1, 2, 1, 3] }, { $pullAll: { a: [1, 3] } }, { a: [2] }],
  [{ a: [1] }, { $addToSet: { a: 1 } }, { a: [1] }],
  [{ a: [1] }, { $addToSet: { a: { $each: [1, 2, 2] } } }, { a: [1, 2] }],
  [{ a: [1] }, { $addToSet: { a: { each: [2, 3] } } }, { a: [1, 2, 3] }],
  [{ a: [{ x: 1 }] }, { $addToSet: { a: { x: 1 } } }, { a: [{ x: 1 }] }],
  [{}, { $currentDate: { a: true } }, { a: { $date: NOW } }],
  [{}, { $set: { a: { $tcb_server_date: { offset: 5 } } } }, { a: { $date: NOW + 5 } }],
]

describe('updates', () => {
  for (const [before, changes, after] of DOCUMENTED) {
    it(`${JSON.stringify(changes)} turns ${JSON.stringify(before)} into ${JSON.stringify(after)}`, () => {
      const given = structuredClone(before)
      assert.deepEqual(update(given, changes), after)
      assert.deepEqual(given, before, 'the given document is not touched')
    })
  }

  const REFUSED: readonly [JsonObject, JsonObject][] = [
    [{ a: 'x' }, { $inc: { a: 1 } }],
    [{ a: null }, { $inc: { a: 1 } }],
    [{ a: 5 }, { $set: { 'a.b': 1 } }],
    [{ a: [1] }, { $set: { 'a.b': 1 } }],
    [{ a: 5 }, { $push: { a: 1 } }],
    [{ a: 5 }, { $pull: { a: 1 } }],
    [{ a: 1.5 }, { $bit: { a: { and: 1 } } }],
    [{ a: { $numberLong: '9223372036854775807' } }, { $inc: { a: 1 } }],
    [{ a: [{ b: 1 }] }, { $rename: { 'a.0.b': 'c' } }],
    [{ _id: 1 }, { $set: { _id: 2 } }],
    [{ _id: 1 }, { $unset: { _id: '' } }],
  ]
  for (const [document, changes] of REFUSED) {
    it(`refuses ${JSON.stringify(changes)} on ${JSON.stringify(document)}`, () => {
      assert.throws(() => update(document, changes), { code: 'invalid_update' })
    })
  }
})
