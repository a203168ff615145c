/** Writes a sale down as its owner wants it. What is held or sold stays so: a smaller total only takes what is left. */
import { createHash } from 'node:crypto'
import type { SaleDefinition } from '@sampan/protocol/stock'
import { type Database, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { type Steps, type StoredItem, type StoredSale, toItem, toSale } from './stock-store.ts'

export type SaleName = { readonly id: string }
/** A sale as sampan.config.ts declares it. */
export type DeclaredSale = SaleDefinition & SaleName

const NAME = /^[\w-]{1,64}$/
const ITEMS_MAX = 1_000
const TITLE_CHARACTERS_MAX = 200
const UNITS_MAX = 1_000_000_000
const LIMIT_PER_USER_MAX = 1_000
const HOLD_SECONDS_MAX = 7 * 24 * 3600
const HOLD_SECONDS_DEFAULT = 15 * 60

/** @throws {AppError} `invalid_request` that names the field */
export async function defineSale(
  database: Database,
  saleId: string,
  definition: SaleDefinition,
  nowMs: number,
): Promise<void> {
  checkDefinition(saleId, definition)
  await database.transact(writeSale, { ...argsOf(saleId, definition), configHash: undefined, nowMs })
}

/**
 * Takes over what the project declares, once: afterwards what was changed at the console stays, until the declaration
 * itself changes.
 */
export async function declareSales(
  database: Database,
  sales: readonly DeclaredSale[],
  { log, now }: { readonly log: Log; readonly now: () => number },
): Promise<void> {
  for (const { id, ...definition } of sales) {
    checkDefinition(id, definition)
    const configHash = createHash('sha256').update(JSON.stringify(definition)).digest('hex')
    const args = { ...argsOf(id, definition), configHash, nowMs: now() }
    // Of two processes that start together, one creates it, and the other finds it on the second try.
    const isNew = await database.transact(writeSale, args).catch(() => database.transact(writeSale, args))
    if (isNew) log.info({ sale: id }, 'sale taken over from the project')
  }
}

function argsOf(id: string, definition: SaleDefinition) {
  const { title = id, items, startsAtMs, endsAtMs, limitPerUser = 1 } = definition
  const holdMs = (definition.holdSeconds ?? HOLD_SECONDS_DEFAULT) * 1000
  const isRefundRestocked = definition.isRefundRestocked ?? true
  return {
    sale: { id, title, startsAtMs, endsAtMs, limitPerUser, holdMs, isRefundRestocked },
    items: items.map((item) => ({ id: item.id, title: item.title ?? item.id, total: item.total })),
  }
}

function checkDefinition(id: string, definition: SaleDefinition) {
  const refuse = (field: string, rule: string) => {
    throw new AppError('invalid_request', `${field} ${rule}.`, { details: { field } })
  }
  const isWhole = (value: number, min: number, max: number) =>
    Number.isSafeInteger(value) && value >= min && value <= max
  const { title = '', items, startsAtMs, endsAtMs, limitPerUser = 1, holdSeconds = 0 } = definition
  if (!NAME.test(id)) refuse('sale', 'must be 1 to 64 of A-Z a-z 0-9 _ -')
  if (title.length > TITLE_CHARACTERS_MAX) refuse('title', `must have at most ${TITLE_CHARACTERS_MAX} characters`)
  if (!isWhole(startsAtMs, 0, Number.MAX_SAFE_INTEGER)) refuse('startsAtMs', 'must be a time in ms')
  if (!isWhole(endsAtMs, startsAtMs + 1, Number.MAX_SAFE_INTEGER)) refuse('endsAtMs', 'must be a time after startsAtMs')
  if (!isWhole(limitPerUser, 1, LIMIT_PER_USER_MAX)) refuse('limitPerUser', `must be 1 to ${LIMIT_PER_USER_MAX}`)
  if (!isWhole(holdSeconds, 0, HOLD_SECONDS_MAX)) refuse('holdSeconds', `must be 0 to ${HOLD_SECONDS_MAX}`)
  if (items.length < 1 || items.length > ITEMS_MAX) refuse('items', `must be 1 to ${ITEMS_MAX}`)
  if (new Set(items.map((item) => item.id)).size < items.length) refuse('items', 'must have different ids')
  for (const [at, item] of items.entries()) {
    if (!NAME.test(item.id)) refuse(`items.${at}.id`, 'must be 1 to 64 of A-Z a-z 0-9 _ -')
    if ((item.title ?? '').length > TITLE_CHARACTERS_MAX) refuse(`items.${at}.title`, 'is too long')
    if (!isWhole(item.total, 0, UNITS_MAX)) refuse(`items.${at}.total`, `must be 0 to ${UNITS_MAX}`)
  }
}

type WriteSale = {
  readonly sale: Omit<StoredSale, 'configHash'>
  readonly items: readonly Pick<StoredItem, 'id' | 'title' | 'total'>[]
  /** Undefined: not from the configuration, so it is written in any case. */
  readonly configHash: string | undefined
  readonly nowMs: number
}

/** False if this declaration was taken over before. @throws {AppError} `invalid_request` */
export const writeSale = transactionScript(
  import.meta.url,
  'writeSale',
  function* ({ sale, items, configHash, nowMs }: WriteSale): Steps<boolean> {
    const sql = 'SELECT * FROM stock_sales WHERE id = ?'
    const [row] = (yield { sql, params: [sale.id], want: 'rows', locksRows: true }).rows
    const known = row && toSale(row)
    if (configHash !== undefined && known?.configHash === configHash) return false
    const values = [sale.title, sale.startsAtMs, sale.endsAtMs, sale.limitPerUser, sale.holdMs]
    const params = [...values, Number(sale.isRefundRestocked), configHash ?? known?.configHash ?? '', nowMs, sale.id]
    yield known
      ? {
          sql: `UPDATE stock_sales SET title = ?, starts_at_ms = ?, ends_at_ms = ?, limit_per_user = ?, hold_ms = ?,
                  is_refund_restocked = ?, config_hash = ?, updated_at_ms = ? WHERE id = ?`,
          params,
        }
      : {
          sql: `INSERT INTO stock_sales (title, starts_at_ms, ends_at_ms, limit_per_user, hold_ms, is_refund_restocked,
                  config_hash, updated_at_ms, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          params,
        }
    yield* writeItems(sale.id, items)
    return true
  },
)

function* writeItems(saleId: string, items: WriteSale['items']): Steps<void> {
  const { rows } = yield {
    sql: 'SELECT * FROM stock_items WHERE sale_id = ?',
    params: [saleId],
    want: 'rows',
    locksRows: true,
  }
  const known = new Map(rows.map(toItem).map((item) => [item.id, item]))
  for (const [position, item] of items.entries()) {
    const before = known.get(item.id)
    known.delete(item.id)
    if (before) yield* changeItem(saleId, before, item, position)
    else
      yield {
        sql: 'INSERT INTO stock_items (sale_id, id, position, title, total, remaining) VALUES (?, ?, ?, ?, ?, ?)',
        params: [saleId, item.id, position, item.title, item.total, item.total],
      }
  }
  for (const gone of known.values()) yield* removeItem(saleId, gone)
}

function* changeItem(
  saleId: string,
  before: StoredItem,
  { id, title, total }: WriteSale['items'][number],
  position: number,
): Steps<void> {
  const taken = before.total - before.remaining
  if (total < taken) refuseTaken(id, taken)
  yield {
    sql: 'UPDATE stock_items SET title = ?, position = ?, total = ?, remaining = ? WHERE sale_id = ? AND id = ?',
    params: [title, position, total, total - taken, saleId, id],
  }
}

function* removeItem(saleId: string, { id, total, remaining }: StoredItem): Steps<void> {
  if (total > remaining) refuseTaken(id, total - remaining)
  yield { sql: 'DELETE FROM stock_items WHERE sale_id = ? AND id = ?', params: [saleId, id] }
}

function refuseTaken(item: string, taken: number): never {
  throw new AppError('invalid_request', `${taken} of "${item}" are held or sold: its total cannot be less.`, {
    details: { field: 'items', item, taken },
  })
}
