/**
 * `/v1/stock`: limited goods that must never be sold twice: flash sales, course selection, seats.
 *
 *     GET  /v1/stock/<sale>               SaleStatus, at most a second old; anyone
 *     POST /v1/stock/<sale>/reserve       ReserveRequest → Reservation; send an Idempotency-Key to repeat it safely
 *     GET  /v1/stock/<sale>/reservations  ReservationList: the caller's own
 *     POST /v1/stock/<sale>/release       ReleaseRequest → Reservation
 *
 * For the owner's programs only:
 *
 *     GET  /v1/stock/                     SaleList
 *     PUT  /v1/stock/<sale>               SaleDefinition → SaleStatus
 *     POST /v1/stock/<sale>/confirm       ReleaseRequest → Reservation: paid by other means than WeChat Pay
 *
 * A reservation's id is also the `outTradeNo` under which it is paid with WeChat Pay.
 */

export type SaleItemDefinition = {
  /** Up to 64 of A-Z a-z 0-9 _ - */
  id: string
  title?: string
  /** Units altogether: those that are left, held and sold. */
  total: number
}

/** A sale as its owner writes it down. Times: ms since 1970. */
export type SaleDefinition = {
  title?: string
  items: SaleItemDefinition[]
  startsAtMs: number
  endsAtMs: number
  /** Units that one user may hold and have bought, all items together. Default: 1. */
  limitPerUser?: number
  /**
   * How long an unpaid reservation keeps its units. Default: 900. 0: nothing is to be paid, so a reservation counts as sold
   * at once, and its user may give it back until the end of the sale.
   */
  holdSeconds?: number
  /** Whether units of a fully refunded order are for sale again. Default: true. */
  isRefundRestocked?: boolean
}

export type SaleItemStatus = { id: string; title: string; total: number; remaining: number }

export type SaleStatus = {
  id: string
  title: string
  state: 'upcoming' | 'open' | 'ended'
  startsAtMs: number
  endsAtMs: number
  limitPerUser: number
  holdSeconds: number
  isRefundRestocked: boolean
  items: SaleItemStatus[]
  /** The server's clock: count down by it, not by the phone's. */
  serverTimeMs: number
  /** When `remaining` was read. */
  asOfMs: number
}

export type SaleList = { sales: SaleStatus[] }

export type ReserveRequest = {
  item: string
  /** Default: 1. */
  quantity?: number
  /** For whom; the owner's programs only. */
  openId?: string
  /** The same as an Idempotency-Key, for clients that cannot send one. */
  key?: string
}

/**
 * `held`: kept until `expiresAtMs`. `sold`: paid, or final at once. `released`: back on sale. Errors instead of one:
 * `sold_out`, `limit_reached`, `not_started` (with `details.startsAtMs`, `details.serverTimeMs` and Retry-After),
 * `sale_ended`, `sale_not_found`, `item_not_found`, `overloaded`.
 */
export type ReservationState = 'held' | 'sold' | 'released'

export type Reservation = {
  id: string
  sale: string
  item: string
  quantity: number
  state: ReservationState
  openId: string
  createdAtMs: number
  /** Absent once it is sold or released. */
  expiresAtMs?: number
  /** Why it was released. */
  reason?: ReleaseReason
}

export type ReleaseReason = 'cancelled' | 'expired' | 'order-closed' | 'refunded'

export type ReservationList = { reservations: Reservation[] }

export type ReleaseRequest = {
  reservation: string
}
