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
import { type Steps, type StoredReservation, toReservation, toSale } from './stock-store.ts'

/** WeChat Pay takes no order that ends sooner. */
const ORDER_LIFE_MS_MIN = 60_000
/** After an order's own end: its last check closes it and releases the units. This is for a WeChat Pay that is away. */
const LATE_CHECK_MS = 5 * 60_000

export type Release = {
  readonly id: string
  readonly reason: ReleaseReason
  readonly nowMs: number
}

/** Ends a hold whose time is over; false if it has ended otherwise, or was extended meanwhile. */
export const expireReservation = transactionScript(
  import.meta.url,
  'expireReservation',
  function* ({ id, nowMs }: { id: string; nowMs: number }): Steps<boolean> {
    return yield* release({ id, reason: 'expired', nowMs }, `state = 'held' AND expires_at_ms <= ?`, [nowMs])
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
    const reservation = yield* getReservation(id, openId)
    const [row] = (yield { sql: 'SELECT * FROM stock_sales WHERE id = ?', params: [reservation.saleId], want: 'rows' })
      .rows
    const sale = row && toSale(row)
    const mayGiveBackSold = sale?.holdMs === 0 && nowMs < sale.endsAtMs
    yield* release({ id, reason: 'cancelled', nowMs }, mayGiveBackSold ? `state <> 'released'` : `state = 'held'`)
    const after = yield* getReservation(id, openId)
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
    yield* sell(id, nowMs)
    const after = yield* getReservation(id, undefined)
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
  const reservation = yield* findRow(outTradeNo)
  if (!reservation) return undefined
  const { openId, nowMs } = order
  const { expiresAtMs = 0 } = reservation
  if (reservation.openId !== openId || reservation.state !== 'held' || expiresAtMs <= nowMs)
    throw new AppError('reservation_ended', `The reservation ${outTradeNo} is no longer held for this user.`)
  const payByMs = Math.min(order.expiresAtMs, Math.max(expiresAtMs, nowMs + ORDER_LIFE_MS_MIN))
  const { changes } = yield {
    sql: `UPDATE stock_reservations SET expires_at_ms = ? WHERE id = ? AND state = 'held' AND expires_at_ms = ?`,
    params: [payByMs + LATE_CHECK_MS, outTradeNo, expiresAtMs],
  }
  if (changes === 1) return payByMs
  throw new AppError('reservation_ended', `The reservation ${outTradeNo} ended at this moment.`)
}

/** `unrelated`: the order is for no reservation. `lost`: it was released and cannot be had again: the money must go back. */
export type Sold = 'unrelated' | 'sold' | 'lost'

/** An order was paid. Who pays after the release gets the units if they are still there. */
export function* sellOrdered(outTradeNo: string, nowMs: number): Steps<Sold> {
  if (yield* sell(outTradeNo, nowMs)) return 'sold'
  const reservation = yield* findRow(outTradeNo)
  if (!reservation) return 'unrelated'
  if (reservation.state === 'sold') return 'sold'
  return (yield* reserveAgain(reservation, nowMs)) ? 'sold' : 'lost'
}

/** An order was closed unpaid. */
export function* releaseOrdered(outTradeNo: string, nowMs: number): Steps<boolean> {
  return yield* release({ id: outTradeNo, reason: 'order-closed', nowMs }, `state = 'held'`)
}

/** An order's money went back entirely. */
export function* restockRefunded(outTradeNo: string, nowMs: number): Steps<void> {
  const { rows } = yield {
    sql: `SELECT s.is_refund_restocked FROM stock_reservations r JOIN stock_sales s ON s.id = r.sale_id WHERE r.id = ?`,
    params: [outTradeNo],
    want: 'rows',
  }
  if (Number(rows[0]?.['is_refund_restocked']) !== 1) return
  yield* release({ id: outTradeNo, reason: 'refunded', nowMs }, `state = 'sold'`)
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
function* release({ id, reason, nowMs }: Release, condition: string, params: SqlValue[] = []): Steps<boolean> {
  const { changes } = yield {
    sql: `UPDATE stock_reservations SET state = 'released', slot = NULL, reason = ?, expires_at_ms = NULL, ended_at_ms = ?
          WHERE id = ? AND ${condition}`,
    params: [reason, nowMs, id, ...params],
  }
  if (changes === 0) return false
  const reservation = yield* getReservation(id, undefined)
  yield {
    sql: 'UPDATE stock_items SET remaining = remaining + ? WHERE sale_id = ? AND id = ?',
    params: [reservation.quantity, reservation.saleId, reservation.itemId],
  }
  return true
}

/** The late payer's second chance, under the same lock and limit as everybody's first. */
function* reserveAgain({ id, saleId, itemId, openId, quantity }: StoredReservation, nowMs: number): Steps<boolean> {
  const sql = 'SELECT * FROM stock_sales WHERE id = ?'
  const [row] = (yield { sql, params: [saleId], want: 'rows', locksRows: true }).rows
  const own = yield {
    sql: `SELECT * FROM stock_reservations WHERE sale_id = ? AND open_id = ? AND state <> 'released'`,
    params: [saleId, openId],
    want: 'rows',
  }
  const live = own.rows.map(toReservation)
  const units = live.reduce((sum, reservation) => sum + reservation.quantity, 0)
  if (!row || units + quantity > toSale(row).limitPerUser) return false
  if (!(yield* takeUnits(saleId, itemId, quantity))) return false
  const { changes } = yield {
    sql: `UPDATE stock_reservations SET state = 'sold', slot = ?, reason = NULL, ended_at_ms = ?
          WHERE id = ? AND state = 'released'`,
    params: [freeSlot(live), nowMs, id],
  }
  if (changes === 1) return true
  throw new AppError('transaction_conflict', 'The reservation changed while it was made again.')
}

function* findRow(id: string): Steps<StoredReservation | undefined> {
  const { rows } = yield { sql: 'SELECT * FROM stock_reservations WHERE id = ?', params: [id], want: 'rows' }
  return rows[0] && toReservation(rows[0])
}

/** @param openId whose it must be; undefined: anybody's */
function* getReservation(id: string, openId: string | undefined): Steps<StoredReservation> {
  const reservation = yield* findRow(id)
  if (reservation && (openId === undefined || reservation.openId === openId)) return reservation
  throw new AppError('reservation_not_found', 'There is no such reservation of this user.')
}
