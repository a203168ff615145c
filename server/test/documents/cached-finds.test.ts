import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { AppError } from '../../src/errors.ts'
import { cacheFinds } from '../../src/features/documents/cached-finds.ts'
import type { CollectionRules, Documents, FindRequest } from '../../src/features/documents/document-request.ts'
import { asFunction, asUser } from './document-fixtures.ts'

/** A store whose answers wait until the test lets them go: only so can a read and a write be made to overlap. */
function openSlowStore(rules: CollectionRules) {
  const values: number[] = [0]
  let reads = 0
  let release: (() => void) | undefined
  const store = {
    find: async () => {
      reads += 1
      const documents = values.map((value) => JSON.stringify({ value }))
      if (held.reads) await new Promise<void>((resolve) => (release = resolve))
      return { documents, skip: 0, limit: 20 }
    },
    add: async ({ documents }: { documents: readonly { value?: number }[] }) => {
      if (held.failure) throw held.failure
      if (held.writes) await new Promise<void>((resolve) => (release = resolve))
      values.push(Number(documents[0]?.value))
      return { ids: [] }
    },
    commitTransaction: async () => void values.push(-1),
  }
  const held: { reads: boolean; writes: boolean; failure: Error | undefined } = {
    reads: false,
    writes: false,
    failure: undefined,
  }
  let nowMs = 1_000
  const cached = cacheFinds(store as unknown as Documents, {
    // safe: only these verbs are called here
    catalogue: { find: async (name) => ({ name, table: name, rules, indexes: [], source: {} as never }) },
    now: () => nowMs,
  })
  return {
    cached,
    held,
    reads: () => reads,
    release: () => release?.(),
    pass: (ms: number) => {
      nowMs += ms
    },
  }
}

const REQUEST: FindRequest = { collection: 'posts', query: { a: 1 } }
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('remembered pages', () => {
  let store: ReturnType<typeof openSlowStore>
  const count = async (request = REQUEST, caller = asFunction) =>
    (await store.cached.find(request, caller)).documents.length
  const add = (value: number, collection = 'posts') =>
    store.cached.add({ collection, documents: [{ value }] }, asFunction)

  beforeEach(() => {
    store = openSlowStore('READONLY')
  })
  afterEach(() => store.release())

  it('answer the same request again without asking the database, for a second', async () => {
    await count()
    await count()
    assert.equal(store.reads(), 1)
    store.pass(1_000)
    await count()
    assert.equal(store.reads(), 2)
  })

  it('show a write as soon as it is answered', async () => {
    assert.equal(await count(), 1)
    await add(7)
    assert.equal(await count(), 2)
  })

  it('stay when another collection is written to', async () => {
    await count()
    await add(7, 'forms')
    await count()
    assert.equal(store.reads(), 1)
  })

  it('are not used while a write is under way', async () => {
    await count()
    store.held.writes = true
    const write = add(7)
    await turn()
    await count()
    assert.equal(store.reads(), 2)
    store.release()
    await write
    assert.equal(await count(), 2)
  })

  it('are not kept when a write ended while they were being read', async () => {
    store.held.reads = true
    const early = count()
    await turn()
    await add(7)
    store.held.reads = false
    store.release()
    assert.equal(await early, 1)
    assert.equal(await count(), 2)
  })

  it('are not used after a write without a clear end, which may still happen', async () => {
    await count()
    store.held.failure = new AppError('deadline_exceeded', 'Too late.')
    await assert.rejects(add(7))
    await count()
    await count()
    assert.equal(store.reads(), 3)
    store.pass(60_001)
    await count()
    await count()
    assert.equal(store.reads(), 4)
  })

  it('are used after a write that was refused', async () => {
    store.held.failure = new AppError('permission_denied', 'No.')
    await assert.rejects(add(7))
    await count()
    await count()
    assert.equal(store.reads(), 1)
  })

  it('end with every transaction', async () => {
    await count()
    await store.cached.commitTransaction('t', asFunction)
    assert.equal(await count(), 2)
  })

  it('are never made of answers that depend on the moment, on chance, on who asks or on a transaction', async () => {
    for (const request of [
      { ...REQUEST, query: { at: { $lt: { $tcb_server_date: { offset: 0 } } } } },
      { ...REQUEST, query: { _openid: '{openid}' } },
      { ...REQUEST, query: { $expr: { $lt: [{ $rand: {} }, 0.5] } } },
      { ...REQUEST, query: { $expr: { $lt: ['$at', '$$NOW'] } } },
      { ...REQUEST, transactionId: 't' },
    ]) {
      const before = store.reads()
      await count(request)
      await count(request)
      assert.equal(store.reads() - before, 2, JSON.stringify(request))
    }
  })

  it('are not shared where a rule looks at who asks', async () => {
    for (const rules of ['PRIVATE', 'ADMINONLY', { read: 'doc._openid == auth.openid' }] as const) {
      store = openSlowStore(rules)
      await count(REQUEST, asUser('ann'))
      await count(REQUEST, asUser('bob'))
      assert.equal(store.reads(), 2)
      await count(REQUEST, asFunction)
      assert.equal(store.reads(), 3)
    }
  })
})
