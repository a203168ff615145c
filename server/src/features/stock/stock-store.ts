/** This feature's rows, and the reads of them. What changes them stands with the decision that it belongs to. */
import type { ReleaseReason, Reservation, ReservationState } from '@sampan/protocol/stock'
import type { Database, Row, SqlStep, StepResult } from '../../database/database.ts'

/** Part of a transaction script. */
export type Steps<Result> = Generator<SqlStep, Result, StepResult>

export type StoredSale = {
  readonly id: string
  readonly title: string
  readonly startsAtMs: number
  readonly endsAtMs: number
  readonly limitPerUser: number
  /** 0: reservations are final at once. */
  readonly holdMs: number
  readonly isRefundRestocked: boolean
  readonly configHash: string
}

export type StoredItem = {
  readonly id: string
  readonly title: string
  readonly total: number
  readonly remaining: number
}

export type StoredReservation = {
  readonly id: string
  readonly saleId: string
  readonly itemId: string
  readonly openId: string
  readonly quantity: number
  readonly state: ReservationState
  readonly slot: number | undefined
  readonly requestKey: string
  readonly reason: ReleaseReason | undefined
  readonly createdAtMs: number
  readonly expiresAtMs: number | undefined
}

/** Reservations of one user in one sale, those given back included: somebody who goes on and on is stopped here. */
export const RESERVATIONS_PER_USER_MAX = 100

export async function findSale(database: Database, saleId: string): Promise<StoredSale | undefined> {
  const [row] = await database.read('SELECT * FROM stock_sales WHERE id = ?', [saleId], { cost: 'cheap' })
  return row && toSale(row)
}

/** Those that end last first. */
export async function listSales(database: Database, limit: number): Promise<StoredSale[]> {
  const rows = await database.read('SELECT * FROM stock_sales ORDER BY ends_at_ms DESC, id LIMIT ?', [limit])
  return rows.map(toSale)
}

export async function listItems(database: Database, saleId: string): Promise<StoredItem[]> {
  const sql = 'SELECT * FROM stock_items WHERE sale_id = ? ORDER BY position, id'
  return (await database.read(sql, [saleId], { cost: 'cheap' })).map(toItem)
}

export async function listReservations(database: Database, saleId: string, openId: string) {
  const rows = await database.read(
    `SELECT * FROM stock_reservations WHERE sale_id = ? AND open_id = ? ORDER BY created_at_ms DESC, id
     LIMIT ${RESERVATIONS_PER_USER_MAX}`,
    [saleId, openId],
    { cost: 'cheap' },
  )
  return rows.map(toReservation)
}

export async function findReservation(database: Database, id: string): Promise<StoredReservation | undefined> {
  const [row] = await database.read('SELECT * FROM stock_reservations WHERE id = ?', [id], { cost: 'cheap' })
  return row && toReservation(row)
}

/** Who has reserved something in this sale since then, whatever became of it. */
export async function listBuyersSince(database: Database, saleId: string, sinceMs: number, limit: number) {
  const rows = await database.read(
    'SELECT open_id FROM stock_reservations WHERE sale_id = ? AND created_at_ms >= ? ORDER BY created_at_ms LIMIT ?',
    [saleId, sinceMs, limit],
    { cost: 'cheap' },
  )
  return rows.map((row) => String(row['open_id']))
}

/** Sales in which something has been held for longer than it may be. */
export async function listExpiredSales(database: Database, nowMs: number): Promise<string[]> {
  const sql = 'SELECT DISTINCT sale_id FROM stock_reservations WHERE expires_at_ms <= ?'
  return (await database.read(sql, [nowMs], { cost: 'cheap' })).map((row) => String(row['sale_id']))
}

export async function nextExpiryMs(database: Database): Promise<number> {
  const sql = 'SELECT MIN(expires_at_ms) AS next_ms FROM stock_reservations'
  const [row] = await database.read(sql, [], { cost: 'cheap' })
  const next = row?.['next_ms']
  return next === null || next === undefined ? Number.POSITIVE_INFINITY : Number(next)
}

export const toSale = (row: Row): StoredSale => ({
  id: String(row['id']),
  title: String(row['title']),
  startsAtMs: Number(row['starts_at_ms']),
  endsAtMs: Number(row['ends_at_ms']),
  limitPerUser: Number(row['limit_per_user']),
  holdMs: Number(row['hold_ms']),
  isRefundRestocked: Number(row['is_refund_restocked']) === 1,
  configHash: String(row['config_hash']),
})

export const toItem = (row: Row): StoredItem => ({
  id: String(row['id']),
  title: String(row['title']),
  total: Number(row['total']),
  remaining: Number(row['remaining']),
})

export const toReservation = (row: Row): StoredReservation => ({
  id: String(row['id']),
  saleId: String(row['sale_id']),
  itemId: String(row['item_id']),
  openId: String(row['open_id']),
  quantity: Number(row['quantity']),
  state: String(row['state']) as ReservationState, // safe: only this feature writes it
  slot: numberOf(row['slot']),
  requestKey: String(row['request_key']),
  reason: row['reason'] === null ? undefined : (String(row['reason']) as ReleaseReason), // safe: as above
  createdAtMs: Number(row['created_at_ms']),
  expiresAtMs: numberOf(row['expires_at_ms']),
})

/** As it crosses the wire. */
export const toWire = (reservation: StoredReservation): Reservation => {
  const { id, saleId, itemId, quantity, state, openId, createdAtMs, expiresAtMs, reason } = reservation
  return {
    ...{ id, sale: saleId, item: itemId, quantity, state, openId, createdAtMs },
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    ...(reason && { reason }),
  }
}

const numberOf = (value: Row[string] | undefined) => (value === null || value === undefined ? undefined : Number(value))
