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

  it('names fields inside of objects by dotted paths, and arrays as a whole', async () => {
    const { notes, db } = start('nina')
    const before = { _id: 'deep', a: { b: 1, c: 2, d: { e: 3 } }, list: [1], at: new Date(1), spot: db.Geo.Point(1, 2) }
    await notes.add({ data: before })
    const watch = watching((options) => notes.doc('deep').watch(options))
    await watch.next()
    const { command } = db
    const later = { 'a.b': 5, 'a.c': command.remove(), 'a.d.f': { g: 1 }, list: command.push([2]), at: new Date(2) }
    await notes.doc('deep').update({ data: { ...later, spot: db.Geo.Point(3, 4) } })
    const [changed] = (await watch.next()).docChanges
    assert.deepEqual(changed?.removedFields, ['a.c'])
    assert.deepEqual(changed?.updatedFields, {
      'a.b': 5,
      'a.d.f': { g: 1 },
      list: [1, 2],
      at: new Date(2),
      spot: db.Geo.Point(3, 4),
    })
    await watch.close()
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

/** What a real server does not do on demand, with a socket whose other end is the test. */
describe('watch on a connection that misbehaves', () => {
  type Sent = { msgType: string; watchId: string; exMsgData?: { signStr: string } }

  const openSockets = (pingMs: number, refusals: number[] = []) => {
    const sockets: { sent: Sent[]; receive: (frame: object) => void; isClosed: boolean }[] = []
    const watch = realtime({
      ticket: async () => {
        const statusCode = refusals.shift()
        if (statusCode) throw Object.assign(new Error('refused'), { statusCode })
        return { ticket: `pass-${sockets.length}`, url: 'ws://test' }
      },
      decode: (value) => value,
      pingMs,
      connect: () => {
        const handlers: Record<string, (event: never) => void> = {}
        const on = (name: string) => (handler: (event: never) => void) => {
          handlers[name] = handler
        }
        const socket = {
          sent: [] as Sent[],
          isClosed: false,
          receive: (frame: object) => handlers['message']?.({ data: JSON.stringify(frame) } as never),
        }
        sockets.push(socket)
        setImmediate(() => handlers['open']?.({} as never))
        return {
          send: ({ data }) => void socket.sent.push(JSON.parse(data)),
          close() {
            socket.isClosed = true
            handlers['close']?.({} as never)
          },
          onOpen: on('open'),
          onMessage: on('message'),
          onClose: on('close'),
          onError: on('error'),
        }
      },
    })
    return { sockets, watch }
  }

  const until = async (isTrue: () => boolean) => {
    for (let turns = 0; !isTrue(); turns++) {
      assert.ok(turns < 500, 'it did not happen')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const event = (id: number, docId: string) => ({
    ID: id,
    QueueType: id === 1 ? 'init' : 'enqueue',
    DataType: 'add',
    DocID: docId,
    Doc: `{"_id":"${docId}"}`,
  })

  it('asks anew when an event got lost, and tells nothing twice', async () => {
    const { sockets, watch } = openSockets(60_000)
    const told: string[] = []
    const onChange = ({ docChanges }: Snapshot) => told.push(...docChanges.map(({ docId }) => docId))
    const listener = watch({ collection: 'c' }, { onChange: onChange as never, onError: () => {} })
    await until(() => sockets[0]?.sent.length === 1)
    const [socket] = sockets
    assert.ok(socket)
    assert.equal(socket.sent[0]?.exMsgData?.signStr, 'pass-0')
    socket.receive({ msgType: 'LOGIN_RES', msgData: {} })
    const watchId = socket.sent[1]?.watchId
    socket.receive({ msgType: 'INIT_EVENT', watchId, msgData: { currEvent: 1, events: [event(1, 'a')] } })
    socket.receive({ msgType: 'NEXT_EVENT', watchId, msgData: { currEvent: 3, events: [event(3, 'c')] } })
    assert.deepEqual(
      socket.sent.map(({ msgType }) => msgType),
      ['LOGIN', 'INIT_WATCH', 'INIT_WATCH'],
    )
    const events = ['a', 'b', 'c'].map((docId) => event(1, docId))
    socket.receive({ msgType: 'INIT_EVENT', watchId, msgData: { currEvent: 1, events } })
    assert.deepEqual(told, ['a', 'b', 'c'])
    await listener.close()
    assert.equal(socket.isClosed, true)
  })

  it('leaves a connection that stays silent, and opens another', async () => {
    const { sockets, watch } = openSockets(20)
    const listener = watch({ collection: 'c' }, { onChange: () => {}, onError: () => {} })
    await until(() => sockets[0]?.sent.length === 1)
    sockets[0]?.receive({ msgType: 'LOGIN_RES', msgData: {} })
    await until(() => sockets.length === 2)
    assert.equal(sockets[0]?.isClosed, true)
    assert.ok(sockets[0]?.sent.some(({ msgType }) => msgType === 'PING'))
    await until(() => sockets[1]?.sent.length === 1)
    await listener.close()
  })

  it('comes back when the server was busy, and gives up when it was refused', async () => {
    const busy = openSockets(60_000, [503, 429])
    const listener = busy.watch({ collection: 'c' }, { onChange: () => {}, onError: () => {} })
    await until(() => busy.sockets.length === 1)
    await listener.close()

    const refused = openSockets(60_000, [403])
    const error = await new Promise((onError) => refused.watch({ collection: 'c' }, { onChange: () => {}, onError }))
    assert.equal((error as { statusCode: number }).statusCode, 403)
    assert.equal(refused.sockets.length, 0)
  })
})
