/**
 * What this server asks of WeChat Pay (v3, a merchant of its own, payments in the mini program). Money is in fen.
 *
 * Every call may be repeated without harm: the numbers that we choose (`outTradeNo`, `outRefundNo`) make it the same order
 * and the same refund. Lost answers are therefore asked for again, here.
 *
 * All methods throw `AppError`: `wechat_unavailable` if there was no answer that could be trusted, `wechat_refused` with
 * `details.payCode` for a refusal, `rate_limited`, `wechat_not_configured`.
 */
export interface WeChatPay {
  /** Creates the order. For the same order again: a fresh prepayId. Never change the price under the same number. */
  createOrder(order: NewOrder): Promise<{ prepayId: string }>
  /** What the page gives to wx.requestPayment. Works for two hours. */
  paymentRequest(prepayId: string): PaymentRequest
  /** The truth about an order, whatever was or was not notified; undefined if WeChat Pay does not know it. */
  findOrder(outTradeNo: string): Promise<PayOrder | undefined>
  /** Makes sure that an order cannot be paid any more. `paid`: too late, it was. */
  closeOrder(outTradeNo: string): Promise<'closed' | 'paid'>
  /** Asks for a refund. Accepted is not done: look at `status`, and again later. */
  refund(refund: NewRefund): Promise<PayRefund>
  findRefund(outRefundNo: string): Promise<PayRefund | undefined>
  /** Everything paid and refunded on a day, from ten on the next morning; undefined while the bill is not ready. */
  tradeBill(date: string): Promise<BillLine[] | undefined>
  /**
   * Verifies, decrypts and reads a notification.
   *
   * The caller still has to compare it with its own order (`disagreementWith`) and to handle repetitions by `id`.
   *
   * @throws {AppError} `signature_invalid`; `details.reason` is for counting
   */
  readNotification(headers: Readonly<Record<string, unknown>>, body: Buffer): PayNotification
  /** For merchants still in certificate mode: fetches the certificates valid now; call at start and twice a day. */
  refreshCertificates(): Promise<{ serials: string[] }>
  close(): Promise<void>
}

export type NewOrder = {
  /** 6 to 32 of `0-9A-Za-z_-|*`, unique for the merchant for ever. */
  outTradeNo: string
  /** What the user reads; at most 127 characters. */
  description: string
  totalFen: number
  openId: string
  /** Public https address without a query. */
  notifyUrl: string
  /** At least a minute ahead. Part of the order: must be the same when it is created again. */
  expiresAtMs?: number
  /** Comes back in queries, notifications and bills; at most 128 characters. */
  attach?: string
}

export type PaymentRequest = {
  timeStamp: string
  nonceStr: string
  package: string
  signType: 'RSA'
  paySign: string
}

export type PayOrder = {
  outTradeNo: string
  state: 'NOTPAY' | 'SUCCESS' | 'REFUND' | 'CLOSED' | 'REVOKED' | 'USERPAYING' | 'PAYERROR'
  totalFen: number
  /** WeChat's number; only once paid. */
  transactionId?: string
  openId?: string
  attach?: string
  paidAtMs?: number
}

export type NewRefund = {
  outTradeNo: string
  /** Keep it for repetitions: a new number refunds a second time. */
  outRefundNo: string
  refundFen: number
  /** The total of the order. */
  totalFen: number
  reason?: string
  notifyUrl?: string
}

export type PayRefund = {
  refundId: string
  outRefundNo: string
  outTradeNo: string
  status: 'SUCCESS' | 'CLOSED' | 'PROCESSING' | 'ABNORMAL'
  refundFen: number
  totalFen: number
}

export type PayNotification = { id: string } & (
  | { kind: 'payment'; order: PayOrder }
  | { kind: 'refund'; refund: PayRefund }
)

export type BillLine = {
  /** One merchant may serve several mini programs, and its bill lists them all. */
  appId: string
  outTradeNo: string
  transactionId: string
  openId: string
  state: 'SUCCESS' | 'REFUND' | 'REVOKED'
  /** Of the payment; 0 on the line of a refund. */
  totalFen: number
  refundFen: number
  outRefundNo?: string
}

/**
 * In what a payment differs from the order that we wrote down, or undefined if it does not. A valid signature only proves
 * that WeChat Pay said it, not that the right sum was paid for the right order by the right user.
 */
export function disagreementWith(expected: { outTradeNo: string; totalFen: number; openId?: string }, paid: PayOrder) {
  if (paid.outTradeNo !== expected.outTradeNo) return 'outTradeNo'
  if (paid.totalFen !== expected.totalFen) return 'totalFen'
  if (expected.openId !== undefined && paid.openId !== expected.openId) return 'openId'
  return undefined
}
