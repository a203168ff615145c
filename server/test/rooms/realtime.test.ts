import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { after, before, beforeEach, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { startTestServer, type TestServer } from '../support/test-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into frames of every shape
type Frame = any

/** A client of our own socket that remembers every frame. */
async function connect(server: TestServer, token: string) {
  const { body } = await server.post('/v1/realtime/ticket', {}, token)
  const socket = new WebSocket(body.url)
  const frames: Frame[] = []
  const waiting: { isWanted: (frame: Frame) => boolean; resolve: (frame: Frame) => void }[] = []
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data))
    frames.push(frame)
    for (const waiter of waiting.filter(({ isWanted }) => isWanted(frame))) waiter.resolve(frame)
  })
  await once(socket, 'open')
  const client = {
    socket,
    frames,
    ticket: body.ticket as string,
    send: (msgType: string, msgData: unknown, extra: object = {}) =>
      socket.send(JSON.stringify({ watchId: 'w', requestId: 'r', msgType, msgData, ...extra })),
    /** The first frame, past or future, that is wanted. */
    async frame(isWanted: (frame: Frame) => boolean): Promise<Frame> {
      const seen = frames.find(isWanted)
      if (seen) return seen
      return Promise.race([
        new Promise<Frame>((resolve) => waiting.push({ isWanted, resolve })),
        new Promise<never>((_, reject) =>
          setTimeout(() => reject(new Error(`no such frame among ${JSON.stringify(frames)}`)), 5_000),
        ),
      ])
    },
    async logIn() {
      client.send('LOGIN', { envId: 'prod' }, { exMsgData: { signStr: body.ticket } })
      return client.frame(({ msgType }) => msgType === 'LOGIN_RES' || msgType === 'ERROR')
    },
  }
  return client
}

describe('realtime', () => {
  let server: TestServer
  let alice: { token: string; openId: string }
  let bob: { token: string; openId: string }
  before(async () => {
    server = await startTestServer({
      project: {
        collections: [
          { name: 'chat', rules: 'READONLY', indexes: [] },
          { name: 'notes', rules: 'PRIVATE', indexes: [] },
          { name: 'hidden', rules: 'ADMINONLY', indexes: [] },
        ],
        rooms: [
          { name: 'lobby-*', join: 'users', say: 'users' },
          { name: 'news', join: 'users', say: 'server' },
        ],
      },
    })
    alice = await server.logIn('alice')
    bob = await server.logIn('bob')
  })
  after(() => server.close())
  let room = 0
  beforeEach(() => {
    room += 1
  })

  const add = (collection: string, data: object, token: string) =>
    server.post('/v1/documents/add', { collection, data }, token)

  it('tells watchers of a query what others add, change and remove', async () => {
    const first = await add('chat', { room, text: 'before' }, alice.token)
    const client = await connect(server, bob.token)
    await client.logIn()
    client.send('INIT_WATCH', { collName: 'chat', query: JSON.stringify({ room }), orderBy: [] })
    const init = await client.frame(({ msgType }) => msgType === 'INIT_EVENT')
    assert.deepEqual(
      init.msgData.events.map((event: Frame) => [event.QueueType, JSON.parse(event.Doc).text]),
      [['init', 'before']],
    )

    const { body } = await add('chat', { room, text: 'hello' }, alice.token)
    const added = await client.frame(({ msgType }) => msgType === 'NEXT_EVENT')
    assert.equal(added.msgData.currEvent, init.msgData.currEvent + 1)
    assert.deepEqual(
      added.msgData.events.map((event: Frame) => [event.QueueType, event.DataType, event.DocID]),
      [['enqueue', 'add', body._id]],
    )

    await server.post(
      '/v1/documents/update',
      { collection: 'chat', id: body._id, data: { $set: { text: 'changed' } } },
      alice.token,
    )
    const changed = await client.frame(({ msgData }) => msgData?.events?.[0]?.QueueType === 'update')
    assert.equal(JSON.parse(changed.msgData.events[0].Doc).text, 'changed')

    await server.post('/v1/documents/remove', { collection: 'chat', id: first.body._id }, alice.token)
    const removed = await client.frame(({ msgData }) => msgData?.events?.[0]?.QueueType === 'dequeue')
    assert.equal(removed.msgData.events[0].DocID, first.body._id)
    client.socket.close()
  })

  it('never shows a watcher what a query would not show: others’ private records', async () => {
    const client = await connect(server, bob.token)
    await client.logIn()
    client.send('INIT_WATCH', { collName: 'notes', query: JSON.stringify({ room }) })
    await client.frame(({ msgType }) => msgType === 'INIT_EVENT')
    await add('notes', { room, text: 'secret of alice' }, alice.token)
    await add('notes', { room, text: 'mine' }, bob.token)
    await client.frame(({ msgType }) => msgType === 'NEXT_EVENT')
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.ok(JSON.stringify(client.frames).includes('mine'))
    assert.ok(!JSON.stringify(client.frames).includes('secret of alice'))
    client.socket.close()
  })

  it('refuses to watch what may not be read, and collections that do not exist', async () => {
    const client = await connect(server, bob.token)
    await client.logIn()
    client.send('INIT_WATCH', { collName: 'hidden', query: '{}' }, { requestId: 'denied' })
    const denied = await client.frame(({ requestId }) => requestId === 'denied')
    assert.equal(denied.msgData.code, 'COLLECTION_PERMISSION_DENIED')
    client.send('INIT_WATCH', { collName: 'nothing', query: '{}' }, { requestId: 'missing' })
    assert.equal(
      (await client.frame(({ requestId }) => requestId === 'missing')).msgData.sampanCode,
      'collection_not_found',
    )
    client.send('INIT_WATCH', { collName: 'chat', query: '{"$where":"1"}' }, { requestId: 'where' })
    assert.equal((await client.frame(({ requestId }) => requestId === 'where')).msgType, 'ERROR')
    client.socket.close()
  })

  it('gives the picture anew after a lost connection, also of a query it has never seen', async () => {
    await add('chat', { room, text: 'one' }, alice.token)
    const client = await connect(server, bob.token)
    await client.logIn()
    client.send('INIT_WATCH', { collName: 'chat', query: JSON.stringify({ room }) })
    const { msgData } = await client.frame(({ msgType }) => msgType === 'INIT_EVENT')
    client.socket.terminate()
    await add('chat', { room, text: 'two' }, alice.token)

    const again = await connect(server, bob.token)
    await again.logIn()
    again.send('REBUILD_WATCH', { queryID: msgData.queryID, eventID: msgData.currEvent })
    const rebuilt = await again.frame(({ msgType }) => msgType === 'NEXT_EVENT')
    assert.equal(rebuilt.msgData.currEvent, msgData.currEvent + 1)
    assert.deepEqual(rebuilt.msgData.events.map((event: Frame) => JSON.parse(event.Doc).text).sort(), ['one', 'two'])
    again.socket.close()
  })

  it('lets nobody in without a ticket, with a used one, or with a forged one', async () => {
    const client = await connect(server, bob.token)
    assert.equal((await client.logIn()).msgType, 'LOGIN_RES')
    for (const signStr of [client.ticket, 'forged']) {
      const other = new WebSocket(`${server.url.replace('http', 'ws')}/v1/realtime`)
      await once(other, 'open')
      other.send(JSON.stringify({ msgType: 'LOGIN', msgData: {}, exMsgData: { signStr } }))
      const [code] = await once(other, 'close')
      assert.equal(code, 3050)
    }
    const silent = new WebSocket(`${server.url.replace('http', 'ws')}/v1/realtime`)
    await once(silent, 'open')
    silent.send(JSON.stringify({ msgType: 'INIT_WATCH', msgData: { collName: 'chat' } }))
    assert.equal((await once(silent, 'close'))[0], 3050)
    assert.equal((await server.post('/v1/realtime/ticket', {})).status, 401)
    client.socket.close()
  })

  it('carries what one member of a room says to all of them, in order and once', async () => {
    const members = await Promise.all([connect(server, alice.token), connect(server, bob.token)])
    for (const member of members) {
      await member.logIn()
      member.send('JOIN_ROOM', { room: `lobby-${room}` })
      await member.frame(({ msgType }) => msgType === 'JOINED')
    }
    for (const text of ['a', 'b', 'c']) members[0]?.send('SAY', { room: `lobby-${room}`, data: { text } })
    for (const member of members) {
      await member.frame(({ msgData }) => msgData?.data?.text === 'c')
      const events = member.frames.filter(({ msgType }) => msgType === 'ROOM_EVENT')
      assert.deepEqual(
        events.map(({ msgData }) => [msgData.seq, msgData.data.text, msgData.fromOpenId]),
        [
          [1, 'a', alice.openId],
          [2, 'b', alice.openId],
          [3, 'c', alice.openId],
        ],
      )
    }
    const late = await connect(server, bob.token)
    await late.logIn()
    late.send('JOIN_ROOM', { room: `lobby-${room}`, afterSeq: 1 })
    await late.frame(({ msgData }) => msgData?.seq === 3)
    assert.deepEqual(
      late.frames.filter(({ msgType }) => msgType === 'ROOM_EVENT').map(({ msgData }) => msgData.seq),
      [2, 3],
    )
    for (const { socket } of [...members, late]) socket.close()
  })

  it('carries texts of every length that a frame can have', async () => {
    const client = await connect(server, bob.token)
    await client.logIn()
    client.send('JOIN_ROOM', { room: `lobby-${room}` })
    await client.frame(({ msgType }) => msgType === 'JOINED')
    for (const length of [1, 300, 70_000]) {
      const data = '船'.repeat(length)
      await server.post('/v1/realtime/say', { room: `lobby-${room}`, data }, server.localToken)
      const event = await client.frame(({ msgData }) => msgData?.data?.length === length)
      assert.equal(event.msgData.data, data)
    }
    client.socket.close()
  })

  it('lets only the server speak in a room of the server, and nobody into a room without a rule', async () => {
    const client = await connect(server, bob.token)
    await client.logIn()
    client.send('JOIN_ROOM', { room: 'news' })
    await client.frame(({ msgType }) => msgType === 'JOINED')
    client.send('SAY', { room: 'news', data: 1 }, { requestId: 'say' })
    assert.equal(
      (await client.frame(({ requestId, msgType }) => requestId === 'say' && msgType === 'ERROR')).msgData.sampanCode,
      'forbidden',
    )
    client.send('JOIN_ROOM', { room: 'elsewhere' }, { requestId: 'join' })
    assert.equal((await client.frame(({ requestId }) => requestId === 'join')).msgData.sampanCode, 'forbidden')
    assert.equal((await server.post('/v1/realtime/say', { room: 'news', data: 'extra' }, bob.token)).status, 403)
    assert.equal(
      (await server.post('/v1/realtime/say', { room: 'news', data: 'extra' }, server.localToken)).status,
      200,
    )
    await client.frame(({ msgData }) => msgData?.data === 'extra')
    client.socket.close()
  })

  it('cuts off frames that are too large and refuses frames that come too fast', async () => {
    const large = await connect(server, bob.token)
    await large.logIn()
    large.socket.send('x'.repeat(40_000))
    assert.equal((await once(large.socket, 'close'))[0], 1009)
    const fast = await connect(server, bob.token)
    await fast.logIn()
    for (let at = 0; at < 50; at += 1) fast.send('PING', {})
    await fast.frame(({ msgData }) => msgData?.sampanCode === 'rate_limited')
    fast.socket.close()
  })

  it('serves the watch client of CloudBase’s own SDK', async () => {
    const require = createRequire(import.meta.url)
    const { Db } = require('@cloudbase/database')
    const { RealtimeWebSocketClient } = require('@cloudbase/database/dist/commonjs/realtime/websocket-client.js')
    Db.wsClass = WebSocket
    const silent = { log: console.log, warn: console.warn, error: console.error }
    Object.assign(console, { log() {}, warn() {}, error() {} })
    try {
      const sign = async () => {
        const { body } = await server.post('/v1/realtime/ticket', {}, bob.token)
        return { data: { signStr: body.ticket, wsUrl: body.url, secretVersion: 1, envId: body.env } }
      }
      const client = new RealtimeWebSocketClient({
        maxReconnect: 0,
        // Without these two its pings come at once and it takes the answer to be late.
        context: {
          appConfig: { request: { send: sign }, realtimePingInterval: 5_000, realtimePongWaitTimeout: 5_000 },
        },
      })
      const pictures: { docs: { text: string }[] }[] = []
      const changed = new Promise<void>((resolve, reject) => {
        client.watch({
          envId: 'prod',
          collectionName: 'chat',
          query: JSON.stringify({ room }),
          orderBy: [],
          onChange(picture: { docs: { text: string }[] }) {
            pictures.push(picture)
            if (pictures.length === 1) void add('chat', { room, text: 'from the vendor' }, alice.token)
            if (picture.docs.length === 1) resolve()
          },
          onError: reject,
        })
      })
      await changed
      const texts = pictures.map(({ docs }) => docs.map(({ text }) => text))
      assert.deepEqual([texts[0], texts.at(-1)], [[], ['from the vendor']])
      // It would come back by itself for as long as it can.
      client._ws.onclose = null
      client.clearHeartbeat()
      client.close(3001)
      for (const { clearACKSchedule } of client._virtualWSClient) clearACKSchedule()
    } finally {
      Object.assign(console, silent)
    }
  })
})
