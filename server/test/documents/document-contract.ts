/** What the document engine must do on every database. Each database's test calls this; add behaviour here first. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { DocumentCaller, Documents, JsonObject } from '../../src/features/documents/document-request.ts'
import { openDocuments } from '../../src/features/documents/documents.ts'
import { asAnonymous, asFunction, asUser, type OpenedDatabase, quietLog } from './document-fixtures.ts'

export function testDocuments(name: string, open: () => Promise<OpenedDatabase>, skip: string | false = false) {
  describe(`documents: ${name}`, { skip }, () => {
    let opened: OpenedDatabase
    let documents: Documents
    let nowMs = Date.UTC(2026, 5, 1)
    before(async () => {
      opened = await open()
      documents = await openDocuments({ database: opened.database, log: quietLog, now: () => nowMs })
    })
    after(async () => {
      await documents?.close()
      await opened?.close()
    })

    let collections = 0
    async function freshCollection(
      records: readonly JsonObject[] = [],
      rules: 'PRIVATE' | 'READONLY' | 'ADMINWRITE' | 'ADMINONLY' = 'PRIVATE',
    ) {
      const collection = `records${++collections}`
      await documents.createCollection({ name: collection, rules, indexes: [] })
      if (records.length) await documents.add({ collection, documents: records }, asFunction)
      return collection
    }
    const found = async (collection: string, query: JsonObject, caller: DocumentCaller = asFunction) => {
      const answer = await documents.find({ collection, query, order: { _id: 1 }, limit: 1000 }, caller)
      return answer.documents.map((text) => JSON.parse(text)._id)
    }
    const stored = async (collection: string, id: string | number) =>
      JSON.parse((await documents.get({ collection, id }, asFunction)) ?? 'null')

    describe('reading', () => {
      it('matches by equality, ranges, lists, and, or, and existence', async () => {
        const collection = await freshCollection([
          { _id: '1', n: 1, s: 'a', tags: ['x', 'y'] },
          { _id: '2', n: 2, s: 'b', o: { m: 1 } },
          { _id: '3', n: null, s: '10' },
          { _id: '4', list: [{ m: 1 }, { m: 5 }] },
        ])
        assert.deepEqual(await found(collection, { n: 1 }), ['1'])
        assert.deepEqual(await found(collection, { n: { $gt: 1 } }), ['2'])
        assert.deepEqual(await found(collection, { n: { $in: [1, 2] } }), ['1', '2'])
        assert.deepEqual(await found(collection, { n: null }), ['3', '4'])
        assert.deepEqual(await found(collection, { n: { $exists: false } }), ['4'])
        assert.deepEqual(await found(collection, { n: { $ne: 1 } }), ['2', '3', '4'])
        assert.deepEqual(await found(collection, { tags: 'y' }), ['1'])
        assert.deepEqual(await found(collection, { 'o.m': 1 }), ['2'])
        assert.deepEqual(await found(collection, { 'list.m': 5 }), ['4'])
        assert.deepEqual(await found(collection, { 'list.1.m': 5 }), ['4'])
        assert.deepEqual(await found(collection, { $or: [{ n: 1 }, { s: 'b' }] }), ['1', '2'])
        assert.deepEqual(await found(collection, { s: { $gt: 5 } }), [], 'text is never above a number')
      })

      it('gives clients 20 records at most and functions 100 by default, 1000 at most', async () => {
        const collection = await freshCollection(
          Array.from({ length: 1_000 }, (_, index) => ({ _id: index, n: 1 })),
          'READONLY',
        )
        await documents.add({ collection, documents: [{ _id: 'last' }] }, asFunction)
        const count = async (caller: DocumentCaller, limit?: number) => {
          const answer = await documents.find({ collection, ...(limit !== undefined && { limit }) }, caller)
          return answer.documents.length
        }
        assert.equal(await count(asUser('me')), 20)
        assert.equal(await count(asUser('me'), 50), 20)
        assert.equal(await count(asFunction), 100)
        assert.equal(await count(asFunction, 5_000), 1_000)
        assert.equal(await documents.count({ collection }, asUser('me')), 1_001)
      })

      it('sorts over types as MongoDB does, and pages with skip and limit', async () => {
        const collection = await freshCollection([
          { _id: 'text', v: 'a' },
          { _id: 'date', v: { $date: 5 } },
          { _id: 'number', v: 9 },
          { _id: 'missing' },
          { _id: 'boolean', v: false },
          { _id: 'list', v: [7, 100] },
        ])
        const ids = async (direction: 1 | -1) =>
          (await documents.find({ collection, order: { v: direction } }, asFunction)).documents.map(
            (text) => JSON.parse(text)._id,
          )
        assert.deepEqual(await ids(1), ['missing', 'list', 'number', 'text', 'boolean', 'date'])
        assert.deepEqual(await ids(-1), ['date', 'boolean', 'text', 'list', 'number', 'missing'])
        const page = await documents.find({ collection, order: { v: 1 }, skip: 2, limit: 2 }, asFunction)
        assert.deepEqual(
          page.documents.map((text) => JSON.parse(text)._id),
          ['number', 'text'],
        )
      })

      it('answers only the fields that are asked for', async () => {
        const collection = await freshCollection([{ _id: 'a', x: 1, y: { z: 2, w: 3 }, list: [1, 2, 3] }])
        const get = async (projection: JsonObject) =>
          JSON.parse((await documents.get({ collection, id: 'a', projection }, asFunction)) ?? '')
        assert.deepEqual(await get({ x: 1 }), { _id: 'a', x: 1 })
        assert.deepEqual(await get({ 'y.z': true, _id: 0 }), { y: { z: 2 } })
        assert.deepEqual(await get({ list: 0, x: 0 }), { _id: 'a', y: { z: 2, w: 3 } })
        assert.deepEqual(await get({ list: { $slice: -2 }, y: 0 }), { _id: 'a', x: 1, list: [2, 3] })
      })

      it('says which collection is missing, in the words that programs match on', async () => {
        await assert.rejects(documents.find({ collection: 'nowhere' }, asFunction), {
          code: 'collection_not_found',
          message: '[ResourceNotFound] Db or Table not exist: nowhere',
        })
      })
    })

    describe('writing', () => {
      it('keeps ids, types and the order of fields', async () => {
        const collection = await freshCollection()
        const { ids } = await documents.add(
          { collection, documents: [{ z: 1, a: { $date: '1970-01-01T00:00:00.005Z' } }, { _id: 5 }] },
          asFunction,
        )
        assert.match(String(ids[0]), /^[0-9a-f]{32}$/)
        assert.equal(ids[1], 5)
        const text = await documents.get({ collection, id: ids[0] ?? null }, asFunction)
        assert.equal(text, `{"_id":"${ids[0]}","z":1,"a":{"$date":5}}`)
        assert.equal(
          await documents.get({ collection, id: '5' }, asFunction),
          undefined,
          'the number 5 is not the text 5',
        )
        await assert.rejects(documents.add({ collection, documents: [{ _id: 5 }] }, asFunction), {
          code: 'document_exists',
        })
      })

      it('writes the server date with its offset', async () => {
        const collection = await freshCollection()
        const document = { _id: 'a', at: { $tcb_server_date: { offset: { $numberInt: '-1000' } } } }
        await documents.add({ collection, documents: [document] }, asFunction)
        assert.deepEqual(await stored(collection, 'a'), { _id: 'a', at: { $date: nowMs - 1000 } })
      })

      it('adds all documents of a batch or none', async () => {
        const collection = await freshCollection([{ _id: 'taken' }])
        await assert.rejects(documents.add({ collection, documents: [{ _id: 'new' }, { _id: 'taken' }] }, asFunction))
        assert.equal(await documents.count({ collection }, asFunction), 1)
      })

      it('sets: replaces the record, or creates it', async () => {
        const collection = await freshCollection()
        assert.deepEqual(await documents.set({ collection, id: 'a', document: { x: 1, y: 2 } }, asFunction), {
          updated: 0,
          createdId: 'a',
        })
        assert.deepEqual(await documents.set({ collection, id: 'a', document: { x: 2 } }, asFunction), {
          updated: 1,
          createdId: undefined,
        })
        assert.deepEqual(await stored(collection, 'a'), { _id: 'a', x: 2 })
      })

      it('updates one by id, or all that match', async () => {
        const collection = await freshCollection([
          { _id: 'a', n: 1 },
          { _id: 'b', n: 5 },
          { _id: 'c', n: 9 },
        ])
        const update = (selection: { id?: string; query?: JsonObject; multi?: boolean }) =>
          documents.update({ collection, ...selection, changes: { $inc: { n: 10 }, $push: { log: 'x' } } }, asFunction)
        assert.deepEqual(await update({ id: 'a' }), { updated: 1 })
        assert.deepEqual(await update({ id: 'nobody' }), { updated: 0 })
        assert.deepEqual(await update({ query: { n: { $gte: 9 } } }), { updated: 2 })
        assert.deepEqual(await update({ query: {}, multi: false }), { updated: 1 })
        assert.deepEqual(await stored(collection, 'c'), { _id: 'c', n: 19, log: ['x'] })
      })

      it('changes many records in pages without losing one', async () => {
        const collection = await freshCollection(Array.from({ length: 450 }, (_, n) => ({ _id: n, n })))
        const changed = await documents.update(
          { collection, query: { n: { $mod: [2, 0] } }, changes: { $set: { even: true } } },
          asFunction,
        )
        assert.deepEqual(changed, { updated: 225 })
        assert.deepEqual(await documents.remove({ collection, query: { even: true } }, asFunction), { removed: 225 })
        assert.equal(await documents.count({ collection }, asFunction), 225)
      })

      it('loses no increment among concurrent ones', async () => {
        const collection = await freshCollection([{ _id: 'a', n: 0 }])
        await Promise.all(
          Array.from({ length: 40 }, () =>
            documents.update({ collection, id: 'a', changes: { $inc: { n: 1 } } }, asFunction),
          ),
        )
        assert.deepEqual(await stored(collection, 'a'), { _id: 'a', n: 40 })
      })

      it('answers the changed record', async () => {
        const collection = await freshCollection([{ _id: 'a', n: 1 }])
        const answer = await documents.updateAndReturn(
          { collection, query: { n: 1 }, multi: false, changes: { $inc: { n: 1 } } },
          asFunction,
        )
        assert.deepEqual(answer, { updated: 1, document: '{"_id":"a","n":2}' })
      })

      it('leaves the record as it was when one change does not fit', async () => {
        const collection = await freshCollection([{ _id: 'a', n: 1, s: 'x' }])
        await assert.rejects(documents.update({ collection, id: 'a', changes: { $inc: { n: 1, s: 1 } } }, asFunction), {
          code: 'invalid_update',
        })
        assert.deepEqual(await stored(collection, 'a'), { _id: 'a', n: 1, s: 'x' })
      })
    })

    describe('idempotency', () => {
      it('has one effect and one answer per key, for 24 hours', async () => {
        const collection = await freshCollection([{ _id: 'a', n: 0 }])
        const request = { collection, id: 'a', changes: { $inc: { n: 1 } } }
        const caller = { ...asFunction, idempotencyKey: 'key 1' }
        const answers = await Promise.all(Array.from({ length: 20 }, () => documents.update(request, caller)))
        assert.deepEqual(answers, Array(20).fill({ updated: 1 }))
        assert.deepEqual(await stored(collection, 'a'), { _id: 'a', n: 1 })
        await assert.rejects(documents.update({ ...request, id: 'b' }, caller), { code: 'idempotency_mismatch' })
        nowMs += 25 * 3600 * 1000
        await documents.update(request, caller)
        assert.deepEqual(await stored(collection, 'a'), { _id: 'a', n: 2 })
      })

      it('answers the same new id to a repeated add', async () => {
        const collection = await freshCollection()
        const add = () =>
          documents.add({ collection, documents: [{ n: 1 }] }, asUser('me', { idempotencyKey: 'key 2' }))
        assert.deepEqual(await add(), await add())
        assert.equal(await documents.count({ collection }, asFunction), 1)
      })

      it('keeps the keys of different callers apart', async () => {
        const collection = await freshCollection()
        for (const openId of ['me', 'you']) {
          await documents.add({ collection, documents: [{ n: 1 }] }, asUser(openId, { idempotencyKey: 'key 3' }))
        }
        assert.equal(await documents.count({ collection }, asFunction), 2)
      })

      it('forgets the key of a write that failed', async () => {
        const collection = await freshCollection([{ _id: 'a' }])
        const add = () =>
          documents.add({ collection, documents: [{ _id: 'a' }] }, { ...asFunction, idempotencyKey: 'key 4' })
        await assert.rejects(add(), { code: 'document_exists' })
        await documents.remove({ collection, id: 'a' }, asFunction)
        assert.deepEqual(await add(), { ids: ['a'] })
      })
    })

    describe('simple permission modes', () => {
      it('adds the owner to what a user writes, and refuses an owner that the user names', async () => {
        const collection = await freshCollection()
        await documents.add({ collection, documents: [{ _id: 'a' }] }, asUser('me'))
        assert.deepEqual(await stored(collection, 'a'), { _id: 'a', _openid: 'me' })
        const forged = { collection, documents: [{ _openid: 'you' }] }
        await assert.rejects(documents.add(forged, asUser('me')), { code: 'invalid_document' })
        for (const changes of [
          { $set: { _openid: 'x' } },
          { $rename: { a: '_openid' } },
          { $unset: { '_openid.b': '' } },
        ] as JsonObject[]) {
          await assert.rejects(documents.update({ collection, id: 'a', changes }, asUser('me')), {
            code: 'invalid_document',
          })
        }
      })

      it('silently limits a user to their own records where the mode says so', async () => {
        const collection = await freshCollection()
        await documents.add({ collection, documents: [{ _id: 'mine' }] }, asUser('me'))
        await documents.add({ collection, documents: [{ _id: 'yours' }] }, asUser('you'))
        assert.deepEqual(await found(collection, {}, asUser('me')), ['mine'])
        assert.equal(await documents.get({ collection, id: 'yours' }, asUser('me')), undefined)
        assert.deepEqual(
          await documents.update({ collection, id: 'yours', changes: { $set: { x: 1 } } }, asUser('me')),
          { updated: 0 },
        )
        assert.deepEqual(await documents.remove({ collection, query: {} }, asUser('me')), { removed: 1 })
        await assert.rejects(documents.set({ collection, id: 'yours', document: {} }, asUser('me')), {
          code: 'permission_denied',
        })
        assert.deepEqual(await found(collection, {}), ['yours'])
      })

      const MODES = ['READONLY', 'PRIVATE', 'ADMINWRITE', 'ADMINONLY'] as const
      const EXPECTED = {
        READONLY: { user: 'read own-write', anonymous: 'read' },
        PRIVATE: { user: 'own-read own-write', anonymous: '' },
        ADMINWRITE: { user: 'read', anonymous: 'read' },
        ADMINONLY: { user: '', anonymous: '' },
      }
      for (const mode of MODES) {
        it(`${mode}: lets each identity do exactly what the mode says`, async () => {
          const collection = await freshCollection(
            [
              { _id: 'theirs', _openid: 'you' },
              { _id: 'mine', _openid: 'me' },
            ],
            mode,
          )
          const abilities = async (caller: DocumentCaller) => {
            const seen = await found(collection, {}, caller).catch(() => [])
            const changed = await documents
              .update({ collection, query: {}, changes: { $set: { x: 1 } } }, caller)
              .catch(() => ({ updated: 0 }))
            const read = seen.length === 2 ? 'read' : seen.length === 1 ? 'own-read' : ''
            const write = changed.updated === 2 ? 'write' : changed.updated === 1 ? 'own-write' : ''
            return [read, write].filter(Boolean).join(' ')
          }
          assert.deepEqual(
            { user: await abilities(asUser('me')), anonymous: await abilities(asAnonymous) },
            EXPECTED[mode],
          )
          assert.equal(await abilities(asFunction), 'read write')
        })
      }
    })
  })
}
