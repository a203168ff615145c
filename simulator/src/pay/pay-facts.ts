import type { Order, Refund } from './pay-ledger.ts'

const BEIJING_OFFSET_MS = 8 * 3_600_000

const STATE_TEXTS = { NOTPAY: '订单未支付', SUCCESS: '支付成功', REFUND: '转入退款', CLOSED: '订单已关闭' } as const

/** RFC 3339 in Beijing time, as all times of WeChat Pay. */
export function beijingTime(ms: number) {
  return `${new Date(ms + BEIJING_OFFSET_MS).toISOString().slice(0, 19)}+08:00`
}

/** An order as queries and notifications tell it. */
export function orderFacts(order: Order, { appId, mchId }: { appId: string; mchId: string }) {
  const facts = {
    appid: appId,
    mchid: mchId,
    out_trade_no: order.outTradeNo,
    trade_state: order.state,
    trade_state_desc: STATE_TEXTS[order.state],
    attach: order.attach,
    payer: { openid: order.openid },
    amount: { total: order.totalFen, payer_total: order.totalFen, currency: 'CNY', payer_currency: 'CNY' },
  }
  if (order.paidAtMs === undefined) return { ...facts, amount: { total: order.totalFen, currency: 'CNY' } }
  const paid = { transaction_id: order.transactionId, trade_type: 'JSAPI', bank_type: 'OTHERS' }
  return { ...facts, ...paid, success_time: beijingTime(order.paidAtMs) }
}

/** A refund as the API tells it. */
export function refundFacts({ order, ...refund }: Refund) {
  return {
    refund_id: refund.refundId,
    out_refund_no: refund.outRefundNo,
    transaction_id: order.transactionId,
    out_trade_no: order.outTradeNo,
    channel: 'ORIGINAL',
    user_received_account: '支付用户零钱',
    create_time: beijingTime(refund.createdAtMs),
    ...(refund.status === 'SUCCESS' && { success_time: beijingTime(refund.finishedAtMs ?? 0) }),
    status: refund.status,
    funds_account: 'AVAILABLE',
    amount: {
      total: order.totalFen,
      refund: refund.refundFen,
      payer_total: order.totalFen,
      payer_refund: refund.refundFen,
      settlement_total: order.totalFen,
      settlement_refund: refund.refundFen,
      discount_refund: 0,
      currency: 'CNY',
    },
  }
}

/** A refund as a notification tells it: other names, fewer facts. */
export function refundNotice({ order, ...refund }: Refund, mchId: string) {
  return {
    mchid: mchId,
    out_trade_no: order.outTradeNo,
    transaction_id: order.transactionId,
    out_refund_no: refund.outRefundNo,
    refund_id: refund.refundId,
    refund_status: refund.status,
    ...(refund.status === 'SUCCESS' && { success_time: beijingTime(refund.finishedAtMs ?? 0) }),
    user_received_account: '支付用户零钱',
    amount: {
      total: order.totalFen,
      refund: refund.refundFen,
      payer_total: order.totalFen,
      payer_refund: refund.refundFen,
    },
  }
}
