/** What no statement of ours does, and no database may allow. */
import { transactionScript } from '../../src/database/database.ts'

export const reserveTooMany = transactionScript(import.meta.url, 'reserveTooMany', function* (saleId: string) {
  yield { sql: 'UPDATE stock_items SET remaining = remaining - 2 WHERE sale_id = ?', params: [saleId] }
})

/** Two live reservations of one user in the same place. */
export const reserveTwice = transactionScript(import.meta.url, 'reserveTwice', function* (saleId: string) {
  for (const id of ['rwrong1', 'rwrong2']) {
    yield {
      sql: `INSERT INTO stock_reservations (id, sale_id, item_id, open_id, quantity, state, slot, request_key, created_at_ms)
            VALUES (?, ?, 'unit', 'u', 1, 'sold', 0, ?, 1)`,
      params: [id, saleId, id],
    }
  }
})
