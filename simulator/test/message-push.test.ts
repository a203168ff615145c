import assert from 'node:assert/strict'
import { createDecipheriv, createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { PushTarget } from '../src/index.ts'
import { APP_ID, startSimulator } from './start-simulator.ts'

const TOKEN = 'AAAAA'
const KEY = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG'

describe('events to the server', () => {
  let server: ReturnType<typeof createServer>
  let url: string
  let seen: { query: URLSearchParams; body: Record<string, string> }[]
  let refusals = 0
  beforeEach(async () => {
    seen = []
    refusals = 0
    server = createServer(async (request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      if (request.method === 'POST') seen.push({ query, body: JSON.parse(Buffer.concat(chunks).toString()) })
      response.statusCode = refusals-- > 0 ? 500 : 200
      response.end(query.get('echostr') ?? 'success')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/push`
  })
  afterEach(() => server.close())

  const run = async (mode: PushTarget['mode'], act: (world: Awaited<ReturnType<typeof startSimulator>>) => unknown) => {
    const world = await startSimulator({ pushTarget: { url, token: TOKEN, encodingAesKey: KEY, mode } })
    await act(world)
    await world.simulator.push.settle()
    await world.simulator.close()
    return world
  }

  const sha1 = (...parts: (string | null | undefined)[]) =>
    createHash('sha1').update(parts.sort().join('')).digest('hex')

  it('are signed, and readable in plain mode', async () => {
    await run('plain', ({ simulator }) => simulator.grant('alice', 'T'.repeat(43)))
    const { query, body } = seen[0] ?? { query: new URLSearchParams(), body: {} }
    assert.equal(query.get('signature'), sha1(TOKEN, query.get('timestamp'), query.get('nonce')))
    assert.equal(body['Event'], 'subscribe_msg_popup_event')
    assert.equal(body['Encrypt'], undefined)
  })

  it('are encrypted for the AppID in safe mode, and both in compatible mode', async () => {
    await run('safe', ({ simulator }) => simulator.grant('alice', 'T'.repeat(43)))
    const { query, body } = seen[0] ?? { query: new URLSearchParams(), body: {} }
    assert.equal(body['Event'], undefined)
    const encrypted = String(body['Encrypt'])
    assert.equal(query.get('msg_signature'), sha1(TOKEN, query.get('timestamp'), query.get('nonce'), encrypted))
    const key = Buffer.from(`${KEY}=`, 'base64')
    const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
    const plain = Buffer.concat([decipher.update(encrypted, 'base64'), decipher.final()])
    assert.equal(plain.length % 32, 0)
    const end = 20 + plain.readUInt32BE(16)
    assert.equal(JSON.parse(plain.subarray(20, end).toString()).Event, 'subscribe_msg_popup_event')
    assert.ok(plain.subarray(end).toString().startsWith(APP_ID))

    seen = []
    await run('compatible', ({ simulator }) => simulator.grant('alice', 'T'.repeat(43)))
    assert.ok(seen[0]?.body['Event'] && seen[0].body['Encrypt'])
  })

  it('are tried three times', async () => {
    refusals = 2
    const { simulator } = await run('plain', ({ simulator: { grant } }) => grant('alice', 'T'.repeat(43)))
    assert.deepEqual(simulator.push.list(), [{ event: 'subscribe_msg_popup_event', tries: 3, status: 'delivered' }])
    refusals = 3
    const world = await run('plain', ({ simulator: { grant } }) => grant('alice', 'T'.repeat(43)))
    assert.equal(world.simulator.push.list()[0]?.status, 'given up')
  })

  it('tell the verdict on an image, and that a message was sent', async () => {
    await run('plain', async (world) => {
      const { session_key: _, openid } = await world.login('sim:alice:1')
      const media = { media_url: 'https://a/forbidden-word.png', media_type: 2, version: 2, openid, scene: 1 }
      const { trace_id: traceId } = await world.api('/wxa/media_check_async', media)
      await world.simulator.push.settle()
      assert.deepEqual([seen[0]?.body['Event'], seen[0]?.body['trace_id']], ['wxa_media_check', traceId])
      assert.deepEqual(seen[0]?.body['result'], { suggest: 'risky', label: 21000 })
    })
  })

  it('come after a check of the address', async () => {
    await run('plain', async ({ simulator }) => assert.equal(await simulator.push.verifyTarget(), true))
  })

  it('are sent on demand of another process', async () => {
    await run('plain', ({ call }) => call('POST', '/simulator/push', { user: 'alice', event: 'x', facts: { a: 1 } }))
    assert.deepEqual([seen[0]?.body['Event'], seen[0]?.body['a']], ['x', 1])
  })

  it('can be forged, doubled and late, for the server to notice', async () => {
    const event = { openid: 'o'.repeat(28), event: 'x' }
    await run('plain', ({ simulator }) => simulator.push.send(event, { times: 2, forgeSignature: true, atMs: 0 }))
    assert.equal(seen.length, 2)
    const { query } = seen[0] ?? { query: new URLSearchParams() }
    assert.notEqual(query.get('signature'), sha1(TOKEN, query.get('timestamp'), query.get('nonce')))
    assert.equal(query.get('timestamp'), '0')
  })
})

describe('data from the phone', () => {
  it('is signed and encrypted with the session_key of the last login', async () => {
    const world = await startSimulator()
    const early = await world.call('POST', '/simulator/encrypt?user=alice', { nickName: 'A' })
    assert.equal(early.json['errcode'], 40097)
    const { session_key: sessionKey } = await world.login('sim:alice:1')
    const { rawData, signature, encryptedData, iv } = world.simulator.encryptUserData('alice', { nickName: 'A' })
    assert.equal(
      signature,
      createHash('sha1')
        .update(rawData + sessionKey)
        .digest('hex'),
    )
    const decipher = createDecipheriv(
      'aes-128-cbc',
      Buffer.from(String(sessionKey), 'base64'),
      Buffer.from(iv, 'base64'),
    )
    const plain = JSON.parse(Buffer.concat([decipher.update(encryptedData, 'base64'), decipher.final()]).toString())
    assert.deepEqual([plain.nickName, plain.watermark.appid], ['A', APP_ID])
    await world.simulator.close()
  })
})
