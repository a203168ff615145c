/**
 * `cloud.cloudPay.*`: the words of WeChat Pay v2, in which CloudBase's functions ask, for the payments feature, which speaks
 * v3. A refusal is an answer here, too (`resultCode: 'FAIL'`), because that is what these programs look at.
 */
import { randomBytes } from 'node:crypto'
import { AppError, asAppError } from '../errors.ts'
import type { Json, JsonObject } from '../features/documents/document-request.ts'
import { compactTime } from '../features/payments/payment-events.ts'
import type { RefundState, StoredOrder, StoredRefund } from '../features/payments/payment-store.ts'
import type { Payments } from '../features/payments/payments.ts'
import type { UserIdentity } from '../features/sessions/identity.ts'
import type { Log } from '../log.ts'
import type { AdminServices } from './admin-request.ts'

type PayCall = (payments: Payments, parameters: JsonObject, user: UserIdentity | undefined) => Promise<JsonObject>

// biome-ignore format: a table keeps its columns
const CALLS: Readonly<Record<string, PayCall>> = {
  unifiedOrder,
  queryOrder,
  closeOrder,
  refund,
  queryRefund,
}

/** v2's codes for what our errors say. Anything else is SYSTEMERROR: the outcome is unknown, ask again with the same number. */
const V2_CODES: Readonly<Record<string, string>> = {
  invalid_request: 'PARAM_ERROR',
  order_not_found: 'ORDERNOTEXIST',
  order_paid: 'ORDERPAID',
  order_closed: 'ORDERCLOSED',
  reservation_ended: 'ORDERCLOSED',
  order_differs: 'OUT_TRADE_NO_USED',
  refund_not_possible: 'TRADE_OVERDUE',
  refund_not_found: 'REFUNDNOTEXIST',
  wechat_refused: 'INVALID_REQUEST',
  rate_limited: 'FREQUENCY_LIMITED',
}

export function cloudPay(payments: Payments, log: Log): NonNullable<AdminServices['pay']> {
  return async (name, parameters, user) => {
    const call = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined
    if (!call) throw new AppError('not_supported', `cloudPay.${name} is not supported.`, { details: { api: name } })
    const { appId, mchId } = payments.account
    const head = {
      return_code: 'SUCCESS',
      return_msg: 'OK',
      appid: appId,
      mch_id: mchId,
      sub_appid: appId,
      sub_mch_id: mchId,
      nonce_str: randomBytes(16).toString('hex'),
    }
    try {
      return { ...head, result_code: 'SUCCESS', ...(await call(payments, parameters, user)) }
    } catch (thrown) {
      const error = asAppError(thrown)
      log.warn({ api: `cloudPay.${name}`, reason: error.code, err: error.cause }, 'a payment call was refused')
      const errCode = String(error.details?.['payCode'] ?? V2_CODES[error.code] ?? 'SYSTEMERROR')
      return { ...head, result_code: 'FAIL', err_code: errCode, err_code_des: `${errCode}: ${error.message}` }
    }
  }
}

async function unifiedOrder(payments: Payments, parameters: JsonObject, user: UserIdentity | undefined) {
  const tradeType = text(parameters['trade_type']) || 'JSAPI'
  if (tradeType !== 'JSAPI')
    throw new AppError('invalid_request', `trade_type ${tradeType} is not supported, only JSAPI.`)
  const expiry = text(parameters['time_expire'])
  const { prepayId, payment } = await payments.place({
    outTradeNo: text(parameters['out_trade_no']),
    description: text(parameters['body']),
    attach: text(parameters['attach']),
    totalFen: fen(parameters['total_fee']),
    openId: text(parameters['sub_openid']) || text(parameters['openid']) || (user?.openId ?? ''),
    functionName: text(parameters['function_name']),
    ...(expiry && { expiresAtMs: parseTime(expiry) }),
  })
  return {
    trade_type: 'JSAPI',
    prepay_id: prepayId,
    payment: { appId: payments.account.appId, ...payment },
  }
}

async function queryOrder(payments: Payments, parameters: JsonObject) {
  return orderFields(await payments.query(orderKey(parameters)))
}

async function closeOrder(payments: Payments, parameters: JsonObject) {
  await payments.closeOrder(text(parameters['out_trade_no']))
  return {}
}

async function refund(payments: Payments, parameters: JsonObject) {
  const { order, refund: told } = await payments.refund({
    ...orderKey(parameters),
    outRefundNo: text(parameters['out_refund_no']),
    refundFen: fen(parameters['refund_fee']),
    totalFen: fen(parameters['total_fee']),
    reason: text(parameters['refund_desc']),
    functionName: text(parameters['function_name']),
  })
  return {
    transaction_id: order.transactionId,
    out_trade_no: order.outTradeNo,
    out_refund_no: told.outRefundNo,
    refund_id: told.refundId,
    refund_fee: told.refundFen,
    total_fee: order.totalFen,
    cash_fee: order.totalFen,
  }
}

async function queryRefund(payments: Payments, parameters: JsonObject) {
  const { order, refunds } = await payments.queryRefunds({
    ...orderKey(parameters),
    outRefundNo: text(parameters['out_refund_no']),
    refundId: text(parameters['refund_id']),
  })
  return {
    transaction_id: order.transactionId,
    out_trade_no: order.outTradeNo,
    total_fee: order.totalFen,
    cash_fee: order.totalFen,
    refund_count: refunds.length,
    refund_fee: refunds.reduce((sum, { refundFen }) => sum + refundFen, 0),
    ...Object.assign({}, ...refunds.map(refundFields)),
  }
}

/** v2 numbers the refunds of an order in its field names. */
const refundFields = ({ outRefundNo, refundId, refundFen, state }: StoredRefund, place: number): JsonObject => ({
  [`out_refund_no_${place}`]: outRefundNo,
  [`refund_id_${place}`]: refundId,
  [`refund_fee_${place}`]: refundFen,
  [`refund_status_${place}`]: REFUND_STATUS[state],
  [`refund_channel_${place}`]: 'ORIGINAL',
})

const REFUND_STATUS = {
  asked: 'PROCESSING',
  processing: 'PROCESSING',
  abnormal: 'CHANGE',
  success: 'SUCCESS',
  closed: 'REFUNDCLOSE',
  refused: 'REFUNDCLOSE',
} as const satisfies Record<RefundState, string>

function orderFields(order: StoredOrder): JsonObject {
  const { state, refundableFen, totalFen, paidAtMs } = order
  const isRefunded = refundableFen < totalFen
  const tradeState =
    paidAtMs === undefined ? (state === 'closed' ? 'CLOSED' : 'NOTPAY') : isRefunded ? 'REFUND' : 'SUCCESS'
  return {
    out_trade_no: order.outTradeNo,
    trade_state: tradeState,
    trade_state_desc: STATE_TEXTS[tradeState],
    total_fee: totalFen,
    fee_type: 'CNY',
    attach: order.attach,
    openid: order.openId,
    sub_openid: order.openId,
    trade_type: 'JSAPI',
    ...(paidAtMs !== undefined && {
      bank_type: 'OTHERS',
      cash_fee: totalFen,
      cash_fee_type: 'CNY',
      is_subscribe: 'N',
      transaction_id: order.transactionId,
      time_end: compactTime(paidAtMs),
    }),
  }
}

const STATE_TEXTS = { NOTPAY: '订单未支付', CLOSED: '订单已关闭', SUCCESS: '支付成功', REFUND: '转入退款' } as const

function orderKey(parameters: JsonObject) {
  const outTradeNo = text(parameters['out_trade_no'])
  const transactionId = text(parameters['transaction_id'])
  return { ...(outTradeNo && { outTradeNo }), ...(transactionId && { transactionId }) }
}

/** Numbers as texts are common in these programs. */
const text = (value: Json | undefined) => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')
const fen = (value: Json | undefined) =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : typeof value === 'number' ? value : Number.NaN

/** v2's 20261122120000, in Beijing. */
function parseTime(value: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(value) ?? []
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}+08:00`)
  if (Number.isNaN(ms)) throw new AppError('invalid_request', `time_expire must be like ${compactTime(0)}.`)
  return ms
}
