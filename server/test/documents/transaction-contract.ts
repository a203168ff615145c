/** Interactive transactions, on every database. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { asFunction, asUser, type OpenedDatabase } from './document-fixtures.ts'
import { openForTests } from './open-for-tests.ts'

export function testTransactions(name: string, open: () => Promise<OpenedDatabase>, skip: string | false = false) {
  describe(`document transactions: ${name}`, { skip }, () => {
    const { documents, freshCollection, stored, clock } = openForTests(open, { openTransactionsMax: 900 })
    const begin = async () => (await documents().beginTransaction(asFunction)).transactionId

    it('sees its own writes, hides them from others, and writes all of them at the commit', async () => {
      const collection = await freshCollection([
        { _id: 'a', n: 1 },
        { _id: 'b', n: 1 },
      ])
      const transactionId = await begin()
      await documents().update({ collection, id: 'a', changes: { $inc: { n: 1 } }, transactionId }, asFunction)
      await documents().remove({ collection, id: 'b', transactionId }, asFunction)
      await documents().add({ collection, documents: [{ _id: 'c', n: 9 }], transactionId }, asFunction)
      await documents().set({ collection, id: 'd', document: { n: 10 }, transactionId }, asFunction)
      const inside = await documents().find(
        { collection, query: { n: { $gt: 1 } }, order: { n: 1 }, transactionId },
        asFunction,
      )
      assert.deepEqual(
        inside.documents.map((text) => JSON.parse(text)._id),
        ['a', 'c', 'd'],
      )
      assert.equal(await documents().get({ collection, id: 'b', transactionId }, asFunction), undefined)
      assert.deepEqual(await stored(collection, 'a'), { _id: 'a', n: 1 })

      await documents().commitTransaction(transactionId, asFunction)
      assert.deepEqual(await stored(collection, 'a'), { _id: 'a', n: 2 })
      assert.equal(await stored(collection, 'b'), null)
      assert.equal(await documents().count({ collection }, asFunction), 3)
    })

    it('forgets everything at a rollback', async () => {
      const collection = await freshCollection([{ _id: 'a', n: 1 }])
      const transactionId = await begin()
      await documents().update({ collection, id: 'a', changes: { $set: { n: 5 } }, transactionId }, asFunction)
      await documents().rollbackTransaction(transactionId, asFunction)
      assert.deepEqual(await stored(collection, 'a'), { _id: 'a', n: 1 })
      await assert.rejects(documents().commitTransaction(transactionId, asFunction), { code: 'transaction_not_found' })
    })

    it('conflicts when something it read was changed, removed, replaced or created meanwhile', async () => {
      const collection = await freshCollection([{ _id: 'a', n: 1 }, { _id: 'b' }, { _id: 'c' }])
      const meanwhile = {
        a: () => documents().update({ collection, id: 'a', changes: { $inc: { n: 1 } } }, asFunction),
        b: () => documents().remove({ collection, id: 'b' }, asFunction),
        async c() {
          await documents().remove({ collection, id: 'c' }, asFunction)
          await documents().add({ collection, documents: [{ _id: 'c' }] }, asFunction)
        },
        d: () => documents().add({ collection, documents: [{ _id: 'd' }] }, asFunction),
      }
      for (const [id, change] of Object.entries(meanwhile)) {
        const transactionId = await begin()
        await documents().get({ collection, id, transactionId }, asFunction)
        await documents().set({ collection, id: `written with ${id}`, document: {}, transactionId }, asFunction)
        await change()
        await assert.rejects(
          documents().commitTransaction(transactionId, asFunction),
          { code: 'transaction_conflict' },
          id,
        )
        assert.equal(await stored(collection, `written with ${id}`), null, 'nothing of a failed transaction stays')
      }
    })

    it('keeps the sum of accounts under concurrent transfers', async () => {
      const collection = await freshCollection(Array.from({ length: 4 }, (_, index) => ({ _id: index, coins: 100 })))
      const once = async (from: number, to: number) => {
        const transactionId = await begin()
        const inside = { collection, transactionId }
        await documents().update({ ...inside, id: from, changes: { $inc: { coins: -1 } } }, asFunction)
        await documents().update({ ...inside, id: to, changes: { $inc: { coins: 1 } } }, asFunction)
        await documents().commitTransaction(transactionId, asFunction)
      }
      const transfer = async (from: number, to: number) => {
        for (let attempt = 0; attempt < 50; attempt++) {
          const failure = await once(from, to).catch((error) => error)
          if (!failure) return 1
          // A loaded machine may also turn requests away: they are tried again like conflicts.
          assert.match(failure.code, /^(transaction_conflict|database_unavailable|overloaded)$/)
        }
        return 0
      }
      const done = await Promise.all(Array.from({ length: 16 }, (_, index) => transfer(index % 4, (index + 1) % 4)))
      const { documents: accounts } = await documents().find({ collection }, asFunction)
      const sum = accounts.reduce((total, text) => total + JSON.parse(text).coins, 0)
      assert.equal(sum, 400)
      assert.ok(done.includes(1))
    })

    it('expires, belongs to who began it, and is not for clients', async () => {
      const collection = await freshCollection([{ _id: 'a' }])
      const transactionId = await begin()
      const other = { identity: { kind: 'function', name: 'other' } } as const
      await assert.rejects(documents().get({ collection, id: 'a', transactionId }, other), {
        code: 'transaction_not_found',
      })
      clock.nowMs += 31_000
      await assert.rejects(documents().get({ collection, id: 'a', transactionId }, asFunction), {
        code: 'transaction_not_found',
      })
      await assert.rejects(documents().beginTransaction(asUser('me')), { code: 'permission_denied' })
    })

    it('bounds the number of open transactions', async () => {
      clock.nowMs += 31_000
      for (let count = 0; count < 900; count++) await begin()
      await assert.rejects(begin(), { code: 'overloaded' })
      clock.nowMs += 31_000
      await begin()
    })
  })
}
