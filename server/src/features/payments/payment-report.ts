/** What the owner wants to see of the books: sums, the last orders, compared bills, results nobody took. Reads only. */
import type { Database, SqlValue } from '../../database/database.ts'
import { type OrderState, type StoredOrder, toOrder } from './payment-store.ts'

export type PaymentSums = { readonly paidFen: number; readonly refundedFen: number; readonly movements: number }
export type ComparedBill = {
  readonly date: string
  readonly lines: number
  readonly differences: number
  readonly comparedAtMs: number
}
export type OrderFilter = {
  readonly state?: OrderState | undefined
  readonly beforeMs?: number | undefined
  readonly limit: number
}
export type ListedOrder = StoredOrder & { readonly createdAtMs: number }

/** What the ledger entered since then. */
export async function sumMovements(database: Database, fromMs: number): Promise<PaymentSums> {
  const [row] = await database.read(
    `SELECT COUNT(*) AS movements,
            SUM(CASE WHEN fen > 0 THEN fen ELSE 0 END) AS paid_fen,
            SUM(CASE WHEN fen < 0 THEN -fen ELSE 0 END) AS refunded_fen
     FROM pay_entries WHERE at_ms >= ?`,
    [fromMs],
  )
  const number = (name: string) => Number(row?.[name] ?? 0)
  return { paidFen: number('paid_fen'), refundedFen: number('refunded_fen'), movements: number('movements') }
}

/** Newest first. */
export async function listOrders(database: Database, { state, beforeMs, limit }: OrderFilter): Promise<ListedOrder[]> {
  const conditions: [sql: string, value: SqlValue | undefined][] = [
    ['state = ?', state],
    ['created_at_ms < ?', beforeMs],
  ]
  const used = conditions.filter((condition): condition is [string, SqlValue] => condition[1] !== undefined)
  const where = used.length ? `WHERE ${used.map(([sql]) => sql).join(' AND ')}` : ''
  const rows = await database.read(
    `SELECT * FROM pay_orders ${where} ORDER BY created_at_ms DESC LIMIT ${Math.floor(limit)}`,
    used.map(([, value]) => value),
  )
  return rows.map((row) => ({ ...toOrder(row), createdAtMs: Number(row['created_at_ms']) }))
}

/** Latest day first. */
export async function listComparedBills(database: Database, limit: number): Promise<ComparedBill[]> {
  const rows = await database.read(`SELECT * FROM pay_bills ORDER BY bill_date DESC LIMIT ${Math.floor(limit)}`)
  return rows.map((row) => ({
    date: String(row['bill_date']),
    lines: Number(row['bill_lines']),
    differences: Number(row['differences']),
    comparedAtMs: Number(row['compared_at_ms']),
  }))
}

/** Results that functions have not taken: `waiting` is tried again, `given-up` is not. */
export async function countDeliveries(database: Database): Promise<{ waiting: number; givenUp: number }> {
  const rows = await database.read(
    "SELECT state, COUNT(*) AS results FROM pay_deliveries WHERE state <> 'done' GROUP BY state",
  )
  const count = (state: string) => Number(rows.find((row) => row['state'] === state)?.['results'] ?? 0)
  return { waiting: count('waiting'), givenUp: count('given-up') }
}
