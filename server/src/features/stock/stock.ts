/** Stock: sales of limited goods, and reservations that are never more than there is. */
import { createHash, randomBytes } from 'node:crypto'
import type { Reservation, SaleDefinition, SaleStatus } from '@sampan/protocol/stock'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { openClockGuard } from '../jobs/clock-guard.ts'
import { defineSale } from './define-sale.ts'
import { openReservationQueue, type ReservationQueue } from './reservation-queue.ts'
import { reserveBatch } from './reserve-batch.ts'
import { openSaleGate, type SaleGate, toStatus } from './sale-gate.ts'
import { cancelReservation, confirmReservation, expireReservations } from './settle-reservation.ts'
import { findReservation, listExpiredSales, listReservations, listSales, nextExpiryMs, toWire } from './stock-store.ts'

export type ReserveWish = {
  readonly sale: string
  readonly item: string
  readonly quantity: number
  readonly openId: string
  /** The same wish again with the same key has one effect. */
  readonly idempotencyKey: string | undefined
}

export interface Stock {
  /** At most a second old. @throws {AppError} `sale_not_found` */
  status(sale: string): Promise<SaleStatus>
  /** The latest hundred. */
  list(): Promise<SaleStatus[]>
  /** @throws {AppError} `invalid_request` */
  define(sale: string, definition: SaleDefinition): Promise<SaleStatus>
  /**
   * Resolves after the commit is durable.
   *
   * @throws {AppError} `sold_out`, `limit_reached`, `not_started`, `sale_ended`, `sale_not_found`, `item_not_found`,
   * `idempotency_mismatch`, `overloaded`; after any other failure it is not known whether it was made: ask again
   */
  reserve(wish: ReserveWish): Promise<Reservation>
  /** @param openId whose it must be; undefined: anybody's. @throws {AppError} `reservation_not_found`, `reservation_ended` */
  release(reservation: string, openId: string | undefined): Promise<Reservation>
  /** Paid by other means than WeChat Pay. @throws {AppError} `reservation_not_found`, `reservation_ended` */
  confirm(reservation: string): Promise<Reservation>
  reservationsOf(sale: string, openId: string): Promise<Reservation[]>
  /** Releases what has been held too long by now. */
  runDue(): Promise<void>
  stats(): StockStats
  /** Begins to release what is due, at its time. */
  start(): void
  close(): Promise<void>
}

/** Counters since the start. */
export type StockStats = {
  readonly reserved: number
  readonly refused: number
  readonly expired: number
  readonly waiting: number
}

export type StockNeeds = {
  readonly database: Database
  readonly log: Log
  readonly now: () => number
  /** For ages and sleeps: does not leap with the clock on the wall. Default: this process's own. */
  readonly monotonicMs?: () => number
}

const SALES_LISTED = 100
/** Expired reservations that are released at once. */
const EXPIRY_BATCH = 200
/** A hold that ends is noticed within this time, also when another process made it. */
const SLEEP_MS_MAX = 1_000
const SLEEP_MS_MIN = 50
const DECISIONS_MAX = 5
const ID_BYTES = 10

export const openStock = (needs: StockNeeds): Stock => new StockRoom(needs)

class StockRoom implements Stock {
  readonly #needs: StockNeeds
  readonly #isClockTrusted: () => boolean
  readonly #gate: SaleGate
  readonly #queue: ReservationQueue
  readonly #turns = new Map<string, Promise<void>>()
  #reserved = 0
  #refused = 0
  #expired = 0
  #sleeping: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #isStarted = false

  constructor(needs: StockNeeds) {
    this.#needs = needs
    const { monotonicMs = () => performance.now() } = needs
    this.#isClockTrusted = openClockGuard({ ...needs, monotonicMs })
    this.#gate = openSaleGate({ ...needs, monotonicMs })
    this.#queue = openReservationQueue({
      decide: (saleId, orders) => this.#decide(saleId, orders),
      afterSoldOut: async (saleId) => {
        const view = await this.#gate.refresh(saleId)
        return (wish) => view && this.#gate.refusal(view, wish)
      },
    })
  }

  async status(sale: string): Promise<SaleStatus> {
    return toStatus(await this.#gate.view(sale), this.#needs.now())
  }

  async list(): Promise<SaleStatus[]> {
    const sales = await listSales(this.#needs.database, SALES_LISTED)
    return Promise.all(sales.map(({ id }) => this.status(id)))
  }

  async define(sale: string, definition: SaleDefinition): Promise<SaleStatus> {
    await defineSale(this.#needs.database, sale, definition, this.#needs.now())
    await this.#gate.refresh(sale)
    return this.status(sale)
  }

  async reserve({ sale, item, quantity, openId, idempotencyKey }: ReserveWish): Promise<Reservation> {
    const view = await this.#gate.view(sale)
    const wish = { openId, itemId: item, quantity }
    const refusal = this.#gate.refusal(view, wish)
    if (refusal) {
      this.#refused += 1
      throw refusal
    }
    const id = newId(this.#needs.now())
    const requestKey = idempotencyKey === undefined ? id : hashOf(idempotencyKey)
    try {
      const { reservation, isNew } = await this.#queue.add(sale, { id, requestKey, ...wish })
      if (isNew) this.#reserved += 1
      return toWire(reservation)
    } catch (error) {
      if (error instanceof AppError) this.#refused += 1
      throw error
    }
  }

  async release(id: string, openId: string | undefined): Promise<Reservation> {
    const { database, now } = this.#needs
    const saleId = await this.#saleOf(id)
    const released = await this.#inTurn(saleId, () =>
      database.transact(cancelReservation, { id, openId, nowMs: now() }),
    )
    await this.#gate.refresh(saleId)
    return toWire(released)
  }

  async confirm(id: string): Promise<Reservation> {
    const { database, now } = this.#needs
    const saleId = await this.#saleOf(id)
    return toWire(await this.#inTurn(saleId, () => database.transact(confirmReservation, { id, nowMs: now() })))
  }

  async reservationsOf(sale: string, openId: string): Promise<Reservation[]> {
    return (await listReservations(this.#needs.database, sale, openId)).map(toWire)
  }

  async runDue(): Promise<void> {
    const nowMs = this.#needs.now()
    for (const saleId of await listExpiredSales(this.#needs.database, nowMs)) await this.#expire(saleId, nowMs)
  }

  async #expire(saleId: string, nowMs: number) {
    const { database, log } = this.#needs
    const args = { saleId, nowMs, limit: EXPIRY_BATCH }
    for (;;) {
      const count = await this.#inTurn(saleId, () => database.transact(expireReservations, args))
      this.#expired += count
      if (count > 0) log.info({ sale: saleId, count }, 'reservations expired')
      if (count < EXPIRY_BATCH) return
    }
  }

  stats(): StockStats {
    const [reserved, refused, expired] = [this.#reserved, this.#refused, this.#expired]
    return { reserved, refused, expired, waiting: this.#queue.waiting }
  }

  start(): void {
    this.#isStarted = true
    this.#wake()
  }

  async close(): Promise<void> {
    this.#isStarted = false
    clearTimeout(this.#sleeping)
    await this.#working
    await this.#queue.drain()
  }

  #decide(saleId: string, orders: Parameters<typeof reserveBatch.run>[0]['orders']) {
    const { database, now } = this.#needs
    return this.#inTurn(saleId, () => database.transact(reserveBatch, { saleId, orders, nowMs: now() }))
  }

  /** One transaction of this process at a time for each sale: more would only wait for its lock, each on a connection. */
  async #inTurn<Result>(saleId: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(saleId)
    const turn = (before ?? Promise.resolve()).then(() => repeated(work))
    const end = turn.then(
      () => {},
      () => {},
    )
    this.#turns.set(saleId, end)
    try {
      return await turn
    } finally {
      if (this.#turns.get(saleId) === end) this.#turns.delete(saleId)
    }
  }

  async #saleOf(reservation: string): Promise<string> {
    const found = await findReservation(this.#needs.database, reservation)
    if (found) return found.saleId
    throw new AppError('reservation_not_found', 'There is no such reservation.')
  }

  #wake() {
    if (!this.#isStarted) return
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  async #work() {
    let sleepMs = SLEEP_MS_MAX
    try {
      if (this.#isClockTrusted()) {
        await this.runDue()
        sleepMs = (await nextExpiryMs(this.#needs.database)) - this.#needs.now()
      }
    } catch (err) {
      this.#needs.log.error({ err }, 'expired reservations could not be released')
    }
    if (!this.#isStarted) return
    this.#sleeping = setTimeout(() => this.#wake(), Math.min(Math.max(sleepMs, SLEEP_MS_MIN), SLEEP_MS_MAX))
    this.#sleeping.unref()
  }
}

/** Another process may decide at the same moment: then nothing was written, and it is decided again. */
async function repeated<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work()
    } catch (error) {
      // `document_exists`: the same user's request reached both of them.
      const isRace = error instanceof AppError && ['transaction_conflict', 'document_exists'].includes(error.code)
      if (!isRace || tried >= DECISIONS_MAX) throw error
    }
  }
}

/** Also the number of its order at WeChat Pay: 6 to 32 letters and digits. */
const newId = (nowMs: number) => `r${nowMs.toString(36)}${randomBytes(ID_BYTES).toString('hex')}`

const hashOf = (key: string) => createHash('sha256').update(key).digest('base64url')
