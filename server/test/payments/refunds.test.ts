import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { settleRefund } from '../../src/features/payments/settle-refund.ts'
import { HOUR_MS, MINUTE_MS, type PaymentsUnderTest, startPayments } from './start-payments.ts'

const REFUND_PATH = '/v3/refund/domestic/refunds'

describe('a refund', () => {
  let shop: PaymentsUnderTest
  beforeEach(async () => {
    shop = await startPayments()
    await shop.place('order-0001', 1000)
    await shop.payOrder('order-0001')
    await shop.payments.runDue()
    shop.told.length = 0
  })
  afterEach(() => shop.close())

  const request = (outRefundNo: string, refundFen: number) => ({
    outTradeNo: 'order-0001',
    outRefundNo,
    refundFen,
    totalFen: 1000,
    reason: 'Too short',
    functionName: 'refunded',
  })
  const refund = (outRefundNo: string, refundFen: number) => shop.payments.refund(request(outRefundNo, refundFen))
  /** Until the simulator has moved the money and its notification is through. */
  const arrival = async () => {
    await sleep(20)
    await shop.simulator.pay.notify.settle()
  }
  const order = async () => {
    const [row] = await shop.rows('SELECT state, refundable_fen, refunded_fen FROM pay_orders')
    return [row?.['state'], row?.['refundable_fen'], row?.['refunded_fen']]
  }
  /** What WeChat Pay has given back. */
  const theirs = () => shop.simulator.pay.ledger()[0]?.refundedFen

  it('goes back in part and then in whole, is entered once and told once', async () => {
    const { refund: told } = await refund('back-1', 300)
    assert.equal(told.status, 'PROCESSING')
    assert.deepEqual(await order(), ['refunding', 700, 0])
    await arrival()
    assert.deepEqual(await order(), ['paid', 700, 300])
    await refund('back-2', 700)
    await arrival()
    assert.deepEqual(await order(), ['refunded', 0, 1000])
    assert.deepEqual((await shop.entries('order-0001')).sort(), ['notify -300', 'notify -700', 'notify 1000'])
    assert.equal(theirs(), 1000)

    await shop.payments.runDue()
    assert.deepEqual(
      shop.told.map(({ functionName }) => functionName),
      ['refunded', 'refunded'],
    )
    const { nonceStr: _nonce, refundId, transactionId, ...event } = shop.told[0]?.event ?? {}
    assert.ok(refundId && transactionId)
    assert.deepEqual(event, {
      returnCode: 'SUCCESS',
      appid: 'wx0123456789abcdef',
      subAppid: 'wx0123456789abcdef',
      mchId: '1900000001',
      subMchId: '1900000001',
      outTradeNo: 'order-0001',
      outRefundNo: 'back-1',
      totalFee: 1000,
      settlementTotalFee: 1000,
      refundFee: 300,
      settlementRefundFee: 300,
      refundStatus: 'SUCCESS',
      successTime: '2026-11-22 12:00:00',
      refundRecvAccout: '支付用户零钱',
      refundAccount: 'REFUND_SOURCE_RECHARGE_FUNDS',
      refundRequestSource: 'API',
    })
  })

  it('is refunded once however often it is asked for with the same number', async () => {
    await Promise.all(Array.from({ length: 8 }, () => refund('back-1', 400)))
    await arrival()
    await refund('back-1', 400)
    assert.deepEqual([theirs(), await order()], [400, ['paid', 600, 400]])
    await assert.rejects(refund('back-1', 401), { code: 'order_differs' })
  })

  it('never exceeds the payment together with others asked for at the same moment', async () => {
    const ways = await Promise.allSettled(Array.from({ length: 10 }, (_, at) => refund(`back-${at}`, 300)))
    assert.equal(ways.filter(({ status }) => status === 'fulfilled').length, 3)
    for (const way of ways) if (way.status === 'rejected') assert.equal(way.reason.code, 'refund_not_possible')
    assert.equal(shop.simulator.calls.list(REFUND_PATH).length, 3)
    await arrival()
    assert.deepEqual([theirs(), await order()], [900, ['paid', 100, 900]])
  })

  it('is not possible for an order that was not paid, or of another total', async () => {
    await shop.place('order-0002', 1000)
    await assert.rejects(shop.payments.refund({ ...request('back-1', 1), outTradeNo: 'order-0002' }), {
      code: 'refund_not_possible',
    })
    await assert.rejects(shop.payments.refund({ ...request('back-1', 1), totalFen: 999 }), {
      code: 'refund_not_possible',
    })
    await assert.rejects(shop.payments.refund({ ...request('back-1', 1), outTradeNo: 'no-such' }), {
      code: 'order_not_found',
    })
    await assert.rejects(refund('back-1', 0.5), { code: 'invalid_request' })
    assert.deepEqual(await order(), ['paid', 1000, 0])
  })

  it('goes on by itself if the answer was lost, with the same number', async () => {
    shop.simulator.pay.notify.habits.lossRate = 1
    shop.simulator.knobs.inject(REFUND_PATH, { kind: 'garbled', times: 3 })
    await assert.rejects(refund('back-1', 300), { code: 'wechat_unavailable' })
    assert.deepEqual(await order(), ['refunding', 700, 0])
    shop.advance(30_000)
    await shop.payments.runDue()
    await arrival()
    shop.advance(MINUTE_MS)
    await shop.payments.runDue()
    assert.deepEqual([theirs(), await order()], [300, ['paid', 700, 300]])
    assert.deepEqual(await shop.entries('order-0001'), ['notify 1000', 'query -300'])
  })

  it('goes on by itself if it never reached WeChat Pay', async () => {
    shop.simulator.knobs.inject(REFUND_PATH, { kind: 'http-500', times: 3 })
    await assert.rejects(refund('back-1', 300), { code: 'wechat_unavailable' })
    shop.advance(30_000)
    await shop.payments.runDue()
    await arrival()
    assert.deepEqual([theirs(), await order()], [300, ['paid', 700, 300]])
  })

  it('gives its claim back if WeChat Pay refused it, and may be asked for again', async () => {
    // Refunded by hand in the merchant's console, which our books do not know.
    await shop.pay.refund({ outTradeNo: 'order-0001', outRefundNo: 'by-hand', refundFen: 900, totalFen: 1000 })
    await assert.rejects(refund('back-1', 300), { code: 'wechat_refused' })
    assert.deepEqual(await order(), ['paid', 1000, 0])
    await assert.rejects(refund('back-1', 300), { code: 'wechat_refused' })
    await refund('back-2', 100)
    await arrival()
    assert.deepEqual(await order(), ['paid', 900, 100])
  })

  it('gives its claim back if it was closed, and stays open for a person if it is abnormal', async () => {
    shop.simulator.pay.endNextRefund('CLOSED')
    await refund('back-1', 300)
    await arrival()
    assert.deepEqual(await order(), ['paid', 1000, 0])
    shop.simulator.pay.endNextRefund('ABNORMAL')
    await refund('back-2', 300)
    await arrival()
    assert.deepEqual(await order(), ['refunding', 700, 0])
    assert.deepEqual(await shop.findings(), ['refund_abnormal back-2'])
    await shop.payments.runDue()
    assert.deepEqual(
      shop.told.map(({ event }) => event['refundStatus']),
      ['REFUNDCLOSE', 'CHANGE'],
    )
    shop.advance(6 * HOUR_MS)
    await shop.payments.runDue()
    assert.equal(shop.told.length, 2)
    assert.deepEqual(await shop.entries('order-0001'), ['notify 1000'])
  })

  it('is found by its payment, before we heard of the payment', async () => {
    shop.simulator.pay.notify.habits.lossRate = 1
    await shop.place('order-0003', 1000)
    await shop.payOrder('order-0003')
    await shop.payments.refund({ ...request('back-9', 1000), outTradeNo: 'order-0003' })
    await arrival()
    const { refunds } = await shop.payments.queryRefunds({ outRefundNo: 'back-9' })
    assert.deepEqual(
      refunds.map(({ state, refundFen }) => [state, refundFen]),
      [['success', 1000]],
    )
    assert.deepEqual((await shop.entries('order-0003')).sort(), ['query -1000', 'query 1000'])
    await assert.rejects(shop.payments.queryRefunds({ outRefundNo: 'none' }), { code: 'refund_not_found' })
  })
})

describe('what WeChat Pay says about a refund', () => {
  it('is not entered unless it is the refund that was asked for', async (t) => {
    const shop = await startPayments()
    t.after(() => shop.close())
    await shop.place('order-0001', 1000)
    await shop.payOrder('order-0001')
    shop.simulator.pay.notify.habits.lossRate = 1
    const asked = { outTradeNo: 'order-0001', outRefundNo: 'back-1', refundFen: 300, totalFen: 1000, reason: '' }
    const { refund } = await shop.payments.refund({ ...asked, functionName: '' })
    const tell = (change: object) =>
      shop.database.transact(settleRefund, {
        told: { ...refund, status: 'SUCCESS', ...change },
        source: 'notify',
        account: shop.payments.account,
        nonce: 'n',
        nowMs: shop.now(),
        nextCheckAtMs: shop.now(),
      })
    for (const change of [
      { refundFen: 301 },
      { totalFen: 999 },
      { outTradeNo: 'order-0002' },
      { outRefundNo: 'back-2' },
    ])
      assert.equal(await tell(change), 'refused', JSON.stringify(change))
    assert.deepEqual(await shop.entries('order-0001'), ['notify 1000'])
    assert.deepEqual(await shop.findings(), ['refund_amount back-1', 'unknown_refund back-1', 'unknown_refund back-2'])
    assert.deepEqual([await tell({}), await tell({}), await tell({ status: 'CLOSED' })], ['settled', 'known', 'known'])
    assert.deepEqual((await shop.entries('order-0001')).sort(), ['notify -300', 'notify 1000'])
  })

  it('is a refusal only if it has no such refund: an earlier try may have been accepted', async (t) => {
    const shop = await startPayments()
    t.after(() => shop.close())
    await shop.place('order-0001', 1000)
    await shop.payOrder('order-0001')
    // Accepted by WeChat Pay with another reason, for instance by an older version of us; asking again is refused.
    const accepted = { outTradeNo: 'order-0001', outRefundNo: 'back-1', refundFen: 300, totalFen: 1000, reason: 'A' }
    await shop.pay.refund(accepted)
    const { refund } = await shop.payments.refund({ ...accepted, reason: 'B', functionName: '' })
    assert.equal(refund.outRefundNo, 'back-1')
    const [row] = await shop.rows('SELECT state, refundable_fen FROM pay_orders')
    assert.equal(row?.['refundable_fen'], 700)
  })
})
