import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AppError } from '../../src/errors.ts'
import { findOpenApi, OPEN_APIS } from '../../src/wechat/open-api.ts'
import { startWeChat } from './start-wechat.ts'

describe('cloud.openapi names', () => {
  it('find their API with and without the prefix of the SDK, and nothing else', () => {
    assert.equal(findOpenApi('openapi.subscribeMessage.send')?.path, '/cgi-bin/message/subscribe/send')
    assert.equal(findOpenApi('wxacode.getUnlimited')?.kind, 'binary')
    assert.equal(findOpenApi('constructor'), undefined)
    assert.ok(Object.keys(OPEN_APIS).length >= 30)
  })

  it('include everything that functions of real projects call', () => {
    const used = `subscribeMessage.send wxacode.get wxacode.getUnlimited wxacode.createQRCode customerServiceMessage.send
      templateMessage.send security.imgSecCheck security.msgSecCheck security.mediaCheckAsync phonenumber.getPhoneNumber
      subscribeMessage.getTemplateList uniformMessage.send logistics.getPath search.submitPages`
    for (const name of used.split(/\s+/)) assert.ok(findOpenApi(name), name)
  })
})

describe('APIs through the client', () => {
  it('bring JSON, images and uploads over the wire', async () => {
    const { simulator, wechat, close } = await startWeChat()
    const { bytes, contentType } = await wechat.qrCode({ scene: 'id=1', widthPx: 280 })
    assert.deepEqual([contentType, bytes.subarray(1, 4).toString()], ['image/png', 'PNG'])
    await assert.rejects(wechat.qrCode({ scene: '中' }), (error: AppError) => error.details?.['errcode'] === 40129)

    const check = (bytes: Buffer) =>
      wechat.callApi('/wxa/img_sec_check', {
        method: 'POST',
        media: { field: 'media', fileName: 'a.png', contentType: 'image/png', bytes },
      })
    assert.equal((await check(Buffer.from('fine'))).json?.['errcode'], 0)
    await assert.rejects(
      check(Buffer.from('forbidden-word')),
      (error: AppError) => error.details?.['errcode'] === 87014,
    )

    const media = { field: 'media', fileName: 'a.png', contentType: 'image/png', bytes }
    const kept = await wechat.callApi('/cgi-bin/media/upload', { method: 'POST', body: { type: 'image' }, media })
    const query = { media_id: String(kept.json?.['media_id']) }
    assert.ok((await wechat.callApi('/cgi-bin/media/get', { method: 'GET', query })).bytes?.equals(bytes))

    const openId = (await wechat.codeToSession('sim:alice:1')).openId
    const verdict = await wechat.checkText({ openId, content: '加微信', scene: 'comment' })
    assert.deepEqual([verdict.suggest, verdict.label], ['review', 21000])

    const message = { toOpenId: openId, templateId: 'T'.repeat(43), data: { thing1: 'Haircut', number2: 3 } }
    await assert.rejects(
      wechat.sendSubscribeMessage(message),
      (error: AppError) => error.details?.['errcode'] === 43101,
    )
    simulator.grant('alice', message.templateId)
    await wechat.sendSubscribeMessage(message)
    await close()
  })

  it('send a message once, also when the answer is lost or WeChat is busy', async () => {
    const { simulator, wechat, close } = await startWeChat({}, { timeoutMs: 200 })
    const path = '/cgi-bin/message/subscribe/send'
    const toOpenId = simulator.openidOf('alice')
    for (const kind of ['timeout-after', 'busy', 'http-500', 'reset'] as const) {
      simulator.knobs.inject(path, { kind, times: 1 })
      simulator.grant('alice', 'T'.repeat(43), 2)
      const sending = wechat.sendSubscribeMessage({ toOpenId, templateId: 'T'.repeat(43), data: { thing1: 'x' } })
      await assert.rejects(sending, (error: AppError) => error.details?.['outcome'] === 'unknown', kind)
    }
    assert.equal(simulator.calls.count(path), 4)
    await close()
  })

  it('are called again after a lost answer if that does no harm', async () => {
    const { simulator, wechat, close } = await startWeChat()
    simulator.knobs.inject('/wxa/getwxacodeunlimit', { kind: 'http-500', times: 1 })
    simulator.knobs.inject('/wxa/getwxacodeunlimit', { kind: 'truncate', times: 1 })
    assert.ok(await wechat.qrCode({ scene: 'a' }))
    await close()
  })
})
