/** What functions are told, in the words that CloudBase uses: those of WeChat Pay v2 in camelCase. */
import type { PayOrder, PayRefund } from '../../wechat/pay/pay.ts'
import type { StoredOrder } from './payment-store.ts'

export type Account = { readonly appId: string; readonly mchId: string }

const BEIJING_OFFSET_MS = 8 * 3_600_000
/** CHANGE: the money cannot go back the way it came, and a person has to see to it. */
const REFUND_STATUS = {
  SUCCESS: 'SUCCESS',
  CLOSED: 'REFUNDCLOSE',
  ABNORMAL: 'CHANGE',
  PROCESSING: 'PROCESSING',
} as const

/** A mini program with a merchant of its own is, to CloudBase, both the provider and its customer. */
const accountFields = ({ appId, mchId }: Account) => ({ appid: appId, mchId, subAppid: appId, subMchId: mchId })

export function paidEvent(order: StoredOrder, paid: PayOrder, account: Account, nonceStr: string, nowMs: number) {
  return {
    returnCode: 'SUCCESS',
    resultCode: 'SUCCESS',
    ...accountFields(account),
    nonceStr,
    openid: order.openId,
    subOpenid: order.openId,
    isSubscribe: 'N',
    subIsSubscribe: 'N',
    tradeType: 'JSAPI',
    bankType: 'OTHERS',
    feeType: 'CNY',
    cashFeeType: 'CNY',
    totalFee: order.totalFen,
    cashFee: order.totalFen,
    transactionId: paid.transactionId ?? '',
    outTradeNo: order.outTradeNo,
    attach: order.attach,
    timeEnd: compactTime(paid.paidAtMs ?? nowMs),
  }
}

export function refundedEvent(
  order: StoredOrder,
  refund: PayRefund,
  account: Account,
  nonceStr: string,
  nowMs: number,
) {
  return {
    returnCode: 'SUCCESS',
    ...accountFields(account),
    nonceStr,
    transactionId: order.transactionId,
    outTradeNo: order.outTradeNo,
    outRefundNo: refund.outRefundNo,
    refundId: refund.refundId,
    totalFee: order.totalFen,
    settlementTotalFee: order.totalFen,
    refundFee: refund.refundFen,
    settlementRefundFee: refund.refundFen,
    refundStatus: REFUND_STATUS[refund.status],
    ...(refund.status === 'SUCCESS' && { successTime: readableTime(nowMs) }),
    refundRecvAccout: '支付用户零钱', // the second n is missing in WeChat Pay v2, too
    refundAccount: 'REFUND_SOURCE_RECHARGE_FUNDS',
    refundRequestSource: 'API',
  }
}

/** 20261122120000, in Beijing. */
export const compactTime = (ms: number) => readableTime(ms).replaceAll(/\D/g, '')

/** 2026-11-22 12:00:00, in Beijing. */
export const readableTime = (ms: number) =>
  new Date(ms + BEIJING_OFFSET_MS).toISOString().slice(0, 19).replace('T', ' ')

/** The day in Beijing, by which bills are made. */
export const beijingDate = (ms: number) => readableTime(ms).slice(0, 10)
export const beijingMidnightMs = (date: string) => Date.parse(`${date}T00:00:00+08:00`)
