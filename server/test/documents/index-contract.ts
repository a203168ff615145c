/** Indexes, plans and slow queries, on every database. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openDocuments } from '../../src/features/documents/documents.ts'
import { asFunction, asUser, type OpenedDatabase, quietLog } from './document-fixtures.ts'
import { openForTests } from './open-for-tests.ts'

export function testIndexes(name: string, open: () => Promise<OpenedDatabase>, skip: string | false = false) {
  describe(`document indexes: ${name}`, { skip }, () => {
    const { documents, opened, freshCollection, found, slowQueries } = openForTests(open, {
      slowQueryMs: 0,
      residualRowsMax: 1_500,
    })
    const records = Array.from({ length: 2_000 }, (_, n) => ({
      _id: n,
      state: n % 4 ? 'open' : 'done',
      n,
      o: { at: 2_000 - n },
    }))

    it('serves a filter with its order from one index, and says so', async () => {
      const collection = await freshCollection(records, 'READONLY', [{ fields: { state: 1, 'o.at': -1 } }])
      const request = { collection, query: { state: 'open' }, order: { 'o.at': -1 }, limit: 3 } as const
      const explained = await documents().explain(request, asFunction)
      assert.equal(explained.index, 'state_1_o.at_-1')
      assert.equal(explained.isExact, true)
      assert.deepEqual(explained.residual, [])
      assert.equal(explained.proposedIndex, undefined)
      assert.match(explained.plan.join('\n'), /ix_[0-9a-f]{24}/)
      const { documents: texts } = await documents().find(request, asFunction)
      assert.deepEqual(
        texts.map((text) => JSON.parse(text)._id),
        [1, 2, 3],
      )
    })

    it("finds a user's own records by the index that every collection has", async () => {
      const collection = await freshCollection(
        records.slice(0, 50).map((record) => ({ ...record, _openid: `user${record.n % 5}` })),
      )
      const explained = await documents().explain({ collection }, asUser('user1'))
      assert.equal(explained.index, '_openid_')
      assert.match(explained.plan.join('\n'), /ix_[0-9a-f]{24}|key|Index/i)
      assert.equal((await found(collection, {}, asUser('user1'))).length, 10)
    })

    it('stays right when documents hold arrays where the index has fields', async () => {
      const collection = await freshCollection(
        [
          { _id: 'a', tags: 'x' },
          { _id: 'b', tags: ['x', 'y'] },
          { _id: 'c', tags: ['z'] },
        ],
        'READONLY',
        [{ fields: { tags: 1 } }, { fields: { 'list.n': 1 } }],
      )
      assert.deepEqual(await found(collection, { tags: 'x' }), ['a', 'b'])
      assert.deepEqual(await found(collection, { tags: { $gt: 'x' } }), ['b', 'c'])
      assert.deepEqual(await found(collection, { 'list.n': 5 }), [])
      await documents().add({ collection, documents: [{ _id: 'd', list: [{ n: 4 }, { n: 5 }] }] }, asFunction)
      assert.deepEqual(await found(collection, { 'list.n': 5 }), ['d'])
      const changed = await documents().update(
        { collection, query: { tags: 'y' }, changes: { $set: { hit: true } } },
        asFunction,
      )
      assert.deepEqual(changed, { updated: 1 })
      const sorted = await documents().find(
        { collection, query: { tags: { $exists: true } }, order: { tags: -1 } },
        asFunction,
      )
      assert.deepEqual(
        sorted.documents.map((text) => JSON.parse(text)._id),
        ['c', 'b', 'a'],
      )
    })

    it('finds records by the elements of their lists, and keeps the index through every kind of write', async () => {
      const members = (n: number) => [`u${n % 50}`, `u${(n * 7) % 50}`, { $date: n }, n, ['nested'], null]
      const lists = Array.from({ length: 1_000 }, (_, n) => ({ _id: n, members: members(n), n }))
      const collection = await freshCollection(lists.slice(0, 600), 'READONLY')
      await documents().createIndex(collection, { fields: { members: 'array' } })
      await documents().add({ collection, documents: lists.slice(600) }, asFunction)
      const withMember = (name: string) => lists.filter((list) => list.members.includes(name)).map(({ _id }) => _id)
      assert.deepEqual(await found(collection, { members: 'u3' }), withMember('u3'))
      assert.deepEqual(
        await found(collection, { members: { $all: ['u3', 'u21'] } }),
        withMember('u3').filter((id) => withMember('u21').includes(id)),
      )
      assert.deepEqual(await found(collection, { members: { $in: [{ $date: 5 }, 7, 2_000] } }), [5, 7])
      const request = { collection, query: { members: 'u3' }, order: { n: -1 }, limit: 2 } as const
      const explained = await documents().explain(request, asFunction)
      assert.equal(explained.index, 'members_array')
      assert.deepEqual(
        explained.residual.filter((part) => part !== 'order'),
        [],
      )
      assert.match(explained.plan.join('\n'), /el_[0-9a-f]{24}|autoindex_el|PRIMARY/)

      await documents().update(
        { collection, query: { n: { $lt: 100 } }, changes: { $push: { members: 'new' } } },
        asFunction,
      )
      await documents().update({ collection, id: 5, changes: { $pull: { members: 'new' } } }, asFunction)
      await documents().update({ collection, id: 6, changes: { $set: { members: 'new' } } }, asFunction)
      await documents().set({ collection, id: 7, document: { n: 7 } }, asFunction)
      await documents().remove({ collection, query: { n: { $gte: 8, $lt: 50 } } }, asFunction)
      const left = [...Array(100).keys()].filter((n) => n !== 5 && n !== 7 && !(n >= 8 && n < 50))
      assert.deepEqual(await found(collection, { members: 'new' }), left)
      assert.equal(await documents().count({ collection, query: { members: { $gt: 990 } } }, asFunction), 9)
      await documents().dropIndex(collection, 'members_array')
      assert.deepEqual(await found(collection, { members: 'new' }), left)
      await documents().update({ collection, id: 6, changes: { $set: { members: [] } } }, asFunction)
      assert.deepEqual(
        await found(collection, { members: 'new' }),
        left.filter((n) => n !== 6),
      )
    })

    it('refuses a second record with a unique value, also in an update', async () => {
      const collection = await freshCollection([{ _id: 'a', phone: '1' }], 'READONLY', [
        { fields: { phone: 1 }, unique: true },
      ])
      await assert.rejects(documents().add({ collection, documents: [{ phone: '1' }] }, asFunction), {
        code: 'document_exists',
      })
      await documents().add(
        {
          collection,
          documents: [
            { _id: 'b', phone: '2' },
            { _id: 'c', phone: 1 },
          ],
        },
        asFunction,
      )
      await assert.rejects(documents().update({ collection, id: 'b', changes: { $set: { phone: '1' } } }, asFunction), {
        code: 'document_exists',
      })
    })

    it('creates an index on what is there, once, and drops it', async () => {
      const collection = await freshCollection(records, 'READONLY')
      const query = { collection, query: { n: { $gte: 1_990 } } }
      const before = await documents().explain(query, asFunction)
      assert.equal(before.index, undefined)
      assert.equal(before.proposedIndex, `sampan index create ${collection} '{"n":1}'`)
      const first = await documents().createIndex(collection, { fields: { n: 1 } })
      assert.deepEqual(await documents().createIndex(collection, { fields: { n: 1 } }), first)
      assert.equal((await documents().explain(query, asFunction)).index, 'n_1')
      assert.equal((await documents().find(query, asFunction)).documents.length, 10)
      await documents().dropIndex(collection, 'n_1')
      assert.equal((await documents().explain(query, asFunction)).index, undefined)
      await documents().createIndex(collection, { fields: { n: 1 } })
      assert.equal((await documents().find(query, asFunction)).documents.length, 10)
    })

    it('refuses a unique index over values that are there twice, and builds it once they are not', async () => {
      const collection = await freshCollection(
        [
          { _id: 'a', v: 1 },
          { _id: 'b', v: 1 },
        ],
        'READONLY',
      )
      const unique = { fields: { v: 1 }, unique: true } as const
      await assert.rejects(documents().createIndex(collection, unique), { code: 'document_exists' })
      await documents().remove({ collection, id: 'b' }, asFunction)
      await documents().createIndex(collection, unique)
      await assert.rejects(documents().add({ collection, documents: [{ v: 1 }] }, asFunction), {
        code: 'document_exists',
      })
    })

    it('can be opened by several processes at once', async () => {
      const { database } = opened()
      const engines = await Promise.all(Array.from({ length: 6 }, () => openDocuments({ database, log: quietLog })))
      const name = await freshCollection([{ _id: 1 }])
      for (const engine of engines) {
        assert.equal(await engine.count({ collection: name }, asFunction), 1)
        await engine.close()
      }
    })

    it('refuses indexes that make no sense', async () => {
      const collection = await freshCollection()
      for (const fields of [
        {},
        { 'a..b': 1 },
        { a: 2 },
        { a: '2dsphere', b: 1 },
        { 'a.b': 'array' },
        { a: 'array', b: 1 },
      ]) {
        const created = documents().createIndex(collection, { fields } as never) // safe: the engine checks it
        await assert.rejects(created, { code: 'invalid_query' }, JSON.stringify(fields))
      }
      await assert.rejects(documents().dropIndex(collection, 'none'), { code: 'invalid_query' })
    })

    it('reports slow queries with their plan and the command that helps', async () => {
      const collection = await freshCollection(records, 'READONLY')
      slowQueries.length = 0
      await documents().find({ collection, query: { state: 'none' }, order: { n: 1 } }, asFunction)
      for (let tries = 0; tries < 100 && slowQueries.length === 0; tries++) await delay(10)
      const [slow] = slowQueries
      assert.equal(slow?.collection, collection)
      assert.equal(slow?.proposedIndex, `sampan index create ${collection} '{"state":1,"n":1}'`)
      assert.ok(slow?.plan.length)
      assert.ok(!slow?.sql.includes('none'), 'values are not logged')
    })

    it('refuses to look at more rows in memory than it may', async () => {
      const collection = await freshCollection(records, 'READONLY')
      const query = { n: { $bitsAllSet: 1 }, state: { $type: 'date' } }
      await assert.rejects(
        documents().find({ collection, query: { $or: [query, { n: { $mod: [5_000, 4_999] } }] } }, asFunction),
        {
          code: 'query_too_expensive',
        },
      )
    })
  })
}
