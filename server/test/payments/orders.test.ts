import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { pino } from 'pino'
import { deliver, listDueDeliveries, RETRY_PAUSES_MS } from '../../src/features/payments/deliver-results.ts'
import { HOUR_MS, MINUTE_MS, type PaymentsUnderTest, startPayments } from './start-payments.ts'

describe('an order', () => {
  let shop: PaymentsUnderTest
  beforeEach(async () => {
    shop = await startPayments()
  })
  afterEach(() => shop.close())

  it('is paid by the phone, credited by the notification, and told to its function', async () => {
    const { payment } = await shop.place('order-0001', 1999)
    assert.equal(await shop.state('order-0001'), 'unpaid')
    shop.simulator.pay.requestPayment(payment)
    await shop.simulator.pay.notify.settle()
    assert.equal(await shop.state('order-0001'), 'paid')
    assert.deepEqual(await shop.entries('order-0001'), ['notify 1999'])

    await shop.payments.runDue()
    const [told] = shop.told
    assert.equal(told?.functionName, 'paid')
    const { transactionId, nonceStr, ...event } = told?.event ?? {}
    assert.match(String(transactionId), /^4200/)
    assert.match(String(nonceStr), /^[0-9a-f]{32}$/)
    assert.deepEqual(event, {
      returnCode: 'SUCCESS',
      resultCode: 'SUCCESS',
      appid: 'wx0123456789abcdef',
      subAppid: 'wx0123456789abcdef',
      mchId: '1900000001',
      subMchId: '1900000001',
      openid: shop.openId,
      subOpenid: shop.openId,
      isSubscribe: 'N',
      subIsSubscribe: 'N',
      tradeType: 'JSAPI',
      bankType: 'OTHERS',
      feeType: 'CNY',
      cashFeeType: 'CNY',
      totalFee: 1999,
      cashFee: 1999,
      outTradeNo: 'order-0001',
      attach: '',
      timeEnd: '20261122120000',
    })
    await shop.payments.runDue()
    assert.equal(shop.told.length, 1)
  })

  it('is the same order when it is asked for again, and no other under its number', async () => {
    const first = await shop.place('order-0001')
    shop.advance(MINUTE_MS)
    const second = await shop.place('order-0001')
    assert.notEqual(first.prepayId, second.prepayId)
    await assert.rejects(shop.place('order-0001', 101), { code: 'order_differs' })
    shop.simulator.pay.requestPayment(first.payment)
    await shop.simulator.pay.notify.settle()
    await assert.rejects(shop.place('order-0001'), { code: 'order_paid' })
    assert.equal(shop.simulator.pay.ledger().length, 1)
  })

  it('is refused before WeChat Pay is asked if it cannot be right', async () => {
    const request = shop.request('order-0001')
    const wrong = [
      { outTradeNo: 'short' },
      { outTradeNo: 'a number with blanks' },
      { totalFen: 19.9 * 100 },
      { totalFen: 0 },
      { totalFen: Number.NaN },
      { description: '' },
      { openId: '' },
      { attach: 'x'.repeat(129) },
      { expiresAtMs: shop.now() + 59_000 },
    ]
    for (const change of wrong)
      await assert.rejects(
        shop.payments.place({ ...request, ...change }),
        { code: 'invalid_request' },
        JSON.stringify(change),
      )
    assert.equal(shop.simulator.calls.list().length, 0)
    assert.deepEqual(await shop.rows('SELECT out_trade_no FROM pay_orders'), [])
  })

  it('frees its number if WeChat Pay refused it, and keeps it if the answer was lost', async () => {
    await assert.rejects(shop.payments.place({ ...shop.request('order-0001'), openId: 'nobody' }), {
      code: 'wechat_refused',
    })
    assert.equal(await shop.state('order-0001'), undefined)
    await shop.place('order-0001')

    shop.simulator.knobs.inject('/v3/pay/transactions/jsapi', { kind: 'garbled', times: 3 })
    await assert.rejects(shop.place('order-0002'), { code: 'wechat_unavailable' })
    assert.equal(await shop.state('order-0002'), 'unpaid')
    await shop.payOrder('order-0002')
    assert.equal(await shop.state('order-0002'), 'paid')
  })

  it('is asked about after 5 s, 30 s, 1, 2, 5, 10 and 30 minutes, and at its end', async () => {
    await shop.place('order-0001')
    const path = '/v3/pay/transactions/out-trade-no/:outTradeNo'
    const asked: number[] = []
    for (let second = 0, before = 0; second <= 7_201; second += second < 600 ? 1 : 60) {
      const calls = shop.simulator.calls.count(path)
      if (calls > before) asked.push(second - (second <= 600 ? 1 : 60))
      before = calls
      await shop.payments.runDue()
      shop.advance((second < 600 ? 1 : 60) * 1000)
    }
    assert.deepEqual(asked, [5, 30, 60, 120, 300, 600, 1800])
    await shop.payments.runDue()
    assert.equal(shop.simulator.calls.count(`${path}/close`), 1)
    assert.equal(shop.simulator.calls.count(path), 8)
    assert.equal(await shop.state('order-0001'), 'closed')
    await assert.rejects(shop.place('order-0001'), { code: 'order_closed' })
  })

  it('is credited by a check if no notification ever comes', async () => {
    shop.simulator.pay.notify.habits.lossRate = 1
    await shop.place('order-0001')
    await shop.payOrder('order-0001')
    shop.advance(5_000)
    await shop.payments.runDue()
    assert.deepEqual(await shop.entries('order-0001'), ['query 100'])
    assert.equal(shop.told.length, 1)
  })

  it('is asked about when its prepayId ends, if the order itself goes on', async () => {
    await shop.payments.place({ ...shop.request('order-0001'), expiresAtMs: shop.now() + 24 * HOUR_MS })
    shop.advance(31 * MINUTE_MS)
    await shop.payments.runDue()
    const [row] = await shop.rows('SELECT next_check_at_ms FROM pay_orders')
    assert.equal(row?.['next_check_at_ms'], shop.now() + 89 * MINUTE_MS)
    shop.advance(89 * MINUTE_MS)
    await shop.payments.runDue()
    const [later] = await shop.rows('SELECT next_check_at_ms FROM pay_orders')
    assert.equal(later?.['next_check_at_ms'], shop.now() + 22 * HOUR_MS)
  })

  it('is credited although it was paid in the last moment, when it should be closed', async () => {
    shop.simulator.pay.notify.habits.lossRate = 1
    await shop.place('order-0001')
    for (const ms of [5_000, 25_000, 30_000, MINUTE_MS, 3 * MINUTE_MS, 5 * MINUTE_MS, 20 * MINUTE_MS]) {
      shop.advance(ms)
      await shop.payments.runDue()
    }
    shop.advance(89 * MINUTE_MS)
    await shop.payOrder('order-0001')
    shop.advance(2 * MINUTE_MS)
    await shop.payments.runDue()
    assert.equal(await shop.state('order-0001'), 'paid')
    assert.equal(shop.simulator.calls.count('/v3/pay/transactions/out-trade-no/:outTradeNo/close'), 1)
  })

  it('counts as paid even if it was closed here, because the money is there', async () => {
    await shop.place('order-0001')
    await shop.database.transact((await import('../../src/features/payments/check-orders.ts')).markClosed, {
      outTradeNo: 'order-0001',
      nowMs: shop.now(),
    })
    await shop.payOrder('order-0001')
    assert.equal(await shop.state('order-0001'), 'paid')
  })

  it('goes on being checked after WeChat Pay did not answer, and by another process after a crash', async () => {
    shop.simulator.pay.notify.habits.lossRate = 1
    await shop.place('order-0001')
    await shop.payOrder('order-0001')
    shop.simulator.knobs.inject('/v3/pay/transactions/out-trade-no/:outTradeNo', { kind: 'http-500', times: 3 })
    shop.advance(5_000)
    await shop.payments.runDue()
    assert.equal(await shop.state('order-0001'), 'unpaid')
    shop.advance(MINUTE_MS)
    const other = shop.openBooks()
    await Promise.all([other.runDue(), shop.payments.runDue()])
    assert.deepEqual(await shop.entries('order-0001'), ['query 100'])
  })

  it('is closed on request, unless it was paid', async () => {
    await shop.place('order-0001')
    await shop.payments.closeOrder('order-0001')
    await shop.payments.closeOrder('order-0001')
    assert.equal(await shop.state('order-0001'), 'closed')
    shop.simulator.pay.notify.habits.lossRate = 1
    await shop.place('order-0002')
    await shop.payOrder('order-0002')
    await assert.rejects(shop.payments.closeOrder('order-0002'), { code: 'order_paid' })
    assert.equal(await shop.state('order-0002'), 'paid')
    await assert.rejects(shop.payments.closeOrder('order-0003'), { code: 'order_not_found' })
  })

  it('is credited by the query that the page asks for after paying', async () => {
    shop.simulator.pay.notify.habits.lossRate = 1
    await shop.place('order-0001')
    assert.equal((await shop.payments.query({ outTradeNo: 'order-0001' })).state, 'unpaid')
    await shop.payOrder('order-0001')
    const order = await shop.payments.query({ outTradeNo: 'order-0001' })
    assert.equal(order.state, 'paid')
    assert.deepEqual((await shop.payments.query({ transactionId: order.transactionId })).outTradeNo, 'order-0001')
  })
})

describe('the function of an order', () => {
  let shop: PaymentsUnderTest
  beforeEach(async () => {
    shop = await startPayments()
    await shop.place('order-0001')
    await shop.payOrder('order-0001')
  })
  afterEach(() => shop.close())

  it('is called until it answers errcode 0, with growing pauses, also by the next process', async () => {
    const answers = [undefined, {}, { errcode: 1 }, { errcode: '0' }, 'broken']
    shop.functions.answer = () => {
      const answer = answers.shift()
      if (answer === 'broken') throw new Error('on purpose')
      return answer ?? (answers.length === 4 ? undefined : { errcode: 0 })
    }
    for (const pauseMs of RETRY_PAUSES_MS.slice(0, 5)) {
      await shop.openBooks().runDue()
      shop.advance(pauseMs - 1)
      await shop.openBooks().runDue()
      shop.advance(1)
    }
    assert.equal(shop.told.length, 5)
    await shop.openBooks().runDue()
    assert.equal(shop.told.length, 6)
    shop.advance(24 * HOUR_MS)
    await shop.payments.runDue()
    assert.equal(shop.told.length, 6)
    assert.equal(new Set(shop.told.map(({ event }) => JSON.stringify(event))).size, 1)
  })

  it('is given up after a day, and the report says so', async () => {
    shop.functions.answer = () => ({ ok: true })
    for (const pauseMs of [...RETRY_PAUSES_MS, 0, 7 * 24 * HOUR_MS]) {
      await shop.payments.runDue()
      shop.advance(pauseMs)
    }
    assert.equal(shop.told.length, RETRY_PAUSES_MS.length + 1)
    assert.ok((await shop.findings()).includes('function_not_told order-0001'))
  })

  it('is called by one of several processes that found the same result waiting', async () => {
    const waiting = await listDueDeliveries(shop.database, shop.now(), 10)
    const { database, now } = shop
    const log = pino({ level: 'silent' })
    let calls = 0
    const callFunction = async () => {
      calls += 1
      return '{"errcode":0}'
    }
    await Promise.all(
      [...waiting, ...waiting, ...waiting].map((one) => deliver(one, { database, callFunction, log, now })),
    )
    assert.deepEqual([waiting.length, calls], [1, 1])
  })
})
