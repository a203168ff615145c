import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { describe, it } from 'node:test'
import type { AppError } from '../../src/errors.ts'
import { decryptUserData, isRawDataSigned, signWithSessionKey } from '../../src/wechat/encrypted-data.ts'
import { APP_ID, startWeChat } from './start-wechat.ts'

const sessionKey = 'HyVFkGl5F5OQWJZZaNzBBg=='
const iv = Buffer.alloc(16, 7).toString('base64')

function encrypt(facts: unknown, key = sessionKey) {
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(key, 'base64'), Buffer.from(iv, 'base64'))
  return Buffer.concat([cipher.update(JSON.stringify(facts)), cipher.final()]).toString('base64')
}

const watermark = { appid: APP_ID, timestamp: 1_700_000_000 }

describe('data encrypted by the phone', () => {
  it('is readable with the session key of the user who sent it', async () => {
    const { simulator, wechat, close } = await startWeChat()
    const session = await wechat.codeToSession('sim:alice:1')
    const { encryptedData, iv: start, rawData, signature } = simulator.encryptUserData('alice', { phoneNumber: '138' })
    const facts = decryptUserData({ sessionKey: session.sessionKey, appId: APP_ID, encryptedData, iv: start })
    assert.equal(facts['phoneNumber'], '138')
    assert.ok(isRawDataSigned(rawData, signature, session.sessionKey))
    await close()
  })

  it('is refused with one and the same error, whatever is wrong', () => {
    const good = { sessionKey, appId: APP_ID, encryptedData: encrypt({ a: 1, watermark }), iv }
    assert.equal(decryptUserData(good)['a'], 1)
    const otherKey = Buffer.alloc(16, 1).toString('base64')
    // biome-ignore format: a table keeps its columns
    const bad: Record<string, Partial<typeof good> & { notBeforeMs?: number }> = {
      'another key':      { sessionKey: otherKey },
      'a short key':      { sessionKey: 'abcd' },
      'a short iv':       { iv: 'abcd' },
      'no data':          { encryptedData: '' },
      'half a block':     { encryptedData: Buffer.alloc(24).toString('base64') },
      'too much data':    { encryptedData: Buffer.alloc(65 * 1024).toString('base64') },
      'not base64':       { encryptedData: '!!!' },
      'another app':      { encryptedData: encrypt({ watermark: { ...watermark, appid: 'wxother' } }) },
      'no watermark':     { encryptedData: encrypt({ a: 1 }) },
      'not an object':    { encryptedData: encrypt(null) },
      'data of long ago': { notBeforeMs: 1_700_000_000_001 },
    }
    for (const [name, change] of Object.entries(bad)) {
      assert.throws(
        () => decryptUserData({ ...good, ...change }),
        (error: AppError) => {
          assert.deepEqual([error.code, error.cause, error.details], ['session_expired', undefined, undefined], name)
          return true
        },
      )
    }
  })

  it('never fails otherwise, whatever bytes come', () => {
    for (let seed = 0; seed < 500; seed++) {
      const encryptedData = Buffer.alloc(16 * (1 + (seed % 8)), seed * 37).toString('base64')
      assert.throws(() => decryptUserData({ sessionKey, appId: APP_ID, encryptedData, iv }), {
        code: 'session_expired',
      })
    }
  })
})

describe('signatures with the session key', () => {
  it('equal the documented example', () => {
    const rawData =
      '{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}'
    assert.ok(isRawDataSigned(rawData, '75e81ceda165f4ffa64f4068af58c64b8f54b88c', sessionKey))
    assert.ok(!isRawDataSigned(`${rawData} `, '75e81ceda165f4ffa64f4068af58c64b8f54b88c', sessionKey))
    assert.ok(!isRawDataSigned(rawData, '', sessionKey))
  })

  it('use the key as text for the session APIs', () => {
    const expected = '654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b'
    assert.equal(signWithSessionKey('{"foo":"bar"}', 'o0q0otL8aEzpcZL/FT9WsQ=='), expected)
  })

  it('let the server ask whether a session key is still the valid one', async () => {
    const { wechat, close } = await startWeChat()
    const { openId, sessionKey: first } = await wechat.codeToSession('sim:alice:1')
    const ask = (key: string) => {
      const query = { openid: openId, signature: signWithSessionKey('', key), sig_method: 'hmac_sha256' }
      return wechat.callApi('/wxa/checksession', { method: 'GET', query })
    }
    assert.equal((await ask(first)).json?.['errcode'], 0)
    await wechat.codeToSession('sim:alice:2')
    await assert.rejects(ask(first), (error: AppError) => error.details?.['errcode'] === 87009)
    await close()
  })
})
