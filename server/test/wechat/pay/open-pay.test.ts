import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { AppError } from '../../../src/errors.ts'
import { openWeChatPay } from '../../../src/wechat/pay/open-pay.ts'
import { parseTradeBill, unpackBill } from '../../../src/wechat/pay/pay-bill.ts'
import { startShop } from './start-shop.ts'

const CREATE = '/v3/pay/transactions/jsapi'
const REFUND = '/v3/refund/domestic/refunds'
const HOUR_MS = 3_600_000

describe('paying', () => {
  let shop: Awaited<ReturnType<typeof startShop>>
  beforeEach(async () => {
    shop = await startShop()
  })
  afterEach(() => shop.close())

  it('goes from the order over the phone to a query that says paid', async () => {
    const { prepayId } = await shop.pay.createOrder(shop.order('order-0001'))
    assert.equal((await shop.pay.findOrder('order-0001'))?.state, 'NOTPAY')
    shop.simulator.pay.requestPayment(shop.pay.paymentRequest(prepayId))
    const order = await shop.pay.findOrder('order-0001')
    assert.deepEqual([order?.state, order?.totalFen, order?.openId], ['SUCCESS', 100, shop.openId])
    assert.equal(order?.paidAtMs, Date.UTC(2026, 10, 22, 4, 0, 0))
    assert.equal(await shop.pay.findOrder('order-none'), undefined)
  })

  it('tells whether an order was closed or already paid', async () => {
    await shop.pay.createOrder(shop.order('order-0002'))
    assert.equal(await shop.pay.closeOrder('order-0002'), 'closed')
    assert.equal(await shop.pay.closeOrder('order-0002'), 'closed')
    await shop.paidOrder('order-0003')
    assert.equal(await shop.pay.closeOrder('order-0003'), 'paid')
  })

  it('hands on why WeChat Pay refuses, with the id that its support asks for', async () => {
    await shop.pay.createOrder(shop.order('order-0004'))
    await assert.rejects(shop.pay.createOrder(shop.order('order-0004', 101)), (error: AppError) => {
      assert.deepEqual([error.code, error.details?.['payCode']], ['wechat_refused', 'INVALID_REQUEST'])
      assert.match(String(error.details?.['requestId']), /-268498688$/)
      return true
    })
    const expired = { ...shop.order('order-0005'), expiresAtMs: Date.UTC(2026, 10, 22, 4, 30, 0) }
    await shop.pay.createOrder(expired)
    shop.advance(HOUR_MS)
    await assert.rejects(
      shop.pay.createOrder(expired),
      (error: AppError) => error.details?.['payCode'] === 'ORDER_CLOSED',
    )
  })

  it('asks again after every kind of lost answer, and creates one order and one refund', async () => {
    const client = openWeChatPay({ ...shop.options, attemptTimeoutMs: 150 })
    const kinds = [
      'timeout-before',
      'timeout-after',
      'reset',
      'truncate',
      'http-500',
      'busy',
      'html',
      'empty-body',
      'duplicate',
    ] as const
    for (const kind of kinds) {
      const number = `lost-${kind}`
      shop.simulator.knobs.inject(CREATE, { kind, times: 1 })
      await client.createOrder(shop.order(number))
      shop.simulator.pay.payOrder(number)
      shop.simulator.knobs.inject(REFUND, { kind, times: 1 })
      await client.refund({ outTradeNo: number, outRefundNo: `r-${kind}`, refundFen: 60, totalFen: 100 })
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
    const books = shop.simulator.pay.ledger()
    assert.equal(books.length, kinds.length)
    assert.ok(books.every(({ refundedFen }) => refundedFen === 60))
    await client.close()
  })

  it('gives up after three attempts, the second one in the other city', async () => {
    shop.simulator.knobs.inject(CREATE, { kind: 'http-500' })
    await assert.rejects(shop.pay.createOrder(shop.order('order-0006')), { code: 'wechat_unavailable' })
    assert.equal(shop.simulator.calls.count(CREATE), 3)
    const client = openWeChatPay({ ...shop.options, baseUrl: 'http://127.0.0.1:1', backupUrl: shop.simulator.url })
    assert.equal((await client.findOrder('order-none')) ?? 'none', 'none')
    await client.close()
  })

  it('believes no answer that is a probe, late, or signed with an unknown key', async () => {
    shop.simulator.pay.probeAnswers(1)
    await shop.pay.createOrder(shop.order('order-0007'))
    assert.equal(shop.simulator.calls.count(CREATE), 2)
    shop.simulator.pay.probeAnswers(3)
    await assert.rejects(shop.pay.createOrder(shop.order('order-0007')), (error: AppError) => {
      assert.match(String(error.details?.['reason']), /probe/)
      return true
    })

    const publicKey = String(
      generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }),
    )
    for (const change of [{ publicKey }, { publicKeyId: 'PUB_KEY_ID_other' }]) {
      const stranger = openWeChatPay({ ...shop.options, ...change })
      await assert.rejects(stranger.findOrder('order-0007'), { code: 'wechat_unavailable' })
      await stranger.close()
    }
  })

  it('says so when the clock or a key of the merchant is wrong', async () => {
    shop.simulator.knobs.clockSkewMs = 400_000
    await assert.rejects(shop.pay.findOrder('order-0001'), { code: 'wechat_unavailable' })
    shop.simulator.knobs.clockSkewMs = 0
    const stranger = openWeChatPay({ ...shop.options, merchantSerial: 'FF' })
    await assert.rejects(
      stranger.findOrder('order-0001'),
      (error: AppError) => error.details?.['payCode'] === 'SIGN_ERROR',
    )
    await stranger.close()
    for (const change of [
      { apiV3Key: 'short' },
      { merchantPrivateKey: 'x' },
      { publicKey: 'x' },
      { certificates: ['x'] },
      { mchId: '' },
    ]) {
      assert.throws(
        () => openWeChatPay({ ...shop.options, ...change }),
        (error: AppError) => {
          assert.deepEqual([error.code, error.cause], ['wechat_not_configured', undefined])
          return true
        },
      )
    }
  })

  it('refunds once per number and tells how far it is', async () => {
    await shop.paidOrder('order-0008')
    const refund = { outTradeNo: 'order-0008', outRefundNo: 'r1', refundFen: 30, totalFen: 100 }
    assert.equal((await shop.pay.refund(refund)).status, 'PROCESSING')
    await shop.pay.refund(refund)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.deepEqual(
      [(await shop.pay.findRefund('r1'))?.status, await shop.pay.findRefund('none')],
      ['SUCCESS', undefined],
    )
    await assert.rejects(shop.pay.refund({ ...refund, outRefundNo: 'r2', refundFen: 71 }), { code: 'wechat_refused' })
    assert.equal(shop.simulator.pay.ledger()[0]?.refundedFen, 30)
  })
})

describe('keys of WeChat Pay', () => {
  it('are found by serial while the merchant changes from certificates to the public key', async () => {
    const shop = await startShop({ keyMode: 'mixed' })
    for (let at = 0; at < 20; at++) await shop.pay.createOrder(shop.order('order-0001'))
    assert.equal(shop.simulator.calls.count(CREATE), 20)
    await shop.close()
  })

  it('are fetched and renewed in certificate mode', async () => {
    const shop = await startShop({ keyMode: 'certificate' }, { certificates: [] })
    await assert.rejects(shop.pay.createOrder(shop.order('order-0001')), { code: 'wechat_unavailable' })
    const { serials } = await shop.pay.refreshCertificates()
    assert.equal(serials.length, 1)
    await shop.pay.createOrder(shop.order('order-0001'))
    await shop.simulator.pay.addCertificate()
    await assert.rejects(shop.pay.createOrder(shop.order('order-0001')), { code: 'wechat_unavailable' })
    assert.equal((await shop.pay.refreshCertificates()).serials.length, 2)
    await shop.pay.createOrder(shop.order('order-0001'))
    shop.advance(5 * 366 * 24 * HOUR_MS)
    await assert.rejects(shop.pay.findOrder('order-0001'), { code: 'wechat_unavailable' })
    await shop.close()
  })
})

describe('the bill of a day', () => {
  it('lists what was paid and refunded, in fen, and nothing of another day', async () => {
    const shop = await startShop()
    const odd = { ...shop.order('bill-0001', 1999), description: 'Shampoo, "fine", 500 ml' }
    await shop.pay.createOrder(odd)
    shop.simulator.pay.payOrder('bill-0001')
    await shop.pay.refund({ outTradeNo: 'bill-0001', outRefundNo: 'r1', refundFen: 199, totalFen: 1999 })
    await shop.pay.createOrder(shop.order('bill-0002'))
    assert.equal(await shop.pay.tradeBill('2026-11-22'), undefined)
    shop.advance(22 * HOUR_MS)

    const { transactionId = '' } = (await shop.pay.findOrder('bill-0001')) ?? {}
    const common = { appId: shop.options.appId, outTradeNo: 'bill-0001', transactionId, openId: shop.openId }
    assert.deepEqual(await shop.pay.tradeBill('2026-11-22'), [
      { ...common, state: 'SUCCESS', totalFen: 1999, refundFen: 0 },
      { ...common, state: 'REFUND', totalFen: 0, refundFen: 199, outRefundNo: 'r1' },
    ])
    assert.deepEqual(await shop.pay.tradeBill('2026-11-21'), [])
    for (const kind of ['html', 'garbled', 'empty-body'] as const) {
      shop.simulator.knobs.inject('/v3/billdownload/file', { kind, times: 1 })
      await assert.rejects(shop.pay.tradeBill('2026-11-22'), { code: 'wechat_unavailable' }, kind)
    }
    await shop.close()
  })

  it('is taken only with the hash that was announced', () => {
    const text = 'a bill'
    const sha1 = createHash('sha1').update(text).digest('hex')
    for (const bytes of [Buffer.from(text), gzipSync(text)]) {
      assert.equal(unpackBill(bytes, sha1), text)
      assert.throws(() => unpackBill(bytes, sha1.replace(/^./, 'x')), { code: 'wechat_unavailable' })
    }
    assert.throws(() => parseTradeBill('交易时间,商户号\r\n'), { code: 'wechat_unavailable' })
  })
})
