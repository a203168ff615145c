import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { openSimulator, type PushTrick } from '@sampan/simulator'
import { openMessagePush } from '../../src/wechat/message-push.ts'
import { APP_ID } from './start-wechat.ts'

const NOW_MS = 1_714_036_504_000
const token = 'AAAAA'
const encodingAesKey = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG'
const safe = openMessagePush({ appId: APP_ID, token, encodingAesKey, now: () => NOW_MS })
const plain = openMessagePush({ appId: APP_ID, token, encodingAesKey: '', now: () => NOW_MS })

/** Has the simulator send one event and returns what it sent. */
async function sent(mode: 'plain' | 'safe', trick: PushTrick = {}) {
  type Seen = { query: Record<string, string>; body: Record<string, unknown> }
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const query = Object.fromEntries(new URL(request.url ?? '', 'http://x').searchParams)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    seen.push({ query, body: JSON.parse(Buffer.concat(chunks).toString()) })
    response.end('success')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pushTarget = { url, token, encodingAesKey, mode }
  const simulator = await openSimulator({ appId: APP_ID, secret: 's', now: () => NOW_MS, pushTarget })
  simulator.push.send({ openid: 'o'.repeat(28), event: 'x', facts: { 文: '字' } }, trick)
  await simulator.push.settle()
  await simulator.close()
  server.close()
  return seen[0] ?? { query: {}, body: {} }
}

const refused = { code: 'signature_invalid' }

describe('message push', () => {
  it('answers the check of the address, by the known vector', () => {
    const signature = 'f464b24fc39322e44b38aa78f5edd27bd1441696'
    const query = { signature, timestamp: '1714036504', nonce: '1514711492', echostr: 'hello' }
    assert.equal(safe.answerCheck(query), 'hello')
    assert.throws(() => safe.answerCheck({ ...query, nonce: '1' }), refused)
    assert.throws(() => safe.answerCheck({}), refused)
  })

  it('reads what WeChat sends, encrypted or plain', async () => {
    const encrypted = await sent('safe')
    assert.deepEqual([safe.read(encrypted.query, encrypted.body)['文'], encrypted.body['文']], ['字', undefined])
    const readable = await sent('plain')
    assert.equal(plain.read(readable.query, readable.body)['Event'], 'x')
  })

  it('refuses forged, old, changed, foreign and unencrypted messages', async () => {
    const read = ({ query, body }: Awaited<ReturnType<typeof sent>>) => safe.read(query, body)
    const good = await sent('safe')
    const encrypted = String(good.body['Encrypt'])
    const flipped = encrypted.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))
    assert.throws(() => safe.read(good.query, { ...good.body, Encrypt: flipped }), refused)
    assert.throws(() => safe.read({ ...good.query, msg_signature: '' }, good.body), refused)
    assert.throws(() => safe.read(good.query, { Event: 'x' }), refused)
    for (const trick of [
      { forgeSignature: true },
      { atMs: NOW_MS - 301_000 },
      { atMs: NOW_MS + 301_000 },
      { appId: 'wxother' },
    ]) {
      const bad = await sent('safe', trick)
      assert.throws(() => read(bad), refused, JSON.stringify(trick))
    }
    const forged = await sent('plain', { forgeSignature: true })
    assert.throws(() => plain.read(forged.query, forged.body), refused)
  })

  it('writes replies that the other side can read', () => {
    const { Encrypt, MsgSignature, TimeStamp, Nonce } = safe.writeReply({ Content: 'x'.repeat(100) })
    const query = { msg_signature: MsgSignature, timestamp: String(TimeStamp), nonce: Nonce }
    assert.equal(safe.read(query, { Encrypt })['Content'], 'x'.repeat(100))
  })
})
