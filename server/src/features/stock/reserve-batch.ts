/**
 * Decides many reservations of one sale in one transaction, in the order in which they came. The sale's row is locked
 * first, so other processes wait for this decision; then three statements serve the whole batch.
 */
import type { ErrorCode } from '@sampan/protocol/errors'
import { type SqlValue, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import {
  RESERVATIONS_PER_USER_MAX,
  type Steps,
  type StoredReservation,
  type StoredSale,
  toItem,
  toReservation,
  toSale,
  toWire,
} from './stock-store.ts'

export type ReserveOrder = {
  /** Of the new reservation, if one comes of it. */
  readonly id: string
  readonly openId: string
  readonly itemId: string
  readonly quantity: number
  /** The same request again has the same key. */
  readonly requestKey: string
}

export type ReserveOutcome =
  | { readonly reservation: StoredReservation; readonly isNew: boolean }
  | { readonly refused: ErrorCode; readonly message: string; readonly details: Record<string, unknown> }

export type ReserveBatch = {
  readonly saleId: string
  readonly nowMs: number
  readonly orders: readonly ReserveOrder[]
}

export type BatchResult = {
  readonly outcomes: readonly ReserveOutcome[]
  /** Items of which there is nothing left. */
  readonly soldOut: readonly string[]
}

/** Rows of one INSERT: few statement texts, so that they stay prepared. */
const INSERT_ROWS = 16

type Books = {
  readonly sale: StoredSale
  readonly remaining: Map<string, number>
  readonly byUser: Map<string, StoredReservation[]>
  readonly added: StoredReservation[]
}

export const reserveBatch = transactionScript(
  import.meta.url,
  'reserveBatch',
  function* ({ saleId, nowMs, orders }: ReserveBatch): Steps<BatchResult> {
    const books = yield* openBooks(saleId, orders)
    if (!books)
      return { outcomes: orders.map(() => refuse('sale_not_found', `There is no sale "${saleId}".`)), soldOut: [] }
    const before = new Map(books.remaining)
    const outcomes = orders.map((order) => decide(order, books, nowMs))
    yield* take(saleId, before, books.remaining)
    yield* insert(books.added)
    const soldOut = [...books.remaining].filter(([, remaining]) => remaining === 0).map(([itemId]) => itemId)
    return { outcomes, soldOut }
  },
)

function* openBooks(saleId: string, orders: readonly ReserveOrder[]): Steps<Books | undefined> {
  const sql = 'SELECT * FROM stock_sales WHERE id = ?'
  const [saleRow] = (yield { sql, params: [saleId], want: 'rows', locksRows: true }).rows
  if (!saleRow) return undefined
  const itemIds = padded([...new Set(orders.map(({ itemId }) => itemId))])
  const items = yield {
    sql: `SELECT * FROM stock_items WHERE sale_id = ? AND id IN (${marks(itemIds)})`,
    params: [saleId, ...itemIds],
    want: 'rows',
  }
  const openIds = padded([...new Set(orders.map(({ openId }) => openId))])
  const known = yield {
    sql: `SELECT * FROM stock_reservations WHERE sale_id = ? AND open_id IN (${marks(openIds)})`,
    params: [saleId, ...openIds],
    want: 'rows',
  }
  return {
    sale: toSale(saleRow),
    remaining: new Map(items.rows.map(toItem).map(({ id, remaining }) => [id, remaining])),
    byUser: Map.groupBy(known.rows.map(toReservation), ({ openId }) => openId),
    added: [],
  }
}

function decide(order: ReserveOrder, books: Books, nowMs: number): ReserveOutcome {
  const { openId, itemId, quantity, requestKey } = order
  const { sale, remaining, added } = books
  const own = books.byUser.get(openId) ?? []
  const same = own.find((reservation) => reservation.requestKey === requestKey)
  if (same) {
    const isSame = same.itemId === itemId && same.quantity === quantity
    if (isSame) return { reservation: same, isNew: false }
    return refuse('idempotency_mismatch', 'This Idempotency-Key was used for another reservation.')
  }
  if (nowMs < sale.startsAtMs) return refuse('not_started', 'The sale has not begun.', startFacts(sale, nowMs))
  if (nowMs >= sale.endsAtMs) return refuse('sale_ended', 'The sale is over.', { endsAtMs: sale.endsAtMs })
  const left = remaining.get(itemId)
  if (left === undefined) return refuse('item_not_found', `The sale has no item "${itemId}".`)
  const live = own.filter(({ state }) => state !== 'released')
  const units = live.reduce((sum, reservation) => sum + reservation.quantity, 0)
  if (units + quantity > sale.limitPerUser || own.length >= RESERVATIONS_PER_USER_MAX)
    return refuse('limit_reached', `One user may have ${sale.limitPerUser}.`, {
      limitPerUser: sale.limitPerUser,
      reservations: live.map(toWire),
    })
  if (left < quantity) return refuse('sold_out', soldOutMessage(left), { remaining: left })

  const isFinal = sale.holdMs === 0
  const reservation: StoredReservation = {
    ...{ id: order.id, saleId: sale.id, itemId, openId, quantity, requestKey, createdAtMs: nowMs },
    state: isFinal ? 'sold' : 'held',
    slot: freeSlot(live),
    reason: undefined,
    expiresAtMs: isFinal ? undefined : nowMs + sale.holdMs,
  }
  remaining.set(itemId, left - quantity)
  books.byUser.set(openId, [...own, reservation])
  added.push(reservation)
  return { reservation, isNew: true }
}

export const soldOutMessage = (left: number) => (left === 0 ? 'Nothing is left.' : `Only ${left} are left.`)

/** What somebody who came too early needs: a countdown that does not trust the phone's clock. */
export const startFacts = ({ startsAtMs }: { readonly startsAtMs: number }, nowMs: number) => ({
  startsAtMs,
  serverTimeMs: nowMs,
  retryAfterSeconds: Math.max(1, Math.ceil((startsAtMs - nowMs) / 1000)),
})

/** The lowest that no live reservation of the user has. */
export function freeSlot(live: readonly Pick<StoredReservation, 'slot'>[]): number {
  const taken = new Set(live.map(({ slot }) => slot))
  let slot = 0
  while (taken.has(slot)) slot += 1
  return slot
}

function* take(saleId: string, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Steps<void> {
  for (const [itemId, left] of after) {
    const units = (before.get(itemId) ?? 0) - left
    if (units > 0 && !(yield* takeUnits(saleId, itemId, units)))
      throw new AppError('transaction_conflict', 'The stock changed while it was decided.')
  }
}

/** False, and nothing taken, if there are not that many. */
export function* takeUnits(saleId: string, itemId: string, units: number): Steps<boolean> {
  const { changes } = yield {
    sql: 'UPDATE stock_items SET remaining = remaining - ? WHERE sale_id = ? AND id = ? AND remaining >= ?',
    params: [units, saleId, itemId, units],
  }
  return changes === 1
}

function* insert(rows: readonly StoredReservation[]): Steps<void> {
  let at = 0
  while (at < rows.length) {
    const count = rows.length - at >= INSERT_ROWS ? INSERT_ROWS : 1
    const some = rows.slice(at, at + count)
    yield {
      sql: `INSERT INTO stock_reservations (id, sale_id, item_id, open_id, quantity, state, slot, request_key,
              created_at_ms, expires_at_ms) VALUES ${some.map(() => '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').join(', ')}`,
      params: some.flatMap(toParams),
    }
    at += count
  }
}

const toParams = (row: StoredReservation): SqlValue[] => [
  ...[row.id, row.saleId, row.itemId, row.openId, row.quantity, row.state],
  ...[row.slot ?? null, row.requestKey, row.createdAtMs, row.expiresAtMs ?? null],
]

const refuse = (refused: ErrorCode, message: string, details: Record<string, unknown> = {}): ReserveOutcome => ({
  refused,
  message,
  details,
})

const marks = (values: readonly unknown[]) => values.map(() => '?').join(', ')

/** To a power of two, with the last value again: few statement texts, so that they stay prepared. */
function padded(values: readonly string[]): string[] {
  const length = 2 ** Math.ceil(Math.log2(values.length))
  return [...values, ...Array.from({ length: length - values.length }, () => values.at(-1) ?? '')]
}
