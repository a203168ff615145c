/** The books of refunds: laying claim to the money before WeChat Pay is asked, and entering how it ended, once. */
import { transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { PayRefund } from '../../wechat/pay/pay.ts'
import { restockRefunded } from '../stock/settle-reservation.ts'
import { addDelivery } from './deliver-results.ts'
import { type Account, refundedEvent } from './payment-events.ts'
import { lockOrder, noteFinding, type Steps, type StoredOrder, type StoredRefund, toRefund } from './payment-store.ts'

export type ReserveRefund = {
  readonly outTradeNo: string
  readonly outRefundNo: string
  readonly refundFen: number
  /** The total of the order, as the caller knows it. */
  readonly totalFen: number
  readonly reason: string
  readonly notifyUrl: string
  readonly functionName: string
  readonly nextCheckAtMs: number
  readonly nowMs: number
}

/**
 * Takes the amount out of what can still be refunded, so that refunds that are asked for at the same moment cannot exceed
 * the payment together. The same refund again takes nothing.
 *
 * @throws {AppError} `order_not_found`, `order_differs`, `refund_not_possible`
 */
export const reserveRefund = transactionScript(import.meta.url, 'reserveRefund', function* (args: ReserveRefund) {
  const { outTradeNo, outRefundNo, refundFen, nextCheckAtMs } = args
  const order = yield* lockOrder(outTradeNo)
  if (!order) throw new AppError('order_not_found', `There is no order ${outTradeNo}.`)
  if (args.totalFen !== order.totalFen)
    throw new AppError('refund_not_possible', `The order is of ${order.totalFen} fen, not ${args.totalFen}.`)
  const known = yield* findRefundRow(outRefundNo)
  if (known && (known.outTradeNo !== outTradeNo || known.refundFen !== refundFen))
    throw new AppError('order_differs', `The number ${outRefundNo} belongs to another refund.`)
  if (known && known.state !== 'refused') return { order, refund: known }

  const { changes } = yield {
    sql: `UPDATE pay_orders SET refundable_fen = refundable_fen - ?, state = 'refunding'
          WHERE out_trade_no = ? AND state IN ('paid', 'refunding') AND refundable_fen >= ?`,
    params: [refundFen, outTradeNo, refundFen],
  }
  if (changes === 0) {
    const refundableFen = order.transactionId ? order.refundableFen : 0
    const details = { refundableFen, state: order.state }
    throw new AppError('refund_not_possible', `Of ${outTradeNo}, ${refundableFen} fen can be refunded.`, { details })
  }
  yield known
    ? {
        sql: `UPDATE pay_refunds SET state = 'asked', check_step = 0, next_check_at_ms = ? WHERE out_refund_no = ?`,
        params: [nextCheckAtMs, outRefundNo],
      }
    : {
        sql: `INSERT INTO pay_refunds (out_refund_no, out_trade_no, state, refund_fen, reason, notify_url, function_name,
                created_at_ms, check_step, next_check_at_ms) VALUES (?, ?, 'asked', ?, ?, ?, ?, ?, 0, ?)`,
        params: [
          outRefundNo,
          outTradeNo,
          refundFen,
          args.reason,
          args.notifyUrl,
          args.functionName,
          args.nowMs,
          nextCheckAtMs,
        ],
      }
  const refund = yield* findRefundRow(outRefundNo)
  if (!refund) throw new AppError('internal', 'A refund vanished while it was written.')
  return { order, refund }
})

/** WeChat Pay certainly does not have this refund: its claim is given back. */
export const releaseRefund = transactionScript(
  import.meta.url,
  'releaseRefund',
  function* ({ outTradeNo, outRefundNo }: { outTradeNo: string; outRefundNo: string }) {
    yield* lockOrder(outTradeNo)
    const refund = yield* findRefundRow(outRefundNo)
    const { changes } = yield {
      sql: `UPDATE pay_refunds SET state = 'refused', next_check_at_ms = NULL WHERE out_refund_no = ? AND state = 'asked'`,
      params: [outRefundNo],
    }
    if (changes === 1) yield* giveBack(outTradeNo, refund?.refundFen ?? 0)
  },
)

export type SettleRefund = {
  /** What WeChat Pay says, from a verified notification or answer. */
  readonly told: PayRefund
  readonly source: 'notify' | 'query' | 'bill'
  readonly noticeId?: string
  readonly account: Account
  readonly nonce: string
  readonly nowMs: number
  /** When to ask again if it is still under way. */
  readonly nextCheckAtMs: number
}

export type SettleOutcome = 'settled' | 'known' | 'pending' | 'refused'

/** Enters what WeChat Pay says about a refund. Each end is entered once, whoever brings it and how often. */
export const settleRefund = transactionScript(
  import.meta.url,
  'settleRefund',
  function* (args: SettleRefund): Steps<SettleOutcome> {
    const { told, noticeId, nowMs } = args
    const order = yield* lockOrder(told.outTradeNo)
    const refund = yield* findRefundRow(told.outRefundNo)
    // One that was refused is not ours any more, either: its claim was given back.
    if (!order || !refund || refund.outTradeNo !== told.outTradeNo || refund.state === 'refused') {
      yield* noteFinding({ kind: 'unknown_refund', subject: told.outRefundNo, theirsFen: told.refundFen }, nowMs)
      return 'refused'
    }
    if (told.refundFen !== refund.refundFen || told.totalFen !== order.totalFen) {
      const [oursFen, theirsFen] = [refund.refundFen, told.refundFen]
      yield* noteFinding({ kind: 'refund_amount', subject: told.outRefundNo, oursFen, theirsFen }, nowMs)
      return 'refused'
    }
    if (noticeId !== undefined) {
      const { rows } = yield { sql: 'SELECT id FROM pay_notices WHERE id = ?', params: [noticeId], want: 'rows' }
      if (rows.length) return 'known'
      yield {
        sql: 'INSERT INTO pay_notices (id, subject, received_at_ms) VALUES (?, ?, ?)',
        params: [noticeId, told.outRefundNo, nowMs],
      }
    }
    if (told.status === 'SUCCESS' || told.status === 'CLOSED') return yield* endRefund(order, refund.functionName, args)
    return yield* keepRefund(order, refund.functionName, args)
  },
)

/** The money arrived, or came back to us for good. */
function* endRefund(order: StoredOrder, functionName: string, args: SettleRefund): Steps<SettleOutcome> {
  const { told, source, nowMs } = args
  const state = told.status === 'SUCCESS' ? 'success' : 'closed'
  const { changes } = yield {
    sql: `UPDATE pay_refunds SET state = ?, refund_id = ?, next_check_at_ms = NULL
          WHERE out_refund_no = ? AND state IN ('asked', 'processing', 'abnormal')`,
    params: [state, told.refundId, told.outRefundNo],
  }
  if (changes === 0) return 'known'
  if (state === 'success') {
    yield {
      sql: 'INSERT INTO pay_entries (id, out_trade_no, out_refund_no, fen, source, at_ms) VALUES (?, ?, ?, ?, ?, ?)',
      params: [`refund:${told.refundId}`, order.outTradeNo, told.outRefundNo, -told.refundFen, source, nowMs],
    }
    yield {
      sql: 'UPDATE pay_orders SET refunded_fen = refunded_fen + ? WHERE out_trade_no = ?',
      params: [told.refundFen, order.outTradeNo],
    }
    yield* settleOrderState(order.outTradeNo)
    if (order.refundedFen + told.refundFen >= order.totalFen) yield* restockRefunded(order.outTradeNo, nowMs)
  } else yield* giveBack(order.outTradeNo, told.refundFen)
  yield* tell(order, functionName, args)
  return 'settled'
}

function* keepRefund(order: StoredOrder, functionName: string, args: SettleRefund): Steps<SettleOutcome> {
  const { told, nextCheckAtMs, nowMs } = args
  const state = told.status === 'ABNORMAL' ? 'abnormal' : 'processing'
  const { changes } = yield {
    sql: `UPDATE pay_refunds SET state = ?, refund_id = ?, next_check_at_ms = ?, check_step = check_step + 1
          WHERE out_refund_no = ? AND state IN ('asked', 'processing', 'abnormal')`,
    params: [state, told.refundId, nextCheckAtMs, told.outRefundNo],
  }
  if (changes === 0) return 'known'
  if (state === 'abnormal') {
    const isNew = yield* noteFinding(
      { kind: 'refund_abnormal', subject: told.outRefundNo, oursFen: told.refundFen },
      nowMs,
    )
    if (isNew) yield* tell(order, functionName, args)
  }
  return 'pending'
}

function* tell(order: StoredOrder, functionName: string, { told, account, nonce, nowMs }: SettleRefund): Steps<void> {
  const event = refundedEvent(order, told, account, nonce, nowMs)
  yield* addDelivery({ id: `refund:${told.outRefundNo}:${told.status}`, functionName, event }, nowMs)
}

function* giveBack(outTradeNo: string, fen: number): Steps<void> {
  yield {
    sql: 'UPDATE pay_orders SET refundable_fen = refundable_fen + ? WHERE out_trade_no = ?',
    params: [fen, outTradeNo],
  }
  yield* settleOrderState(outTradeNo)
}

/** Called with the order held: what its refunds make of it. A partly refunded order is `paid`. */
function* settleOrderState(outTradeNo: string): Steps<void> {
  const { rows } = yield {
    sql: `SELECT COUNT(*) AS open_refunds FROM pay_refunds
          WHERE out_trade_no = ? AND state IN ('asked', 'processing', 'abnormal')`,
    params: [outTradeNo],
    want: 'rows',
  }
  const isOpen = Number(rows[0]?.['open_refunds']) > 0
  yield {
    sql: isOpen
      ? `UPDATE pay_orders SET state = 'refunding' WHERE out_trade_no = ? AND state IN ('paid', 'refunding')`
      : `UPDATE pay_orders SET state = CASE WHEN refunded_fen >= total_fen THEN 'refunded' ELSE 'paid' END
         WHERE out_trade_no = ? AND state IN ('paid', 'refunding')`,
    params: [outTradeNo],
  }
}

function* findRefundRow(outRefundNo: string): Steps<StoredRefund | undefined> {
  const { rows } = yield {
    sql: 'SELECT * FROM pay_refunds WHERE out_refund_no = ?',
    params: [outRefundNo],
    want: 'rows',
  }
  return rows[0] && toRefund(rows[0])
}
