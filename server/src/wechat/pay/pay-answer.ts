import { AppError } from '../../errors.ts'
import type { PayOrder, PayRefund } from './pay.ts'

const ORDER_STATES = new Set(['NOTPAY', 'SUCCESS', 'REFUND', 'CLOSED', 'REVOKED', 'USERPAYING', 'PAYERROR'])
const REFUND_STATES = new Set(['SUCCESS', 'CLOSED', 'PROCESSING', 'ABNORMAL'])

/** An order in WeChat Pay's words → ours. @throws {AppError} `wechat_unavailable` if it lacks what it should hold */
export function readOrder(facts: Record<string, unknown>): PayOrder {
  const { out_trade_no: outTradeNo, trade_state: state, transaction_id: transactionId, attach } = facts
  const { total: totalFen } = asRecord(facts['amount'])
  const { openid: openId } = asRecord(facts['payer'])
  if (typeof outTradeNo !== 'string' || !ORDER_STATES.has(String(state)) || !isFen(totalFen)) throw incomplete('order')
  const paidAtMs = Date.parse(String(facts['success_time']))
  return {
    outTradeNo,
    state: state as PayOrder['state'], // safe: it is in the set
    totalFen,
    ...(typeof transactionId === 'string' && { transactionId }),
    ...(typeof openId === 'string' && { openId }),
    ...(typeof attach === 'string' && attach && { attach }),
    ...(!Number.isNaN(paidAtMs) && { paidAtMs }),
  }
}

/** A refund in the words of the API or of a notification → ours. */
export function readRefund(facts: Record<string, unknown>): PayRefund {
  const { refund_id: refundId, out_refund_no: outRefundNo, out_trade_no: outTradeNo } = facts
  const status = facts['status'] ?? facts['refund_status']
  const { refund: refundFen, total: totalFen } = asRecord(facts['amount'])
  const isNamed = typeof refundId === 'string' && typeof outRefundNo === 'string' && typeof outTradeNo === 'string'
  if (!isNamed || !REFUND_STATES.has(String(status)) || !isFen(refundFen) || !isFen(totalFen))
    throw incomplete('refund')
  return { refundId, outRefundNo, outTradeNo, status: status as PayRefund['status'], refundFen, totalFen } // safe: as above
}

/** The object in a body; undefined if it is none. */
export function parseObject(bytes: Buffer | string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

export function incomplete(what: string) {
  const details = { reason: 'bad_answer', outcome: 'unknown' }
  return new AppError('wechat_unavailable', `WeChat Pay's ${what} lacks what it should hold.`, { details })
}

const isFen = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
