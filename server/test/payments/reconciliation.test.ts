import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HOUR_MS, type PaymentsUnderTest, startPayments } from './start-payments.ts'

const DAY = '2026-11-22'

describe('the bill of the day before', () => {
  let shop: PaymentsUnderTest
  beforeEach(async () => {
    shop = await startPayments()
    await shop.place('order-0001', 1000)
    await shop.payOrder('order-0001')
  })
  afterEach(() => shop.close())

  const refund = (outTradeNo: string, outRefundNo: string, refundFen: number) =>
    shop.payments.refund({ outTradeNo, outRefundNo, refundFen, totalFen: 1000, reason: '', functionName: '' })
  const days = () => shop.rows('SELECT bill_date, bill_lines, differences FROM pay_bills ORDER BY bill_date')

  it('is compared from ten in the morning, once, and again after a failure', async () => {
    await refund('order-0001', 'back-1', 300)
    await shop.payments.runDue()
    assert.deepEqual(await days(), [])
    shop.advance(22 * HOUR_MS)
    shop.simulator.knobs.inject('/v3/bill/tradebill', { kind: 'http-500', times: 3 })
    await shop.payments.runDue()
    assert.deepEqual(await days(), [])
    shop.advance(HOUR_MS)
    await shop.payments.runDue()
    assert.deepEqual(await days(), [{ bill_date: DAY, bill_lines: 2, differences: 0 }])
    const calls = shop.simulator.calls.count('/v3/bill/tradebill')
    shop.advance(HOUR_MS)
    await shop.payments.runDue()
    assert.equal(shop.simulator.calls.count('/v3/bill/tradebill'), calls)
    assert.deepEqual(await shop.findings(), [])
  })

  it('is made up for after days without a server', async () => {
    shop.advance(3 * 24 * HOUR_MS)
    await shop.openBooks().runDue()
    assert.deepEqual(
      (await days()).map((row) => row['bill_date']),
      [DAY, '2026-11-23', '2026-11-24'],
    )
  })

  it('credits a payment that nothing else brought, and says so', async () => {
    shop.simulator.pay.notify.habits.lossRate = 1
    await shop.place('order-0002', 500)
    await shop.payOrder('order-0002')
    shop.advance(23 * HOUR_MS)
    assert.deepEqual(
      (await shop.payments.reconcile(DAY))?.differences.map(({ kind }) => kind),
      ['found_by_bill'],
    )
    assert.deepEqual(await shop.entries('order-0002'), ['bill 500'])
    assert.deepEqual((await shop.payments.reconcile(DAY))?.differences, [])
    assert.deepEqual(await shop.findings(), ['found_by_bill order-0002'])
    await shop.payments.runDue()
    assert.equal(shop.told.filter(({ event }) => event['outTradeNo'] === 'order-0002').length, 1)
  })

  it('finds every kind of difference, one row each', async () => {
    // Another amount there than here.
    shop.simulator.pay.falsifyBill('order-0001', 999)
    // Paid and refunded there, unknown here: another program uses the merchant.
    const alien = {
      outTradeNo: 'alien-0001',
      description: 'x',
      totalFen: 700,
      openId: shop.openId,
      notifyUrl: 'http://127.0.0.1:9/',
    }
    await shop.pay.createOrder(alien)
    shop.simulator.pay.payOrder('alien-0001')
    await shop.pay.refund({ outTradeNo: 'alien-0001', outRefundNo: 'alien-back', refundFen: 700, totalFen: 700 })
    // Paid and refunded here only: a forged row.
    const addGhost = (await import('../../src/features/payments/place-order.ts')).addOrder
    await shop.database.transact(addGhost, {
      request: shop.request('ghost-0001', 300),
      notifyUrl: '',
      expiresAtMs: shop.now() + HOUR_MS,
      isExpiryGiven: false,
      nowMs: shop.now(),
    })
    await shop.database.define(
      `UPDATE pay_orders SET state = 'paid', paid_at_ms = ${shop.now()}, transaction_id = 'ghost', next_check_at_ms = NULL WHERE out_trade_no = 'ghost-0001'`,
    )
    await shop.place('order-0003', 1000)
    await shop.payOrder('order-0003')
    await refund('order-0003', 'back-3', 100)
    await shop.database.define(`UPDATE pay_refunds SET refund_fen = 90 WHERE out_refund_no = 'back-3'`)
    await sleep(20)
    await shop.simulator.pay.notify.settle()

    shop.advance(23 * HOUR_MS)
    for (let twice = 0; twice < 2; twice += 1) await shop.payments.reconcile(DAY)
    assert.deepEqual(await shop.findings(), [
      'amount order-0001',
      'not_in_bill ghost-0001',
      'refund_amount back-3',
      'unknown_payment alien-0001',
      'unknown_refund alien-back',
    ])
    const [amount] = (await shop.payments.findings()).filter(({ kind }) => kind === 'amount')
    assert.deepEqual([amount?.oursFen, amount?.theirsFen], [1000, 999])
  })

  it('misses a refund on the day after, because one from before midnight stands in the next bill', async () => {
    shop.advance(12 * HOUR_MS - 1000)
    await refund('order-0001', 'back-1', 100)
    await shop.database.define(`UPDATE pay_refunds SET out_refund_no = 'ghost-back' WHERE out_refund_no = 'back-1'`)
    shop.advance(36 * HOUR_MS)
    await shop.payments.reconcile(DAY)
    assert.deepEqual(await shop.findings(), ['unknown_refund back-1'])
    await shop.payments.reconcile('2026-11-23')
    assert.deepEqual(await shop.findings(), ['refund_not_in_bill ghost-back', 'unknown_refund back-1'])
  })

  it('is left alone while it is not ready, and is not believed when it was changed on the way', async () => {
    assert.equal(await shop.payments.reconcile(DAY), undefined)
    shop.advance(23 * HOUR_MS)
    shop.simulator.knobs.inject('/v3/billdownload/file', { kind: 'garbled', times: 3 })
    await assert.rejects(shop.payments.reconcile(DAY), { code: 'wechat_unavailable' })
    assert.deepEqual([await days(), await shop.findings()], [[], []])
  })
})
