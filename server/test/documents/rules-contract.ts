/** Security rules by example, on every database; random ones are in rules-everywhere.test.ts. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CollectionRules, DocumentCaller, JsonObject } from '../../src/features/documents/document-request.ts'
import { asAnonymous, asFunction, asUser, type OpenedDatabase } from './document-fixtures.ts'
import { openForTests } from './open-for-tests.ts'

const OWN = 'doc._openid == auth.openid'
const RECORDS: readonly JsonObject[] = [
  { _id: 'mine', _openid: 'me', state: 'open', n: 1 },
  { _id: 'yours', _openid: 'you', state: 'open', n: 5 },
  { _id: 'shared', _openid: 'you', state: 'done', n: 9, members: ['me', 'you'], isPublic: true },
  { _id: 'nobody', state: 'open' },
]

export function testRules(name: string, open: () => Promise<OpenedDatabase>, skip: string | false = false) {
  describe(`security rules: ${name}`, { skip }, () => {
    const { documents, freshCollection, found, stored } = openForTests(open)
    const me = asUser('me')
    const reads = async (rule: string | boolean, query: JsonObject, caller: DocumentCaller = me) => {
      const collection = await freshCollection(RECORDS, { read: rule, write: false })
      return found(collection, query, caller).catch((error) => error.code)
    }

    it('lets a query in only if it says itself what the rule demands', async () => {
      assert.equal(await reads(OWN, {}), 'permission_denied')
      assert.deepEqual(await reads(OWN, { _openid: '{openid}' }), ['mine'])
      assert.deepEqual(await reads(OWN, { _openid: 'me', state: 'open' }), ['mine'])
      assert.equal(await reads(OWN, { _openid: 'you' }), 'permission_denied')
      assert.equal(await reads(OWN, { $or: [{ _openid: 'me' }, { state: 'open' }] }), 'permission_denied')
      assert.deepEqual(
        await reads(OWN, {
          $or: [
            { _openid: 'me', n: 1 },
            { _openid: 'me', n: 2 },
          ],
        }),
        ['mine'],
      )
      assert.equal(await reads(OWN, { _openid: { $in: ['me', 'you'] } }), 'permission_denied')
      assert.equal(await reads(OWN, { _openid: { $ne: 'you' } }), 'permission_denied')
    })

    it('understands all operators of the language', async () => {
      assert.deepEqual(await reads(true, {}), ['mine', 'nobody', 'shared', 'yours'])
      assert.equal(await reads(false, {}), 'permission_denied')
      assert.deepEqual(await reads(`doc.state in ['done', 'closed']`, { state: 'done' }), ['shared'])
      assert.equal(await reads(`!(doc.state in ['done', 'closed'])`, { state: 'done' }), 'permission_denied')
      assert.deepEqual(await reads(`!(doc.state in ['done'])`, { state: 'open', n: 5 }), ['yours'])
      assert.deepEqual(await reads('doc.n > 3 && doc.n <= 9', { n: { $gte: 5, $lt: 9 } }), ['yours'])
      assert.equal(await reads('doc.n > 3', { n: { $gt: 2 } }), 'permission_denied')
      assert.deepEqual(await reads(`auth.openid in doc.members`, { members: '{openid}' }), ['shared'])
      assert.deepEqual(await reads(`doc.isPublic || ${OWN}`, { isPublic: true }), ['shared'])
      assert.deepEqual(
        await reads(`doc.isPublic == true || ${OWN}`, { $or: [{ isPublic: true }, { _openid: 'me' }] }),
        ['mine', 'shared'],
      )
      assert.deepEqual(await reads('auth != null', { state: 'open' }), ['mine', 'nobody', 'yours'])
      assert.equal(await reads('auth != null', {}, asAnonymous), 'permission_denied')
      assert.equal(await reads(`auth.openid == 'you'`, {}), 'permission_denied')
      assert.deepEqual(await reads('now > 1000', { n: 1 }), ['mine'])
    })

    it('denies what it cannot read, cannot prove, or what nobody who is logged out could own', async () => {
      for (const rule of ['doc.a == doc.b', '!(doc.a == doc.b)', 'doc.a > request.data.b', 'request.data.b == 1']) {
        assert.equal(await reads(rule, { _openid: 'me' }), 'permission_denied', rule)
      }
      assert.equal(await reads(OWN, { _openid: null }, asAnonymous), 'permission_denied')
      assert.equal(await reads(OWN, {}, asAnonymous), 'permission_denied')
    })

    it('takes nothing for granted about what it cannot know', async () => {
      for (const create of [
        `!get('nonsense').isBanned`,
        `!(get('nonsense').isBanned in [true])`,
        `get('nonsense').isBanned != true`,
      ]) {
        const collection = await freshCollection([], { create })
        await assert.rejects(
          documents().add({ collection, documents: [{}] }, me),
          { code: 'permission_denied' },
          create,
        )
      }
    })

    it('refuses doc(id).get() under an owner rule, and lets it pass under a rule on the id', async () => {
      const owned = await freshCollection(RECORDS, { read: OWN })
      await assert.rejects(documents().get({ collection: owned, id: 'mine' }, me), { code: 'permission_denied' })
      const byId = await freshCollection(RECORDS, { read: `doc._id == 'shared'` })
      assert.ok(await documents().get({ collection: byId, id: 'shared' }, me))
      await assert.rejects(documents().get({ collection: byId, id: 'mine' }, me), { code: 'permission_denied' })
    })

    it('reads another record with get()', async () => {
      const roles = await freshCollection(
        [
          { _id: 'me', role: 'teacher' },
          { _id: 'you', role: 'pupil' },
        ],
        'ADMINONLY',
      )
      const rule = `get(\`database.${roles}.\${auth.openid}\`).role == 'teacher'`
      assert.equal((await reads(rule, {})).length, RECORDS.length)
      assert.equal(await reads(rule, {}, asUser('you')), 'permission_denied')
      assert.equal(await reads(rule, {}, asUser('unknown')), 'permission_denied')
    })

    it('checks a new record by what is written, and an update by its query and its data', async () => {
      const rules: CollectionRules = {
        read: true,
        create: `doc.n < 10 && request.data.state == 'open'`,
        update: `${OWN} && request.data.n != 13`,
        delete: false,
      }
      const collection = await freshCollection(RECORDS, rules)
      const add = (document: JsonObject) => documents().add({ collection, documents: [document] }, me)
      await add({ _id: 'new', n: 1, state: 'open' })
      assert.equal((await stored(collection, 'new'))?.['_openid'], 'me')
      await assert.rejects(add({ n: 11, state: 'open' }), { code: 'permission_denied' })
      await assert.rejects(add({ n: 1, state: 'done' }), { code: 'permission_denied' })
      const update = (query: JsonObject, n: number) =>
        documents().update({ collection, query, changes: { $set: { n } } }, me)
      assert.deepEqual(await update({ _openid: '{openid}', _id: 'mine' }, 4), { updated: 1 })
      await assert.rejects(update({ _id: 'mine' }, 4), { code: 'permission_denied' })
      await assert.rejects(update({ _openid: '{openid}' }, 13), { code: 'permission_denied' })
      await assert.rejects(documents().remove({ collection, query: { _openid: '{openid}' } }, me), {
        code: 'permission_denied',
      })
      await assert.rejects(documents().set({ collection, id: 'yours', document: { n: 1, state: 'open' } }, me), {
        code: 'permission_denied',
      })
    })

    it('holds for aggregations and lookups too', async () => {
      const collection = await freshCollection(RECORDS, { read: OWN })
      const aggregate = (stages: JsonObject[]) => documents().aggregate({ collection, stages }, me)
      await assert.rejects(aggregate([{ $group: { _id: null } }]), { code: 'permission_denied' })
      await assert.rejects(aggregate([{ $project: { n: 1 } }, { $match: { _openid: 'me' } }]), {
        code: 'permission_denied',
      })
      assert.equal((await aggregate([{ $match: { _openid: '{openid}' } }])).documents.length, 1)
      const open = await freshCollection([{ _id: 1 }], 'READONLY')
      const stages = [{ $lookup: { from: collection, pipeline: [], as: 'x' } }]
      await assert.rejects(documents().aggregate({ collection: open, stages }, me), { code: 'permission_denied' })
    })

    it('hides protected fields from answers and from every way of asking', async () => {
      const secret = (n: number) => ({ _id: n, name: `n${n}`, phone: `${n}`, deep: { salary: n, open: 1 } })
      const rules: CollectionRules = { mode: 'READONLY', protectedFields: ['phone', 'deep.salary'] }
      const collection = await freshCollection([secret(1), secret(2)], rules)
      const shown = { _id: 1, name: 'n1', deep: { open: 1 } }
      const find = (request: JsonObject) => documents().find({ collection, ...request }, me)
      assert.deepEqual(JSON.parse((await documents().get({ collection, id: 1 }, me)) ?? ''), shown)
      assert.deepEqual(
        JSON.parse((await find({ projection: { phone: 1, deep: 1, name: 1 } })).documents[0] ?? ''),
        shown,
      )
      const asked: JsonObject[] = [
        { query: { phone: '1' } },
        { query: { $or: [{ name: 'n1' }, { $nor: [{ 'deep.salary': { $gt: 1 } }] }] } },
        { query: { deep: { $eq: { salary: 1, open: 1 } } } },
        { query: { 'deep.0.salary': 1 } },
        { query: { deep: { $elemMatch: { salary: 1 } } } },
        { query: { $expr: { $gt: ['$deep.salary', 1] } } },
        { order: { phone: 1 } },
        { order: { deep: -1 } },
      ]
      for (const request of asked)
        await assert.rejects(find(request), { code: 'permission_denied' }, JSON.stringify(request))
      await assert.rejects(documents().count({ collection, query: { phone: '1' } }, me), { code: 'permission_denied' })
      const aggregate = async (stages: JsonObject[]) =>
        (await documents().aggregate({ collection, stages }, me)).documents
      for (const stage of [{ $match: { phone: '1' } }, { $sort: { 'deep.salary': 1 } }]) {
        await assert.rejects(aggregate([stage]), { code: 'permission_denied' })
      }
      assert.deepEqual((await aggregate([{ $group: { _id: '$phone', all: { $push: '$$ROOT' } } }])).length, 1)
      assert.ok(!(await aggregate([{ $project: { x: '$phone', y: '$deep' } }])).join().includes('salary'))
      const lookup = { $lookup: { from: collection, localField: '_id', foreignField: '_id', as: 'them' } }
      assert.ok(!(await aggregate([lookup])).join().includes('phone'))
      await assert.rejects(documents().add({ collection, documents: [secret(3)] }, me), { code: 'permission_denied' })
      const update = { collection, query: {}, changes: { $set: { 'deep.salary': 0 } } }
      await assert.rejects(documents().update(update, me), { code: 'permission_denied' })
      assert.deepEqual(await stored(collection, 1), secret(1))
    })

    it('refuses rules that cannot be read, with the place of the mistake', async () => {
      const collection = await freshCollection()
      const rules: unknown[] = [
        'OPEN',
        5,
        { read: 'doc.' },
        { reed: true },
        { read: 5 },
        { protectedFields: 'x' },
        { mode: 'PRIVATE', read: true },
      ]
      for (const rule of rules) {
        await assert.rejects(
          documents().setRules(collection, rule as CollectionRules),
          { code: 'invalid_request' },
          JSON.stringify(rule),
        )
      }
    })

    it('lets functions pass', async () => {
      const collection = await freshCollection(RECORDS, { read: false, write: false })
      assert.equal((await found(collection, {}, asFunction)).length, RECORDS.length)
    })
  })
}
