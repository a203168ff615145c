/**
 * Who came first is decided first: one queue for each sale, one batch of it in the database at a time. When a batch took
 * the last unit, those behind it hear so from memory.
 */
import { AppError } from '../../errors.ts'
import type { BatchResult, ReserveOrder, ReserveOutcome } from './reserve-batch.ts'
import type { Wish } from './sale-gate.ts'
import type { StoredReservation } from './stock-store.ts'

export interface ReservationQueue {
  /** @throws {AppError} why it cannot be had; `overloaded` when too many wait; what the database throws */
  add(
    saleId: string,
    order: ReserveOrder,
  ): Promise<{ readonly reservation: StoredReservation; readonly isNew: boolean }>
  readonly waiting: number
  /** Resolves when all that wait are answered. */
  drain(): Promise<void>
}

export type QueueNeeds = {
  /** Decides in one transaction. */
  readonly decide: (saleId: string, orders: readonly ReserveOrder[]) => Promise<BatchResult>
  /** After a batch that left nothing of some item: who of those that wait can be refused at once. */
  readonly afterSoldOut: (saleId: string) => Promise<(wish: Wish) => AppError | undefined>
}

/** Larger batches would only let their first wait longer. */
const BATCH_MAX = 256
/** At a batch's few milliseconds, the last of them is answered well before a phone gives up. */
const WAITING_MAX = 20_000
const RETRY = { details: { retryAfterSeconds: 1 } }

type Waiting = ReserveOrder & {
  readonly promise: Promise<Settled>
  readonly resolve: (settled: Settled) => void
  readonly reject: (error: unknown) => void
}
type Settled = { readonly reservation: StoredReservation; readonly isNew: boolean }
type Lane = { readonly waiting: Map<string, Waiting>; working: Promise<void> | undefined }

export function openReservationQueue({ decide, afterSoldOut }: QueueNeeds): ReservationQueue {
  const lanes = new Map<string, Lane>()
  let waitingCount = 0

  const work = async (saleId: string, { waiting }: Lane) => {
    // All that arrive in this turn of the event loop share a batch.
    await new Promise(setImmediate)
    while (waiting.size > 0) {
      const batch = [...waiting.values()].slice(0, BATCH_MAX)
      const isSoldOut = await decideBatch(saleId, batch)
      forget(waiting, batch)
      // If this fails, they are decided by the database like all others.
      if (isSoldOut) await refuseTheRest(saleId, waiting).catch(() => {})
    }
    lanes.delete(saleId)
  }

  /** Answers the batch; tells whether some item is sold out. */
  const decideBatch = async (saleId: string, batch: readonly Waiting[]): Promise<boolean> => {
    try {
      const { outcomes, soldOut } = await decide(saleId, batch.map(toOrder))
      for (const [at, order] of batch.entries()) settle(order, outcomes[at])
      return soldOut.length > 0
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return false
    }
  }

  const refuseTheRest = async (saleId: string, waiting: Map<string, Waiting>) => {
    const refusal = await afterSoldOut(saleId)
    const refused = [...waiting.values()].flatMap((order) => {
      const error = refusal(order)
      return error ? [{ order, error }] : []
    })
    for (const { order, error } of refused) order.reject(error)
    forget(
      waiting,
      refused.map(({ order }) => order),
    )
  }

  const forget = (waiting: Map<string, Waiting>, orders: readonly Waiting[]) => {
    for (const { openId } of orders) waiting.delete(openId)
    waitingCount -= orders.length
  }

  return {
    async add(saleId, order) {
      const lane: Lane = lanes.get(saleId) ?? { waiting: new Map(), working: undefined }
      lanes.set(saleId, lane)
      const same = lane.waiting.get(order.openId)
      if (same && isSameOrder(same, order)) return same.promise
      // One place in the queue for each user, however many programs they run.
      if (same) throw new AppError('rate_limited', 'Another reservation of this user is being decided.', RETRY)
      if (waitingCount >= WAITING_MAX) throw new AppError('overloaded', 'Too many reservations are waiting.', RETRY)
      const { promise, resolve, reject } = Promise.withResolvers<Settled>()
      lane.waiting.set(order.openId, { ...order, promise, resolve, reject })
      waitingCount += 1
      lane.working ??= work(saleId, lane)
      return promise
    },
    get waiting() {
      return waitingCount
    },
    async drain() {
      await Promise.all([...lanes.values()].map(({ working }) => working))
    },
  }
}

/** Without what cannot cross to the database's thread. */
const toOrder = ({ id, openId, itemId, quantity, requestKey }: Waiting): ReserveOrder => ({
  ...{ id, openId, itemId, quantity, requestKey },
})

const isSameOrder = (a: ReserveOrder, b: ReserveOrder) =>
  a.requestKey === b.requestKey && a.itemId === b.itemId && a.quantity === b.quantity

function settle({ resolve, reject }: Waiting, outcome: ReserveOutcome | undefined) {
  if (!outcome) return reject(new AppError('internal', 'A reservation was not decided.'))
  if ('refused' in outcome) reject(new AppError(outcome.refused, outcome.message, { details: outcome.details }))
  else resolve(outcome)
}
