/** What the kill tests write: an order and its lines, which belong together. In a module that the writer thread imports. */
import { createHash } from 'node:crypto'
import { type Database, type Row, transactionScript } from '../../src/database/database.ts'

const LINES_PER_ORDER = 3
const PAGE_ROWS = 1_000
/** Longer than a page of the database file now and then. */
const TEXT_BYTES_MAX = 6_000

export const ORDER_TABLES = [
  'CREATE TABLE orders (id VARCHAR(64) NOT NULL PRIMARY KEY, text TEXT NOT NULL)',
  'CREATE TABLE order_lines (order_id VARCHAR(64) NOT NULL, line BIGINT NOT NULL, PRIMARY KEY (order_id, line))',
]

export const placeOrder = transactionScript(import.meta.url, 'placeOrder', function* (id: string) {
  yield { sql: 'INSERT INTO orders (id, text) VALUES (?, ?)', params: [id, textOf(id)] }
  for (let line = 0; line < LINES_PER_ORDER; line += 1)
    yield { sql: 'INSERT INTO order_lines (order_id, line) VALUES (?, ?)', params: [id, line] }
})

/** Acknowledged orders that are missing, and orders of which only a part is there. */
export async function findDamage(database: Database, acknowledged: ReadonlySet<string>) {
  const orphans = await database.read(
    'SELECT DISTINCT order_id FROM order_lines WHERE order_id NOT IN (SELECT id FROM orders)',
  )
  const isWhole = (id: string, text: unknown, lineCount: unknown) =>
    text === textOf(id) && Number(lineCount) === LINES_PER_ORDER
  const whole = new Set<string>()
  const torn = orphans.map((row) => String(row['order_id']))
  for await (const row of listOrders(database)) {
    const id = String(row['id'])
    if (isWhole(id, row['text'], row['line_count'])) whole.add(id)
    else torn.push(id)
  }
  const lost = [...acknowledged].filter((id) => !whole.has(id))
  return { lost, torn, stored: whole.size }
}

/** In pages: all texts together may not fit into one answer. */
async function* listOrders(database: Database): AsyncGenerator<Row> {
  let after = ''
  for (;;) {
    const rows = await database.read(
      `SELECT o.id AS id, o.text AS text, (SELECT COUNT(*) FROM order_lines l WHERE l.order_id = o.id) AS line_count
       FROM orders o WHERE o.id > ? ORDER BY o.id LIMIT ${PAGE_ROWS}`,
      [after],
    )
    yield* rows
    const last = rows.at(-1)
    if (!last) return
    after = String(last['id'])
  }
}

/** A text that the id determines, so that a changed byte is noticed. */
function textOf(id: string): string {
  const hash = createHash('sha256').update(id).digest()
  return hash.toString('hex').repeat(1 + (hash.readUInt16BE(0) % Math.floor(TEXT_BYTES_MAX / 64)))
}
