/** `watch()` through the client, against the real server. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { CloudError } from '../src/index.ts'
import { realtime } from '../src/realtime.ts'
import { startTestCloud, type TestCloud } from './test-cloud.ts'

type Snapshot = {
  id: number
  type?: string
  docs: Record<string, unknown>[]
  docChanges: { queueType: string; dataType: string; docId: string; updatedFields?: object; removedFields?: string[] }[]
}

describe('watch', () => {
  let test: TestCloud
  before(async () => {
    test = await startTestCloud()
  })
  after(() => test.close())

  /** A watch whose snapshots can be awaited one by one. */
  const watching = (
    start: (options: { onChange: (snapshot: never) => void; onError: (error: unknown) => void }) => {
      close: () => Promise<void>
    },
  ) => {
    const snapshots: Snapshot[] = []
    const waiting: ((snapshot: Snapshot) => void)[] = []
    const errors: unknown[] = []
    const listener = start({
      onChange: (snapshot: Snapshot) => {
        const next = waiting.shift()
        if (next) next(snapshot)
        else snapshots.push(snapshot)
      },
      onError: (error: unknown) => errors.push(error),
    } as never) // the snapshot's shape is this test's own
    const next = () => {
      const known = snapshots.shift()
      return known ? Promise.resolve(known) : new Promise<Snapshot>((resolve) => waiting.push(resolve))
    }
    return { next, errors, close: () => listener.close(), unread: snapshots }
  }

  const start = (user: string) => {
    const { cloud, phone } = test.start(user, { realtime })
    return { notes: cloud.database().collection('notes'), db: cloud.database(), cloud, phone }
  }

  it('shows the records first, then every change', async () => {
    const { notes, db } = start('anna')
    await notes.add({ data: { _id: 'w1', n: 1, old: true } })
    const watch = watching((options) => notes.where({ n: db.command.gt(0) }).watch(options))

    const first = await watch.next()
    assert.equal(first.type, 'init')
    assert.deepEqual(
      first.docs.map(({ _id }) => _id),
      ['w1'],
    )
    assert.deepEqual(
      first.docChanges.map(({ queueType, dataType }) => [queueType, dataType]),
      [['init', 'init']],
    )

    await notes.add({ data: { _id: 'w2', n: 2 } })
    const added = await watch.next()
    assert.deepEqual(
      added.docChanges.map(({ queueType, docId }) => [queueType, docId]),
      [['enqueue', 'w2']],
    )
    assert.equal(added.docs.length, 2)
    assert.equal(added.type, undefined)

    await notes.doc('w1').update({ data: { n: 5, old: db.command.remove() } })
    const [changed] = (await watch.next()).docChanges
    assert.deepEqual(
      [changed?.queueType, changed?.updatedFields, changed?.removedFields],
      ['update', { n: 5 }, ['old']],
    )

    await notes.doc('w2').remove()
    const removed = await watch.next()
    assert.deepEqual(
      removed.docChanges.map(({ queueType, docId }) => [queueType, docId]),
      [['dequeue', 'w2']],
    )
    assert.deepEqual(
      removed.docs.map(({ _id }) => _id),
      ['w1'],
    )
    await watch.close()
    assert.deepEqual(watch.errors, [])
  })

  it('brings dates back as dates, and watches one record', async () => {
    const { notes, db } = start('bob')
    await notes.add({ data: { _id: 'day', at: new Date(0) } })
    const watch = watching((options) => notes.doc('day').watch(options))
    assert.deepEqual((await watch.next()).docs[0]?.['at'], new Date(0))
    await notes.doc('day').update({ data: { at: db.serverDate() } })
    assert.ok((await watch.next()).docs[0]?.['at'] instanceof Date)
    await watch.close()
  })

  it('carries many watches on one connection, and tells each only its own', async () => {
    const { notes } = start('carol')
    test.network.seen.length = 0
    const [one, two] = [
      watching((options) => notes.where({ room: 1 }).watch(options)),
      watching((options) => notes.where({ room: 2 }).watch(options)),
    ]
    await Promise.all([one.next(), two.next()])
    await notes.add({ data: { room: 2 } })
    assert.equal((await two.next()).docs.length, 1)
    assert.equal(one.unread.length, 0)
    assert.equal(test.network.seen.filter(({ path }) => path.endsWith('/ticket')).length, 1)
    await Promise.all([one.close(), two.close()])
  })

  it('tells after a lost connection what changed meanwhile, and nothing else', async () => {
    const { notes, phone } = start('dan')
    await notes.add({ data: { _id: 'd1', n: 1 } })
    await notes.add({ data: { _id: 'd2', n: 1 } })
    const watch = watching((options) => notes.where({ n: 1 }).watch(options))
    await watch.next()
    phone.dropSockets()
    await notes.doc('d1').remove()
    await notes.add({ data: { _id: 'd3', n: 1 } })
    const seen: string[] = []
    while (seen.length < 2)
      for (const { queueType, docId } of (await watch.next()).docChanges) seen.push(`${queueType} ${docId}`)
    assert.deepEqual(seen.sort(), ['dequeue d1', 'enqueue d3'])
    await watch.close()
  })

  it('reports a refusal to onError, with CloudBase’s number', async () => {
    const { db } = start('erin')
    const error = await new Promise<CloudError>((onError) =>
      db
        .collection('nowhere')
        .where({ a: 1 })
        .watch({ onChange() {}, onError: onError as (error: unknown) => void }),
    )
    assert.equal(error.errCode, -502005)
    assert.match(error.errMsg, /^collection\.watch:fail -502005/)
  })

  it('shows nobody else’s private records', async () => {
    const [anna, eve] = [start('fay'), start('eve')]
    const watch = watching((options) => eve.notes.where({ secret: true }).watch(options))
    assert.deepEqual((await watch.next()).docs, [])
    await anna.notes.add({ data: { secret: true } })
    await eve.notes.add({ data: { _id: 'own', secret: true } })
    assert.deepEqual(
      (await watch.next()).docs.map(({ _id }) => _id),
      ['own'],
    )
    await watch.close()
  })

  it('says what it needs, if the program left the realtime part out', () => {
    const { cloud } = test.start('gus')
    const query = cloud.database().collection('notes').where({ a: 1 })
    assert.throws(() => query.watch({ onChange() {}, onError() {} }), /init\(\{ realtime \}\)/)
  })
})
