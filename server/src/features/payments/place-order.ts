/** Asks for money: writes the order down, then tells WeChat Pay. In this order, so that no payment is unknown here. */
import { randomBytes } from 'node:crypto'
import { transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { PaymentRequest } from '../../wechat/pay/pay.ts'
import { coverOrder, isReservation } from '../stock/settle-reservation.ts'
import { askAboutOrder, CHECK_PAUSES_MS } from './check-orders.ts'
import { lockOrder, type StoredOrder, transactOnceMore } from './payment-store.ts'
import type { PaymentNeeds } from './payments-needs.ts'

export type OrderRequest = {
  readonly outTradeNo: string
  readonly description: string
  readonly attach: string
  readonly totalFen: number
  readonly openId: string
  /** Told once it is paid; '' for none. */
  readonly functionName: string
  readonly expiresAtMs?: number
}

export type PlacedOrder = { readonly prepayId: string; readonly payment: PaymentRequest }

/** WeChat Pay takes no order that ends sooner. */
const SHORTEST_LIFE_MS = 60_000
const LONGEST_LIFE_MS = 7 * 86_400_000
const TOTAL_MAX_FEN = 100_000_000 * 100

/**
 * The same order again gives a fresh prepayId for it.
 *
 * @throws {AppError} `invalid_request`, `order_paid`, `order_closed`, `order_differs`, `reservation_ended`; `wechat_unavailable` if it is not
 * known whether WeChat Pay has the order: ask again with the same number
 */
export async function placeOrder(request: OrderRequest, needs: PaymentNeeds): Promise<PlacedOrder> {
  const { database, pay, now } = needs
  checkRequest(request, now())
  const { order, isNew } = await transactOnceMore(database, addOrder, {
    request,
    notifyUrl: `${needs.publicUrl()}/v1/payments/notify`,
    expiresAtMs: wholeSeconds(request.expiresAtMs ?? now() + needs.orderTtlMs),
    isExpiryGiven: request.expiresAtMs !== undefined,
    nowMs: now(),
  })
  refuseUnlessPayable(order, now())
  try {
    const { prepayId } = await pay.createOrder(order)
    return { prepayId, payment: pay.paymentRequest(prepayId) }
  } catch (error) {
    if (error instanceof AppError && error.code === 'wechat_refused') await settleRefusal(order, isNew, needs)
    throw error
  }
}

/** @throws {AppError} `order_paid`, `order_closed` if that is why WeChat Pay refused */
async function settleRefusal({ outTradeNo }: StoredOrder, isNew: boolean, needs: PaymentNeeds) {
  const found = await askAboutOrder(outTradeNo, needs)
  if (found === 'paid') throw new AppError('order_paid', `The order ${outTradeNo} is paid.`)
  if (found === 'closed') throw new AppError('order_closed', `The order ${outTradeNo} is closed.`)
  // WeChat Pay does not know it and will not take it as it is: the number is free for a corrected one.
  if (found === 'unknown' && isNew) await needs.database.transact(forgetOrder, outTradeNo)
}

function refuseUnlessPayable({ state, outTradeNo, expiresAtMs }: StoredOrder, nowMs: number) {
  if (state === 'closed' || (state === 'unpaid' && expiresAtMs <= nowMs))
    throw new AppError('order_closed', `The order ${outTradeNo} is closed.`)
  if (state !== 'unpaid') throw new AppError('order_paid', `The order ${outTradeNo} is paid.`)
}

function checkRequest(
  { outTradeNo, description, attach, totalFen, openId, expiresAtMs, functionName }: OrderRequest,
  nowMs: number,
) {
  const refuse = (field: string, rule: string) => {
    throw new AppError('invalid_request', `${field} ${rule}.`, { details: { field } })
  }
  if (!/^[0-9A-Za-z_\-|*]{6,32}$/.test(outTradeNo)) refuse('outTradeNo', 'must be 6 to 32 of 0-9 A-Z a-z _ - | *')
  if (!description || description.length > 127) refuse('body', 'must have 1 to 127 characters')
  if (attach.length > 128) refuse('attach', 'must have at most 128 characters')
  if (!Number.isSafeInteger(totalFen) || totalFen < 1 || totalFen > TOTAL_MAX_FEN)
    refuse('totalFee', `must be a whole number of fen, at least 1, and is ${totalFen}`)
  if (!openId || openId.length > 128) refuse('openid', 'is missing: call from the mini program, or say who pays')
  if (functionName.length > 128) refuse('functionName', 'must have at most 128 characters')
  const lifeMs = expiresAtMs === undefined ? SHORTEST_LIFE_MS : expiresAtMs - nowMs
  if (!(lifeMs >= SHORTEST_LIFE_MS && lifeMs <= LONGEST_LIFE_MS))
    refuse('timeExpire', 'must be 1 minute to 7 days ahead')
}

/** WeChat Pay's times have no milliseconds, and the order must be the same each time it is asked for. */
const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000

export const newNonce = () => randomBytes(16).toString('hex')

type AddOrder = {
  readonly request: OrderRequest
  readonly notifyUrl: string
  readonly expiresAtMs: number
  readonly isExpiryGiven: boolean
  readonly nowMs: number
}

export const addOrder = transactionScript(import.meta.url, 'addOrder', function* (args: AddOrder) {
  const { request, notifyUrl, nowMs } = args
  const { outTradeNo, description, attach, totalFen, openId, functionName } = request
  const firstCheckMs = nowMs + (CHECK_PAUSES_MS[0] ?? 0)
  const known = yield* lockOrder(outTradeNo)
  if (known) {
    // What pays a reservation ends with it, whatever was asked for.
    const mayEndAt = !args.isExpiryGiven || known.expiresAtMs === args.expiresAtMs || (yield* isReservation(outTradeNo))
    const isSame =
      mayEndAt &&
      known.description === description &&
      known.attach === attach &&
      known.totalFen === totalFen &&
      known.openId === openId
    if (!isSame) throw new AppError('order_differs', `The number ${outTradeNo} belongs to another order.`)
    // It can be paid from now on for two more hours, so it is watched as from the beginning.
    yield {
      sql: `UPDATE pay_orders SET placed_at_ms = ?, check_step = 0, next_check_at_ms = ?
            WHERE out_trade_no = ? AND state = 'unpaid' AND expires_at_ms > ?`,
      params: [nowMs, firstCheckMs, outTradeNo, nowMs],
    }
    return { order: known, isNew: false }
  }
  const expiresAtMs =
    (yield* coverOrder(outTradeNo, { openId, expiresAtMs: args.expiresAtMs, nowMs })) ?? args.expiresAtMs
  yield {
    sql: `INSERT INTO pay_orders (out_trade_no, state, open_id, description, attach, total_fen, refundable_fen, refunded_fen,
            notify_url, function_name, created_at_ms, placed_at_ms, expires_at_ms, check_step, next_check_at_ms)
          VALUES (?, 'unpaid', ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, 0, ?)`,
    params: [
      outTradeNo,
      openId,
      description,
      attach,
      totalFen,
      totalFen,
      notifyUrl,
      functionName,
      nowMs,
      nowMs,
      expiresAtMs,
      firstCheckMs,
    ],
  }
  const order = yield* lockOrder(outTradeNo)
  if (!order) throw new AppError('internal', 'An order vanished while it was written.')
  return { order, isNew: true }
})

/** Only an order that never was. */
export const forgetOrder = transactionScript(import.meta.url, 'forgetOrder', function* (outTradeNo: string) {
  yield { sql: `DELETE FROM pay_orders WHERE out_trade_no = ? AND state = 'unpaid'`, params: [outTradeNo] }
})
