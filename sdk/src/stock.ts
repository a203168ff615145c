/**
 * Sales of limited goods: `const stock = openStock(cloud)`.
 *
 * A file of its own, so that programs that sell nothing do not carry it. `reserve` may be called again and again with one
 * key: it makes one reservation, also when the answer to the first call was lost.
 */
import type { Reservation, ReservationList, SaleStatus } from '@sampan/protocol/stock'

/** What this needs of the client. */
type Caller = {
  callContainer(options: {
    path: string
    method?: string
    header?: Record<string, string>
    data?: unknown
  }): Promise<{ statusCode: number; data: unknown }>
}

export type ReserveOptions = {
  quantity?: number
  /** Names this wish. Keep it while the buyer stays on the page. Default: a new one for each call. */
  key?: string
}

/** A refusal: `code` such as `sold_out`, `limit_reached`, `not_started`; `details` as docs/stock.md lists them. */
export type StockError = Error & { code: string; hint: string; details?: Record<string, unknown> }

export type Stock = {
  status(sale: string): Promise<SaleStatus>
  /** @throws {StockError} */
  reserve(sale: string, item: string, options?: ReserveOptions): Promise<Reservation>
  /** Gives it back. @throws {StockError} */
  release(sale: string, reservation: string): Promise<Reservation>
  /** The user's own, the latest first. */
  reservations(sale: string): Promise<Reservation[]>
  /** Milliseconds until the sale begins, by the server's clock; 0 or less: it has begun. */
  msUntilStart(status: SaleStatus): number
}

const ATTEMPTS = 5
const FIRST_WAIT_MS = 300

export function openStock(
  cloud: Caller,
  wait: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): Stock {
  /** How far the phone's clock is behind the server's. */
  let behindMs = 0

  async function ask(path: string, data?: object): Promise<unknown> {
    const post = data && { method: 'POST', header: { 'content-type': 'application/json' }, data }
    const { statusCode, data: body } = await cloud.callContainer({ path: `/v1/stock/${path}`, ...post })
    if (statusCode < 300) return body
    const { error } = body as { error?: StockError } // safe: every refusal of the server has this form; a gateway's has none
    const { message = `The server answered ${statusCode}.`, ...facts } = error || { code: 'unavailable' }
    throw Object.assign(new Error(message), facts, { statusCode })
  }

  return {
    async status(sale) {
      const status = (await ask(encodeURIComponent(sale))) as SaleStatus // safe: of the protocol
      behindMs = status.serverTimeMs - Date.now()
      return status
    },
    async reserve(sale, item, { quantity, key = newKey() } = {}) {
      for (let made = 1; ; made++) {
        try {
          return (await ask(`${encodeURIComponent(sale)}/reserve`, { item, quantity, key })) as Reservation // safe: as above
        } catch (error) {
          const { statusCode = 500 } = error as { statusCode?: number } // safe: none: the network failed
          // Nobody knows whether it was made: the same key asks again without making another one.
          if (statusCode < 500 || made >= ATTEMPTS) throw error
          await wait(FIRST_WAIT_MS * 2 ** made * Math.random())
        }
      }
    },
    async release(sale, reservation) {
      return (await ask(`${encodeURIComponent(sale)}/release`, { reservation })) as Reservation // safe: as above
    },
    async reservations(sale) {
      return ((await ask(`${encodeURIComponent(sale)}/reservations`)) as ReservationList).reservations // safe: as above
    },
    msUntilStart: ({ startsAtMs }) => startsAtMs - (Date.now() + behindMs),
  }
}

const newKey = () => [Date.now(), Math.random(), Math.random()].map((n) => n.toString(36).replace('0.', '')).join('')
