/**
 * The one way in which money becomes ours. Notifications, queries and bills all end here, in any order and any number:
 * an order is credited once.
 */
import { type Database, transactionScript } from '../../database/database.ts'
import { disagreementWith, type PayOrder } from '../../wechat/pay/pay.ts'
import { sellOrdered } from '../stock/settle-reservation.ts'
import { addDelivery } from './deliver-results.ts'
import { type Account, paidEvent } from './payment-events.ts'
import {
  lockOrder,
  type NewFinding,
  noteFinding,
  type Steps,
  type StoredOrder,
  transactOnceMore,
} from './payment-store.ts'
import { reserveRefund } from './settle-refund.ts'

export type Source = 'notify' | 'query' | 'bill'

export type Credit = {
  /** What WeChat Pay says, from a verified notification or answer. */
  readonly paid: PayOrder
  readonly source: Source
  readonly noticeId?: string
  readonly account: Account
  readonly nonce: string
  readonly nowMs: number
}

/** `known`: it was credited before. `refused`: it is not what was ordered; a finding says in what. */
export type CreditOutcome = 'credited' | 'known' | 'refused'

export const credit = (database: Database, args: Credit): Promise<CreditOutcome> =>
  transactOnceMore(database, creditOrder, args)

export const creditOrder = transactionScript(
  import.meta.url,
  'creditOrder',
  function* (args: Credit): Steps<CreditOutcome> {
    const { paid, source, noticeId, nowMs } = args
    const order = yield* lockOrder(paid.outTradeNo)
    if (noticeId !== undefined) {
      const { rows } = yield {
        sql: 'SELECT id FROM pay_notices WHERE id = ?',
        params: [noticeId],
        want: 'rows',
      }
      if (rows.length) return 'known'
    }
    const { transactionId = '', outTradeNo } = paid
    const refusal = refusalOf(order, paid)
    if (!order || refusal) {
      yield* noteFinding(refusal ?? { kind: 'unknown_payment', subject: outTradeNo, theirsFen: paid.totalFen }, nowMs)
      return 'refused'
    }

    // An order that we closed and that was paid all the same: the money is there, so it counts.
    const { changes } = yield {
      sql: `UPDATE pay_orders SET state = 'paid', transaction_id = ?, paid_at_ms = ?, next_check_at_ms = NULL
          WHERE out_trade_no = ? AND state IN ('unpaid', 'closed')`,
      params: [transactionId, paid.paidAtMs ?? nowMs, outTradeNo],
    }
    if (changes === 1) {
      yield {
        sql: 'INSERT INTO pay_entries (id, out_trade_no, fen, source, at_ms) VALUES (?, ?, ?, ?, ?)',
        params: [`paid:${transactionId}`, outTradeNo, order.totalFen, source, nowMs],
      }
      // Nobody is told to deliver what is gone: the money goes back, and that is told.
      if ((yield* sellOrdered(outTradeNo, nowMs)) === 'lost') yield* giveMoneyBack({ ...order, transactionId }, nowMs)
      else {
        const event = paidEvent(order, paid, args.account, args.nonce, nowMs)
        yield* addDelivery({ id: `paid:${outTradeNo}`, functionName: order.functionName, event }, nowMs)
      }
      if (source === 'bill')
        yield* noteFinding({ kind: 'found_by_bill', subject: outTradeNo, theirsFen: paid.totalFen }, nowMs)
    }
    if (noticeId !== undefined) {
      yield {
        sql: 'INSERT INTO pay_notices (id, subject, received_at_ms) VALUES (?, ?, ?)',
        params: [noticeId, outTradeNo, nowMs],
      }
    }
    return changes === 1 ? 'credited' : 'known'
  },
)

/** Asked for as soon as this transaction is committed, under a number that cannot be made twice. */
function* giveMoneyBack({ outTradeNo, totalFen, notifyUrl, functionName }: StoredOrder, nowMs: number): Steps<void> {
  yield* reserveRefund.run({
    ...{ outTradeNo, totalFen, refundFen: totalFen, functionName, nowMs },
    outRefundNo: `late-${outTradeNo}`,
    reason: '付款时已售罄', // what the payer reads in WeChat
    notifyUrl: notifyUrl.replace(/notify$/, 'refund-notify'),
    nextCheckAtMs: nowMs,
  })
}

/** A true signature only proves that WeChat Pay said it, not that it is what was ordered. */
function refusalOf(
  order: { outTradeNo: string; totalFen: number; openId: string; transactionId: string } | undefined,
  paid: PayOrder,
): NewFinding | undefined {
  const theirsFen = paid.totalFen
  const subject = paid.outTradeNo
  if (!order || !paid.transactionId) return { kind: 'unknown_payment', subject, theirsFen }
  const oursFen = order.totalFen
  const difference = disagreementWith(order, paid)
  if (difference === 'totalFen') return { kind: 'amount', subject, oursFen, theirsFen }
  if (difference) return { kind: 'payer', subject, oursFen, theirsFen }
  if (order.transactionId && order.transactionId !== paid.transactionId)
    return { kind: 'second_payment', subject, oursFen, theirsFen }
  return undefined
}
