/** Hostile and odd input, on every database: refused with a reason, or stored and read back equal. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json, JsonObject } from '../../src/features/documents/document-request.ts'
import { asFunction, type OpenedDatabase } from './document-fixtures.ts'
import { openForTests } from './open-for-tests.ts'

const nested = (depth: number): Json => (depth === 0 ? 1 : { a: nested(depth - 1) })
const manyKeys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 1]))

const STORED: Readonly<Record<string, Json>> = {
  'text with every odd character': 'a\u0001\t\n\r"\'\\/%_\u007f\u2028\u202e\u{1f6a3}\uffff',
  'the same letter in two forms': ['é', 'e\u0301'],
  'a key that looks like SQL': { "'; DROP TABLE c; --": 1 },
  'names of the prototype': { constructor: 1, toString: { valueOf: 2 }, hasOwnProperty: null },
  'the largest safe integer': Number.MAX_SAFE_INTEGER,
  'a 64-bit integer': { $numberLong: '-9223372036854775808' },
  'small and large doubles': [5e-324, 1.7976931348623157e308, 0.1, -0.000001],
  'numbers that JSON lacks': [{ $numberDouble: 'NaN' }, { $numberDouble: 'Infinity' }, { $numberDouble: '-Infinity' }],
  'dates at both ends': [{ $date: -8.64e15 }, { $date: 8.64e15 }],
  'an ObjectId, a pattern, bytes': [
    { $oid: '0123456789abcdef01234567' },
    { $regularExpression: { pattern: '^a.*"\\\\', options: 'im' } },
    { $binary: { base64: 'AAEC', subType: '00' } },
  ],
  'a name with dots of another script': { '名．字': 'Ａ' },
  'empty things': [{}, [], '', [[]], null, false, 0],
  'thirty levels': nested(29),
  'fields in an order that sorts otherwise': { z: 1, '2': 'b', a: { y: 1, x: 2 } },
}

const REFUSED: Readonly<Record<string, unknown>> = {
  'the character NUL': { a: 'x\u0000y' },
  'NUL in a name': { 'a\u0000': 1 },
  'half of a surrogate pair': { a: '\ud83d' },
  'half a pair in a name': { '\udc00': 1 },
  'a prototype by key': JSON.parse('{"__proto__":{"polluted":1}}'),
  'a prototype deeper': JSON.parse('{"a":[{"__proto__":1}]}'),
  'a name with a dot': { 'a.b': 1 },
  'a name with a dollar': { a: { $b: 1 } },
  'an empty name': { '': 1 },
  'an integer that JSON rounded': { a: 2 ** 53 + 2 },
  'a number beyond doubles': { a: Number.POSITIVE_INFINITY },
  'a long beyond 64 bits': { a: { $numberLong: '9223372036854775808' } },
  'a decimal': { a: { $numberDecimal: '1.1' } },
  code: { a: { $code: 'x' } },
  'a date that is none': { a: { $date: 'yesterday' } },
  'too many levels': nested(33),
  'a hundred thousand levels': JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
  'too many keys': { a: manyKeys(2_001) },
  'a million-element array': { a: Array.from({ length: 10_001 }, () => 1) },
  'a name of two kilobytes': { ['n'.repeat(2_000)]: 1 },
  'half a megabyte and more': { a: 'x'.repeat(600 * 1024) },
  'an id that is an object': { _id: { a: 1 } },
  'an id that is empty': { _id: '' },
  'an id that is too long': { _id: 'x'.repeat(513) },
}

export function testHostileInput(name: string, open: () => Promise<OpenedDatabase>, skip: string | false = false) {
  describe(`hostile input: ${name}`, { skip }, () => {
    const { documents, freshCollection, found, stored } = openForTests(open)

    it('reads back equal, in the same order, what it stores', async () => {
      const collection = await freshCollection()
      for (const [about, value] of Object.entries(STORED)) {
        await documents().add({ collection, documents: [{ _id: about, value }] }, asFunction)
        const text = await documents().get({ collection, id: about }, asFunction)
        assert.equal(text, JSON.stringify({ _id: about, value }), about)
        await documents().update({ collection, id: about, changes: { $set: { copy: value } } }, asFunction)
        assert.equal(JSON.stringify((await stored(collection, about))?.['copy']), JSON.stringify(value), about)
        assert.deepEqual(await found(collection, { copy: { $eq: value } }), [about], about)
        await documents().remove({ collection, id: about }, asFunction)
      }
    })

    it('refuses with a reason what it could not keep as it is', async () => {
      const collection = await freshCollection([{ _id: 'a' }])
      for (const [about, document] of Object.entries(REFUSED)) {
        const given = document as JsonObject // safe: the engine checks what it is given
        const refusal = await documents()
          .add({ collection, documents: [given] }, asFunction)
          .catch((error) => error)
        assert.equal(refusal.code, 'invalid_document', about)
        assert.equal(typeof refusal.details.reason, 'string', about)
        if (about.startsWith('an id')) continue
        const changes = { $set: { inside: given } }
        const update = await documents()
          .update({ collection, id: 'a', changes }, asFunction)
          .catch((error) => error)
        assert.match(String(update.code), /^invalid_(update|document)$/, about)
      }
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
      assert.deepEqual(await stored(collection, 'a'), { _id: 'a' })
    })

    it('keeps ids of different types and forms apart', async () => {
      const ids: Json[] = [
        1,
        '1',
        1.5,
        -1,
        'a',
        'a ',
        'A',
        '\u0001#x',
        '\u{10ffff}o',
        'é',
        'e\u0301',
        { $oid: '0123456789abcdef01234567' },
        '0123456789abcdef01234567',
      ]
      const collection = await freshCollection(ids.map((_id, n) => ({ _id, n })))
      for (const [n, id] of ids.entries()) assert.equal((await stored(collection, id))?.['n'], n)
      assert.deepEqual(await found(collection, { _id: { $in: ['a', 1] } }), [1, 'a'])
    })

    it('refuses unknown and dangerous parts of queries and updates', async () => {
      const collection = await freshCollection([{ _id: 'a', n: 1 }])
      const queries: unknown[] = [
        { $where: 'sleep(1000)' },
        { n: { $surprise: 1 } },
        { $text: { $search: 'x' } },
        { n: { $gt: 1, plain: 2 } },
        { $or: [] },
        { $and: 'x' },
        { n: { $in: 'x' } },
        { n: { $in: Array.from({ length: 2_001 }, (_, i) => i) } },
        { $or: Array.from({ length: 600 }, () => ({ n: 1 })) },
        { 'a..b': 1 },
        { 'a.$b': 1 },
        JSON.parse('{"__proto__":1}'),
        JSON.parse('{"a.__proto__.b":1}'),
        { n: { $regex: '(' } },
        { n: { $regex: 'x'.repeat(600) } },
        { n: { $regex: '(a)\\1' } },
        { n: { $not: 5 } },
        { n: { $elemMatch: 5 } },
        { n: { $size: -1 } },
        { n: { $mod: [0, 1] } },
        { n: { $geoWithin: { $geometry: { type: 'Circle' } } } },
        JSON.parse(`${'{"$and":['.repeat(60)}{}${']}'.repeat(60)}`),
      ]
      for (const query of queries) {
        const asked = documents().find({ collection, query: query as JsonObject }, asFunction)
        await assert.rejects(asked, { code: 'invalid_query' }, JSON.stringify(query).slice(0, 80))
      }
      const updates: unknown[] = [
        { n: 5 },
        { $surprise: { n: 1 } },
        { $set: { 'a..b': 1 } },
        { $set: { _id: 'other' } },
        { $set: { n: 1, 'n.m': 1 } },
        { $inc: { n: 'x' } },
        { $push: { n: 1 } },
        { $set: JSON.parse('{"__proto__.polluted":1}') },
        { $set: { constructor: { $function: 'x' } } },
        { $set: { 'list.99999': 1 } },
        { $rename: { n: 'x.$y' } },
        { $set: 5 },
      ]
      for (const changes of updates) {
        const asked = documents().update({ collection, id: 'a', changes: changes as JsonObject }, asFunction)
        if (JSON.stringify(changes).includes('list.99999'))
          await asked.catch((error) => assert.match(error.code, /^invalid_/))
        else await assert.rejects(asked, { code: 'invalid_update' }, JSON.stringify(changes))
      }
      assert.equal((await stored(collection, 'a'))?.['n'], 1)
    })

    it('takes field names and values as names and values, whatever SQL or JSON path they spell', async () => {
      const names = [
        `a'b`,
        `a"b`,
        'a`b',
        'a;b',
        'a[0]',
        'a]b',
        '*',
        '中 文',
        'a\\b',
        '?',
        'x',
        'a-b',
        '--',
        '/*',
        '%s',
        ':x',
        '@x',
      ]
      const collection = await freshCollection(
        names.map((field, index) => ({ _id: index, [field]: `' OR 1=1 --${index}` })),
      )
      for (const [index, field] of names.entries()) {
        assert.deepEqual(await found(collection, { [field]: `' OR 1=1 --${index}` }), [index], field)
        assert.deepEqual(await found(collection, { [field]: { $exists: true } }), [index], field)
        assert.equal((await found(collection, { [field]: { $ne: 'x' } })).length, names.length, field)
        const sorted = await documents().find({ collection, order: { [field]: -1 }, limit: 1 }, asFunction)
        assert.equal(JSON.parse(sorted.documents[0] ?? '')._id, index, field)
      }
    })

    it('runs patterns that make a naive engine hang', async () => {
      const collection = await freshCollection([{ _id: 'a', s: `${'a'.repeat(50_000)}!` }])
      for (const pattern of ['^(a+)+$', '^(a|a)*$', '(.*a){20}$', '^([a-zA-Z]+)*$']) {
        for (const options of ['', 'i']) {
          const query = { s: { $regex: pattern, $options: options } }
          const answer = await documents()
            .find({ collection, query }, asFunction)
            .catch((error) => error)
          assert.ok(answer.documents || answer.code === 'invalid_query', pattern)
        }
      }
      await assert.rejects(
        documents().find({ collection, query: { s: { $regex: '((a{1,100}){1,100}){1,100}b' } } }, asFunction),
        { code: 'invalid_query' },
      )
    })
  })
}
