/**
 * What this process knows of a sale, read from the database at most every half second however many ask. Who comes too
 * early, too late, or for something that is sold out is answered from here and never reaches the database.
 *
 * The gate may err in one direction only: let somebody through whom the database then refuses. So it does not speak for
 * those who have reserved something before, because what they ask may be the repetition of a request whose answer was lost.
 */
import type { ErrorCode } from '@sampan/protocol/errors'
import type { SaleStatus } from '@sampan/protocol/stock'
import { LRUCache } from 'lru-cache'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { soldOutMessage, startFacts } from './reserve-batch.ts'
import { findSale, listBuyersSince, listItems, type StoredItem, type StoredSale } from './stock-store.ts'

export type SaleView = {
  readonly sale: StoredSale
  readonly items: readonly StoredItem[]
  readonly byId: ReadonlyMap<string, StoredItem>
  readonly asOfMs: number
}

export interface SaleGate {
  /** At most a second old. @throws {AppError} `sale_not_found` */
  view(saleId: string): Promise<SaleView>
  /** Reads again what another request of this process has just changed. */
  refresh(saleId: string): Promise<SaleView | undefined>
  /** Why this cannot be had now, as far as is known; undefined: ask the database. */
  refusal(view: SaleView, wish: Wish): AppError | undefined
}

export type Wish = { readonly openId: string; readonly itemId: string; readonly quantity: number }

/** After this a request starts a reading that it does not wait for; after twice this it waits. */
const FRESH_MS = 500
/** Sales remembered, and names that are none: whoever guesses names costs one reading each. */
const SALES_MAX = 1_000
/** Beyond this many buyers of one sale the gate no longer speaks for anybody. About 100 bytes each. */
const BUYERS_MAX = 200_000
/** Processes' clocks and commits may differ by this much. */
const OVERLAP_MS = 10_000

type Known = {
  view: SaleView | undefined
  readAtMs: number
  reading: Promise<SaleView | undefined> | undefined
  readonly buyers: Set<string>
  buyersUntilMs: number
}

type Needs = {
  readonly database: Database
  readonly now: () => number
  /** For ages: does not leap with the clock on the wall. */
  readonly monotonicMs: () => number
}

export function openSaleGate({ database, now, monotonicMs }: Needs): SaleGate {
  const sales = new LRUCache<string, Known>({ max: SALES_MAX })

  const knownOf = (saleId: string): Known => {
    let known = sales.get(saleId)
    if (!known) {
      known = {
        view: undefined,
        readAtMs: Number.NEGATIVE_INFINITY,
        reading: undefined,
        buyers: new Set(),
        buyersUntilMs: 0,
      }
      sales.set(saleId, known)
    }
    return known
  }

  const read = async (saleId: string, known: Known) => {
    const readAtMs = monotonicMs()
    const asOfMs = now()
    const sale = await findSale(database, saleId)
    const items = sale ? await listItems(database, saleId) : []
    // After the items: whoever took the last unit is among the buyers by now.
    if (items.some(({ remaining }) => remaining === 0)) await readBuyers(saleId, known)
    known.view = sale && { sale, items, byId: new Map(items.map((item) => [item.id, item])), asOfMs }
    known.readAtMs = readAtMs
    return known.view
  }

  const readBuyers = async (saleId: string, known: Known) => {
    const sinceMs = known.buyersUntilMs - OVERLAP_MS
    known.buyersUntilMs = now()
    const openIds = await listBuyersSince(database, saleId, sinceMs, BUYERS_MAX)
    for (const openId of openIds) known.buyers.add(openId)
  }

  const refresh = (saleId: string) => {
    const known = knownOf(saleId)
    known.reading ??= read(saleId, known).finally(() => {
      known.reading = undefined
    })
    return known.reading
  }

  return {
    async view(saleId) {
      const known = knownOf(saleId)
      const ageMs = monotonicMs() - known.readAtMs
      if (ageMs > 2 * FRESH_MS) await refresh(saleId)
      else if (ageMs > FRESH_MS) refresh(saleId).catch(() => {}) // who comes later waits for it, and sees why it failed
      if (known.view) return known.view
      throw new AppError('sale_not_found', `There is no sale "${saleId}".`)
    },
    async refresh(saleId) {
      // A reading that began before the change may not have seen it.
      await knownOf(saleId).reading?.catch(() => {})
      return refresh(saleId)
    },
    refusal({ sale, byId }, { openId, itemId, quantity }) {
      const nowMs = now()
      const { buyers } = knownOf(sale.id)
      const refuse = (code: ErrorCode, message: string, details: Record<string, unknown> = {}) =>
        new AppError(code, message, { details })
      const item = byId.get(itemId)
      if (!item) return refuse('item_not_found', `The sale has no item "${itemId}".`)
      if (quantity > sale.limitPerUser)
        return refuse('limit_reached', `One user may have ${sale.limitPerUser}.`, { limitPerUser: sale.limitPerUser })
      if (nowMs < sale.startsAtMs) return refuse('not_started', 'The sale has not begun.', startFacts(sale, nowMs))
      if (buyers.size >= BUYERS_MAX) return undefined
      // Buyers are only known where something is sold out.
      if (item.remaining === 0 && !buyers.has(openId)) return refuse('sold_out', soldOutMessage(0), { remaining: 0 })
      return undefined
    },
  }
}

export function toStatus({ sale, items, asOfMs }: SaleView, nowMs: number): SaleStatus {
  const { id, title, startsAtMs, endsAtMs, limitPerUser, holdMs, isRefundRestocked } = sale
  return {
    ...{ id, title, startsAtMs, endsAtMs, limitPerUser, isRefundRestocked },
    state: nowMs < startsAtMs ? 'upcoming' : nowMs < endsAtMs ? 'open' : 'ended',
    holdSeconds: holdMs / 1000,
    items: items.map(({ id: item, title: name, total, remaining }) => ({ id: item, title: name, total, remaining })),
    serverTimeMs: nowMs,
    asOfMs,
  }
}
