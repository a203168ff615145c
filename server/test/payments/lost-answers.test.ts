import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HOUR_MS, type PaymentsUnderTest, startPayments } from './start-payments.ts'

const ORDERS = 60
const LOST_PATHS = [
  '/v3/pay/transactions/jsapi',
  '/v3/pay/transactions/out-trade-no/:outTradeNo',
  '/v3/pay/transactions/out-trade-no/:outTradeNo/close',
  '/v3/refund/domestic/refunds',
  '/v3/refund/domestic/refunds/:outRefundNo',
]

/** A seeded die, so that a failing run can be repeated. */
function dice(seed: number) {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

/** What WeChat Pay has, as our books should say it. */
const theirBooks = (shop: PaymentsUnderTest) =>
  shop.simulator.pay
    .ledger()
    .filter(({ state }) => state === 'SUCCESS' || state === 'REFUND')
    .map(({ outTradeNo, totalFen, refundedFen }) => `${outTradeNo} ${totalFen - refundedFen}`)
    .sort()

const ourBooks = async (shop: PaymentsUnderTest) => {
  const rows = await shop.rows(
    'SELECT out_trade_no, SUM(fen) AS fen FROM pay_entries GROUP BY out_trade_no ORDER BY out_trade_no',
  )
  return rows.map((row) => `${row['out_trade_no']} ${row['fen']}`)
}

it('has the same books as WeChat Pay after a day in which 30 % of the notifications and 20 % of the answers were lost', async (t) => {
  const seed = Number(process.env['PAY_SEED'] ?? 7)
  const roll = dice(seed)
  const shop = await startPayments({}, { attemptTimeoutMs: 100 })
  t.after(() => shop.close())
  shop.simulator.pay.notify.habits.lossRate = 0.3
  shop.simulator.pay.notify.habits.duplicateRate = 0.2
  shop.simulator.pay.notify.habits.probeRate = 0.1
  for (const path of LOST_PATHS) shop.simulator.knobs.inject(path, { kind: 'timeout-after', rate: 0.2 })
  /** A call whose outcome may be unknown: a shop asks again later, or never. */
  const tolerate = (work: Promise<unknown>) =>
    work.catch((error: { code?: string }) => assert.match(String(error.code), /wechat_unavailable|refund_not_possible/))

  const buy = async (outTradeNo: string) => {
    const fen = 100 + Math.floor(roll() * 900)
    const [isPaid, isRefunded] = [roll() < 0.7, roll() < 0.4]
    await tolerate(shop.place(outTradeNo, fen))
    // Whoever saw no page to pay on cannot pay; whoever saw it may, although our server heard nothing.
    const isThere = shop.simulator.pay.ledger().some((order) => order.outTradeNo === outTradeNo)
    if (!isPaid || !isThere) return
    shop.simulator.pay.payOrder(outTradeNo)
    const refund = {
      outTradeNo,
      outRefundNo: `back-${outTradeNo}`,
      refundFen: 50,
      totalFen: fen,
      reason: '',
      functionName: 'refunded',
    }
    if (isRefunded) await tolerate(shop.payments.refund(refund))
  }
  for (let from = 0; from < ORDERS; from += 10)
    await Promise.all(Array.from({ length: 10 }, (_, at) => buy(`order-${String(from + at).padStart(4, '0')}`)))

  await sleep(50)
  // Every other look at the books is by a process that has just started.
  for (let tick = 0; tick < 40; tick += 1) {
    await shop.simulator.pay.notify.settle()
    await (tick % 2 ? shop.openBooks() : shop.payments).runDue()
    shop.advance(tick < 12 ? 30_000 : 0.9 * HOUR_MS)
  }

  assert.deepEqual(await ourBooks(shop), theirBooks(shop), `seed ${seed}`)
  const open = await shop.rows(`SELECT out_trade_no FROM pay_orders WHERE state IN ('unpaid', 'refunding')`)
  assert.deepEqual(open, [], `seed ${seed}`)
  assert.deepEqual(await shop.findings(), [], `seed ${seed}`)
  assert.equal((await shop.rows('SELECT bill_date FROM pay_bills')).length, 1)
  const paid = new Set(
    shop.told.filter(({ functionName }) => functionName === 'paid').map(({ event }) => event['outTradeNo']),
  )
  assert.equal(paid.size, theirBooks(shop).length)
})
