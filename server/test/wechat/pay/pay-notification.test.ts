import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { NotifyTrick } from '@sampan/simulator'
import { disagreementWith } from '../../../src/wechat/pay/pay.ts'
import { startShop } from './start-shop.ts'

const NOW_MS = Date.UTC(2026, 10, 22, 4, 0, 0)
const MINUTE_MS = 60_000

describe('payment notifications', () => {
  let shop: Awaited<ReturnType<typeof startShop>>
  before(async () => {
    shop = await startShop()
    await shop.paidOrder('order-0001')
  })
  after(() => shop.close())

  it('are read when WeChat Pay sent them', () => {
    const [notification] = shop.read
    assert.equal(notification?.kind, 'payment')
    assert.match(notification?.id ?? '', /^EV-/)
    const order = notification?.kind === 'payment' ? notification.order : undefined
    assert.deepEqual([order?.outTradeNo, order?.totalFen, order?.openId], ['order-0001', 100, shop.openId])
  })

  it('tell refunds too', async () => {
    await shop.paidOrder('order-0002')
    const { notifyUrl } = shop.order('order-0002')
    await shop.pay.refund({ outTradeNo: 'order-0002', outRefundNo: 'r1', refundFen: 1, totalFen: 100, notifyUrl })
    while (shop.read.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
    const notification = shop.read[2]
    assert.equal(notification?.kind === 'refund' && notification.refund.status, 'SUCCESS')
  })

  // biome-ignore format: a table keeps its columns
  const HOSTILE: [string, NotifyTrick, string][] = [
    ['a forged signature',             { forgeSignature: true },                        'signature'],
    ['a changed body',                 { changeBody: true },                            'signature'],
    ["WeChat Pay's own probe",         { isProbe: true },                               'probe'],
    ['a timestamp 6 minutes ago',      { atMs: NOW_MS - 6 * MINUTE_MS },                'clock'],
    ['a timestamp in 6 minutes',       { atMs: NOW_MS + 6 * MINUTE_MS },                'clock'],
    ['a timestamp exactly at the end', { atMs: NOW_MS - 5 * MINUTE_MS },                'clock'],
    ['an unknown serial',              { serial: 'PUB_KEY_ID_0000' },                   'serial'],
    ['an empty serial',                { serial: '' },                                  'serial'],
    ['another merchant',               { facts: { mchid: '1' } },                       'mchid'],
    ['another app',                    { facts: { appid: 'wxother' } },                 'appid'],
  ]
  for (const [name, trick, reason] of HOSTILE) {
    it(`are refused with ${name}`, async () => {
      const readBefore = shop.read.length
      assert.equal(await shop.simulator.pay.notifyAgain('order-0001', trick), 401)
      assert.deepEqual([shop.refused.at(-1), shop.read.length], [reason, readBefore])
    })
  }

  it('are good up to five minutes', async () => {
    assert.equal(await shop.simulator.pay.notifyAgain('order-0001', { atMs: NOW_MS - 299_000 }), 204)
  })

  it('are refused without asking anybody, also when a megabyte comes', () => {
    const callsBefore = shop.simulator.calls.list().length
    const { headers, body } = shop.received[0] ?? { headers: {}, body: Buffer.alloc(0) }
    const read = (changes: Record<string, unknown>, bytes = body) => {
      try {
        shop.pay.readNotification({ ...headers, ...changes }, bytes)
        return 'read'
      } catch (error) {
        return (error as { details?: { reason?: string } }).details?.reason
      }
    }
    assert.equal(read({}), 'read')
    assert.equal(read({}, Buffer.alloc(1024 * 1024, 0x20)), 'too_large')
    assert.equal(read({}, Buffer.alloc(0)), 'signature')
    assert.equal(read({ 'wechatpay-timestamp': undefined }), 'header')
    assert.equal(read({ 'wechatpay-timestamp': 'soon' }), 'header')
    assert.equal(read({ 'wechatpay-nonce': ['a', 'b'] }), 'header')
    assert.equal(read({ 'wechatpay-signature': undefined }), 'header')
    assert.equal(read({ 'wechatpay-signature-type': 'WECHATPAY2-SM2-WITH-SM3' }), 'scheme')
    assert.equal(read({ 'wechatpay-signature': '' }), 'signature')
    assert.equal(shop.simulator.calls.list().length, callsBefore)
  })

  it("are refused with another order's ciphertext, and with any changed byte", async () => {
    await shop.paidOrder('order-0003')
    const [first] = shop.received
    const other = shop.received.at(-1)
    assert.ok(first && other)
    const mixed = { ...JSON.parse(String(first.body)), resource: JSON.parse(String(other.body)).resource }
    assert.throws(() => shop.pay.readNotification(first.headers, Buffer.from(JSON.stringify(mixed))), {
      code: 'signature_invalid',
    })
    for (let at = 0; at < first.body.length; at++) {
      const changed = Buffer.from(first.body)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      assert.throws(
        () => shop.pay.readNotification(first.headers, changed),
        { code: 'signature_invalid' },
        `byte ${at}`,
      )
    }
  })

  it('with a right signature and a wrong sum are noticed by comparing with our own order', async () => {
    assert.equal(
      await shop.simulator.pay.notifyAgain('order-0001', { facts: { amount: { total: 1, currency: 'CNY' } } }),
      204,
    )
    const notification = shop.read.at(-1)
    const paid = notification?.kind === 'payment' ? notification.order : undefined
    assert.ok(paid)
    const ours = { outTradeNo: 'order-0001', totalFen: 100, openId: shop.openId }
    assert.equal(disagreementWith(ours, paid), 'totalFen')
    assert.equal(disagreementWith({ ...ours, totalFen: 1 }, paid), undefined)
    assert.equal(disagreementWith({ ...ours, totalFen: 1, openId: 'other' }, paid), 'openId')
    assert.equal(disagreementWith({ ...ours, outTradeNo: 'order-0002' }, paid), 'outTradeNo')
  })

  it('carry one id through repetitions, duplicates and probes, so that one credit is possible', async () => {
    const busy = await startShop()
    Object.assign(busy.simulator.pay.notify.habits, { duplicateRate: 1, probeRate: 1 })
    for (let at = 0; at < 20; at++) await busy.paidOrder(`many-${String(at).padStart(4, '0')}`)
    assert.equal(busy.read.length, 40)
    assert.equal(new Set(busy.read.map(({ id }) => id)).size, 20)
    assert.deepEqual(
      busy.refused,
      Array.from({ length: 20 }, () => 'probe'),
    )
    await busy.close()
  })
})
