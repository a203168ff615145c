import type { SeededRandom } from '../seeded-random.ts'
import { PayRefusal } from './pay-refusal.ts'

const PREPAY_TTL_MS = 2 * 3_600_000
/** An order that nobody pays is closed by itself. */
const ORDER_TTL_MS = 7 * 86_400_000
const REFUND_WINDOW_MS = 365 * 86_400_000
const REFUNDS_PER_ORDER = 50
const ORDER_LIMIT = 100_000
/** An order that is asked for again and again keeps its latest ones. */
const PREPAY_LIMIT = 20

export type OrderRequest = {
  outTradeNo: string
  description: string
  attach: string
  notifyUrl: string
  totalFen: number
  openid: string
  /** Undefined: two hours from now is all there is. */
  expiresAtMs: number | undefined
  /** Everything that was sent, in one order: a repeated request must be the same. */
  fingerprint: string
}

export type Order = OrderRequest & {
  transactionId: string
  state: 'NOTPAY' | 'SUCCESS' | 'REFUND' | 'CLOSED'
  createdAtMs: number
  paidAtMs: number | undefined
  prepayIds: Map<string, number>
  refunds: Refund[]
}

export type Refund = {
  refundId: string
  outRefundNo: string
  order: Order
  refundFen: number
  reason: string
  notifyUrl: string
  status: 'PROCESSING' | 'SUCCESS' | 'CLOSED' | 'ABNORMAL'
  createdAtMs: number
  finishedAtMs: number | undefined
  fingerprint: string
}

export type RefundRequest = Pick<Refund, 'outRefundNo' | 'refundFen' | 'reason' | 'notifyUrl' | 'fingerprint'> & {
  totalFen: number
}

export type PayLedger = ReturnType<typeof openPayLedger>

/** Orders and refunds of one merchant, with the rules of their states. All refusals are `PayRefusal`. */
export function openPayLedger(now: () => number, random: SeededRandom) {
  const orders = new Map<string, Order>()
  const orderByPrepayId = new Map<string, Order>()
  const orderByTransactionId = new Map<string, Order>()
  const refunds = new Map<string, Refund>()
  // WeChat Pay's numbers are never used again, and a server's books may outlive this simulator.
  let nextNumber = now()

  /** Digits as long as WeChat's, and never the same twice. */
  const makeId = (prefix: string) => {
    nextNumber += 1
    return `${prefix}${String(nextNumber).padStart(28 - prefix.length, '0')}`
  }

  const settleAge = (order: Order) => {
    if (order.state === 'NOTPAY' && now() - order.createdAtMs >= ORDER_TTL_MS) order.state = 'CLOSED'
    return order
  }

  const getOrder = (key: { outTradeNo?: string; transactionId?: string }) => {
    const order = key.outTradeNo ? orders.get(key.outTradeNo) : orderByTransactionId.get(key.transactionId ?? '')
    if (!order) throw new PayRefusal('noOrder')
    return settleAge(order)
  }

  return {
    /** Creates an order or, for the same request again, a fresh prepay_id for it. */
    prepare(request: OrderRequest): string {
      const known = orders.get(request.outTradeNo)
      const order = known ? settleAge(known) : { ...request, ...newOrder(now()), transactionId: makeId('4200') }
      if (order.fingerprint !== request.fingerprint) throw new PayRefusal('otherParameters')
      if (order.state === 'SUCCESS' || order.state === 'REFUND') throw new PayRefusal('paid')
      if (order.state === 'CLOSED' || isOver(order)) throw new PayRefusal('closed')
      const prepayId = `wx${random.letters(34)}`
      order.prepayIds.set(prepayId, now() + PREPAY_TTL_MS)
      orders.set(order.outTradeNo, order)
      orderByPrepayId.set(prepayId, order)
      if (order.prepayIds.size > PREPAY_LIMIT) {
        const [oldest = ''] = order.prepayIds.keys()
        order.prepayIds.delete(oldest)
        orderByPrepayId.delete(oldest)
      }
      if (orders.size > ORDER_LIMIT) forgetOldest()
      return prepayId
    },

    /** The user pays. @throws {PayRefusal} if this prepay_id cannot be paid (any more) */
    pay(prepayId: string): Order {
      const order = orderByPrepayId.get(prepayId)
      if (!order) throw new PayRefusal('noOrder')
      settleAge(order)
      if (order.state === 'SUCCESS' || order.state === 'REFUND') throw new PayRefusal('paid')
      if (order.state === 'CLOSED' || isOver(order)) throw new PayRefusal('closed')
      if ((order.prepayIds.get(prepayId) ?? 0) <= now()) throw new PayRefusal('closed', 'prepay_id无效')
      order.state = 'SUCCESS'
      order.paidAtMs = now()
      orderByTransactionId.set(order.transactionId, order)
      return order
    },

    close(outTradeNo: string) {
      const order = getOrder({ outTradeNo })
      if (order.state === 'SUCCESS' || order.state === 'REFUND') throw new PayRefusal('paid')
      order.state = 'CLOSED'
    },

    getOrder,

    /** Accepts a refund; it is finished later by `finishRefund`. The same request again returns the same refund. */
    refund(
      key: { outTradeNo?: string; transactionId?: string },
      request: RefundRequest,
    ): { refund: Refund; isNew: boolean } {
      const order = getOrder(key)
      const known = refunds.get(request.outRefundNo)
      if (known && known.fingerprint !== request.fingerprint) throw new PayRefusal('otherParameters')
      if (known) return { refund: known, isNew: false }
      if (order.paidAtMs === undefined) throw new PayRefusal('ruleBroken', '订单未支付,无法退款')
      if (now() - order.paidAtMs > REFUND_WINDOW_MS) throw new PayRefusal('ruleBroken', '订单已超过可退款的最大期限')
      if (order.refunds.length >= REFUNDS_PER_ORDER) throw new PayRefusal('ruleBroken', '超过部分退款次数限制')
      if (request.totalFen !== order.totalFen) throw new PayRefusal('ruleBroken', '订单金额不一致')
      if (request.refundFen > order.totalFen - refundedFen(order))
        throw new PayRefusal('ruleBroken', '退款金额大于可退金额')

      const { totalFen: _, ...rest } = request
      const refundId = makeId('5030')
      const status = 'PROCESSING' as const
      const refund: Refund = { ...rest, refundId, order, status, createdAtMs: now(), finishedAtMs: undefined }
      order.refunds.push(refund)
      order.state = 'REFUND'
      refunds.set(refund.outRefundNo, refund)
      return { refund, isNew: true }
    },

    finishRefund(refund: Refund, status: Refund['status']) {
      refund.status = status
      refund.finishedAtMs = status === 'PROCESSING' ? undefined : now()
    },

    getRefund(outRefundNo: string): Refund {
      const refund = refunds.get(outRefundNo)
      if (!refund) throw new PayRefusal('noRefund')
      return refund
    },

    findRefundById: (refundId: string) => [...refunds.values()].find((refund) => refund.refundId === refundId),

    listOrders: () => [...orders.values()],
  }

  function isOver(order: Order) {
    return order.expiresAtMs !== undefined && order.expiresAtMs <= now()
  }

  function forgetOldest() {
    const [oldest] = orders.values()
    if (!oldest) return
    orders.delete(oldest.outTradeNo)
    orderByTransactionId.delete(oldest.transactionId)
    for (const prepayId of oldest.prepayIds.keys()) orderByPrepayId.delete(prepayId)
    for (const refund of oldest.refunds) refunds.delete(refund.outRefundNo)
  }
}

const newOrder = (nowMs: number) => ({
  state: 'NOTPAY' as const,
  createdAtMs: nowMs,
  paidAtMs: undefined,
  prepayIds: new Map<string, number>(),
  refunds: [],
})

/** Money on its way back counts as gone; only a refund that was closed does not. */
export function refundedFen(order: Order) {
  return order.refunds.filter((refund) => refund.status !== 'CLOSED').reduce((sum, { refundFen }) => sum + refundFen, 0)
}
