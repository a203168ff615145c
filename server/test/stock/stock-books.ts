/** What must be true of a sale's rows at any moment, whoever changes them. */
import assert from 'node:assert/strict'
import type { Database } from '../../src/database/database.ts'

type Books = { readonly held: number; readonly sold: number; readonly remaining: number; readonly total: number }

/** total = remaining + held + sold for each item; no user above the limit. Read in one statement each, so it may be asked at any time. */
export async function checkBooks(database: Database, saleId: string): Promise<Books> {
  const items = await database.read(
    `SELECT i.id, i.total, i.remaining,
            (SELECT COALESCE(SUM(r.quantity), 0) FROM stock_reservations r
             WHERE r.sale_id = i.sale_id AND r.item_id = i.id AND r.state = 'held') AS held,
            (SELECT COALESCE(SUM(r.quantity), 0) FROM stock_reservations r
             WHERE r.sale_id = i.sale_id AND r.item_id = i.id AND r.state = 'sold') AS sold
     FROM stock_items i WHERE i.sale_id = ?`,
    [saleId],
  )
  const sums = { held: 0, sold: 0, remaining: 0, total: 0 }
  for (const row of items) {
    const [total, remaining, held, sold] = ['total', 'remaining', 'held', 'sold'].map((name) => Number(row[name]))
    assert.equal(total, Number(remaining) + Number(held) + Number(sold), `${String(row['id'])}: units lost or made`)
    assert.ok(Number(remaining) >= 0, 'sold more than there is')
    sums.total += Number(total)
    sums.remaining += Number(remaining)
    sums.held += Number(held)
    sums.sold += Number(sold)
  }
  const greedy = await database.read(
    `SELECT r.open_id, SUM(r.quantity) AS units FROM stock_reservations r JOIN stock_sales s ON s.id = r.sale_id
     WHERE r.sale_id = ? AND r.state <> 'released' GROUP BY r.open_id, s.limit_per_user
     HAVING SUM(r.quantity) > s.limit_per_user`,
    [saleId],
  )
  assert.deepEqual(greedy, [], 'a user has more than one may')
  return sums
}
