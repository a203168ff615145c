/**
 * How reservations end. Each end is one conditional update, so whoever comes second, in whichever process, changes
 * nothing: held → sold, held → released, sold → released. Units go back in the same transaction.
 *
 * Payments run the steps that speak of an order inside their own transactions; a reservation's id is its order's number.
 */
import type { ReleaseReason } from '@sampan/protocol/stock'
import { type SqlValue, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { freeSlot, takeUnits } from './reserve-batch.ts'
import { type Steps, type StoredReservation, type StoredSale, toReservation, toSale } from './stock-store.ts'

/** WeChat Pay takes no order that ends sooner. */
const ORDER_LIFE_MS_MIN = 65_000
/** After an order's own end: its last check closes it and releases the units. This is for a WeChat Pay that is away. */
const LATE_CHECK_MS = 5 * 60_000

export type Release = {
  readonly reservation: StoredReservation
  readonly reason: ReleaseReason
  readonly nowMs: number
}

export type Expire = { readonly saleId: string; readonly nowMs: number; readonly limit: number }

/** Ends holds whose time is over; tells how many. */
export const expireReservations = transactionScript(
  import.meta.url,
  'expireReservations',
  function* ({ saleId, nowMs, limit }: Expire): Steps<number> {
    yield* lockSale(saleId)
    const { rows } = yield {
      sql: `SELECT * FROM stock_reservations WHERE sale_id = ? AND expires_at_ms <= ? AND state = 'held'
            ORDER BY expires_at_ms LIMIT ?`,
      params: [saleId, nowMs, limit],
      want: 'rows',
    }
    for (const reservation of rows.map(toReservation))
      yield* release({ reservation, reason: 'expired', nowMs }, `state = 'held' AND expires_at_ms <= ?`, [nowMs])
    return rows.length
  },
)

export type Cancel = { readonly id: string; readonly nowMs: number; readonly openId: string | undefined }

/**
 * Gives a reservation back: a held one, or a final one of a sale where nothing is paid. Again: the same answer.
 *
 * @throws {AppError} `reservation_not_found`, `reservation_ended`
 */
export const cancelReservation = transactionScript(
  import.meta.url,
  'cancelReservation',
  function* ({ id, openId, nowMs }: Cancel): Steps<StoredReservation> {
    const held = yield* lockReservation(id)
    if (!held || (openId !== undefined && held.reservation.openId !== openId)) throw notFound()
    const { sale, reservation } = held
    const mayGiveBackSold = sale.holdMs === 0 && nowMs < sale.endsAtMs
    const condition = mayGiveBackSold ? `state <> 'released'` : `state = 'held'`
    yield* release({ reservation, reason: 'cancelled', nowMs }, condition)
    const after = (yield* findRow(id)) ?? reservation
    if (after.state === 'released') return after
    throw new AppError('reservation_ended', 'It is sold: only a refund gives it back.', {
      details: { state: after.state },
    })
  },
)

/** Paid by other means than WeChat Pay. Again: the same answer. @throws {AppError} `reservation_not_found`, `reservation_ended` */
export const confirmReservation = transactionScript(
  import.meta.url,
  'confirmReservation',
  function* ({ id, nowMs }: { id: string; nowMs: number }): Steps<StoredReservation> {
    const held = yield* lockReservation(id)
    if (!held) throw notFound()
    yield* sell(id, nowMs)
    const after = (yield* findRow(id)) ?? held.reservation
    if (after.state === 'sold') return after
    throw new AppError('reservation_ended', 'It was released before it was paid.', { details: { state: after.state } })
  },
)

/**
 * An order is placed for a reservation: when it has to be paid by. Undefined: the number is no reservation's.
 *
 * @throws {AppError} `reservation_ended`
 */
export function* coverOrder(
  outTradeNo: string,
  order: { readonly openId: string; readonly expiresAtMs: number; readonly nowMs: number },
): Steps<number | undefined> {
  const held = yield* lockReservation(outTradeNo)
  if (!held) return undefined
  const { reservation } = held
  const { openId, nowMs } = order
  const { expiresAtMs = 0 } = reservation
  if (reservation.openId !== openId || reservation.state !== 'held' || expiresAtMs <= nowMs)
    throw new AppError('reservation_ended', `The reservation ${outTradeNo} is no longer held for this user.`)
  const payByMs = Math.min(order.expiresAtMs, wholeSeconds(Math.max(expiresAtMs, nowMs + ORDER_LIFE_MS_MIN)))
  const { changes } = yield {
    sql: `UPDATE stock_reservations SET expires_at_ms = ? WHERE id = ? AND state = 'held' AND expires_at_ms = ?`,
    params: [payByMs + LATE_CHECK_MS, outTradeNo, expiresAtMs],
  }
  if (changes === 1) return payByMs
  throw new AppError('reservation_ended', `The reservation ${outTradeNo} ended at this moment.`)
}

/** WeChat Pay's times have no milliseconds. */
const wholeSeconds = (ms: number) => Math.floor(ms / 1000) * 1000

export function* isReservation(outTradeNo: string): Steps<boolean> {
  return (yield* findRow(outTradeNo)) !== undefined
}

/** `unrelated`: the order is for no reservation. `lost`: it was released and cannot be had again: the money must go back. */
export type Sold = 'unrelated' | 'sold' | 'lost'

/** An order was paid. Who pays after the release gets the units if they are still there. */
export function* sellOrdered(outTradeNo: string, nowMs: number): Steps<Sold> {
  const held = yield* lockReservation(outTradeNo)
  if (!held) return 'unrelated'
  if (held.reservation.state === 'sold' || (yield* sell(outTradeNo, nowMs))) return 'sold'
  return (yield* reserveAgain(held, nowMs)) ? 'sold' : 'lost'
}

/** An order was closed unpaid. */
export function* releaseOrdered(outTradeNo: string, nowMs: number): Steps<void> {
  const held = yield* lockReservation(outTradeNo)
  if (held) yield* release({ reservation: held.reservation, reason: 'order-closed', nowMs }, `state = 'held'`)
}

/** An order's money went back entirely. */
export function* restockRefunded(outTradeNo: string, nowMs: number): Steps<void> {
  const held = yield* lockReservation(outTradeNo)
  if (!held?.sale.isRefundRestocked) return
  yield* release({ reservation: held.reservation, reason: 'refunded', nowMs }, `state = 'sold'`)
}

function* sell(id: string, nowMs: number): Steps<boolean> {
  const { changes } = yield {
    sql: `UPDATE stock_reservations SET state = 'sold', expires_at_ms = NULL, ended_at_ms = ?
          WHERE id = ? AND state = 'held'`,
    params: [nowMs, id],
  }
  return changes === 1
}

/** @param condition which states may end so; our own text, no value of anybody */
function* release({ reservation, reason, nowMs }: Release, condition: string, params: SqlValue[] = []): Steps<void> {
  const { id, quantity, saleId, itemId } = reservation
  const { changes } = yield {
    sql: `UPDATE stock_reservations SET state = 'released', slot = NULL, reason = ?, expires_at_ms = NULL, ended_at_ms = ?
          WHERE id = ? AND ${condition}`,
    params: [reason, nowMs, id, ...params],
  }
  if (changes === 0) return
  yield {
    sql: 'UPDATE stock_items SET remaining = remaining + ? WHERE sale_id = ? AND id = ?',
    params: [quantity, saleId, itemId],
  }
}

/** The late payer's second chance, under the same lock and limit as everybody's first. */
function* reserveAgain({ sale, reservation }: Held, nowMs: number): Steps<boolean> {
  const { id, saleId, itemId, openId, quantity } = reservation
  const own = yield {
    sql: `SELECT * FROM stock_reservations WHERE sale_id = ? AND open_id = ? AND state <> 'released'`,
    params: [saleId, openId],
    want: 'rows',
  }
  const live = own.rows.map(toReservation)
  const units = live.reduce((sum, one) => sum + one.quantity, 0)
  if (units + quantity > sale.limitPerUser) return false
  if (!(yield* takeUnits(saleId, itemId, quantity))) return false
  const { changes } = yield {
    sql: `UPDATE stock_reservations SET state = 'sold', slot = ?, reason = NULL, ended_at_ms = ?
          WHERE id = ? AND state = 'released'`,
    params: [freeSlot(live), nowMs, id],
  }
  if (changes === 1) return true
  throw new AppError('transaction_conflict', 'The reservation changed while it was made again.')
}

type Held = { readonly sale: StoredSale; readonly reservation: StoredReservation }

/**
 * The reservation as it is once its sale is locked. Everything that changes a sale's rows locks the sale first: two
 * transactions that hold rows the other one wants would wait for each other.
 */
function* lockReservation(id: string): Steps<Held | undefined> {
  const before = yield* findRow(id)
  if (!before) return undefined
  const sale = yield* lockSale(before.saleId)
  const reservation = yield* findRow(id)
  return sale && reservation && { sale, reservation }
}

function* lockSale(saleId: string): Steps<StoredSale | undefined> {
  const sql = 'SELECT * FROM stock_sales WHERE id = ?'
  const { rows } = yield { sql, params: [saleId], want: 'rows', locksRows: true }
  return rows[0] && toSale(rows[0])
}

function* findRow(id: string): Steps<StoredReservation | undefined> {
  const { rows } = yield { sql: 'SELECT * FROM stock_reservations WHERE id = ?', params: [id], want: 'rows' }
  return rows[0] && toReservation(rows[0])
}

const notFound = () => new AppError('reservation_not_found', 'There is no such reservation of this user.')
