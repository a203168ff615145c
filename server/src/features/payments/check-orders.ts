/**
 * Asks WeChat Pay about orders that are not paid as far as we know. Notifications may never come; the query is the
 * truth. At its end an order is closed and asked about once more, so that it cannot be paid behind our back.
 */
import { randomBytes } from 'node:crypto'
import { transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { PayOrder } from '../../wechat/pay/pay.ts'
import { releaseOrdered } from '../stock/settle-reservation.ts'
import { type CreditOutcome, credit, type Source } from './credit-order.ts'
import type { StoredOrder } from './payment-store.ts'
import type { PaymentNeeds } from './payments-needs.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS

/** After an order was asked for: WeChat Pay's advice, and the end of the two hours that its prepayId works. */
// biome-ignore format: a table keeps its columns
export const CHECK_PAUSES_MS: readonly number[] = [
  5 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS,
]
/** Whoever checks an order has it for this long; then it is due again, also after a crash. */
const LEASE_MS = MINUTE_MS

export type OrderFound = 'paid' | 'unpaid' | 'closed' | 'unknown'

/** What WeChat Pay says about an order; a payment is credited. @throws {AppError} what `WeChatPay.findOrder` throws */
export async function askAboutOrder(
  outTradeNo: string,
  needs: PaymentNeeds,
  source: Source = 'query',
): Promise<OrderFound> {
  const found = await needs.pay.findOrder(outTradeNo)
  if (!found) return 'unknown'
  if (isPaid(found)) {
    await creditFound(found, source, needs)
    return 'paid'
  }
  return found.state === 'CLOSED' || found.state === 'REVOKED' || found.state === 'PAYERROR' ? 'closed' : 'unpaid'
}

/** A refunded order was paid before. */
export const isPaid = ({ state }: PayOrder) => state === 'SUCCESS' || state === 'REFUND'

export async function creditFound(
  paid: PayOrder,
  source: Source,
  { database, account, log, now }: PaymentNeeds,
  noticeId?: string,
): Promise<CreditOutcome> {
  const nonce = randomBytes(16).toString('hex')
  const args = { paid, source, account, nonce, nowMs: now(), ...(noticeId !== undefined && { noticeId }) }
  const outcome = await credit(database, args)
  const { outTradeNo, totalFen } = paid
  if (outcome === 'credited') log.info({ outTradeNo, totalFen, source }, 'order paid')
  if (outcome === 'refused') log.error({ outTradeNo, totalFen, source }, 'a payment is not what was ordered')
  return outcome
}

/** Closes the order at WeChat Pay, then here. A payment that was faster is credited. */
export async function closeOrder(outTradeNo: string, needs: PaymentNeeds): Promise<'closed' | 'paid' | 'unpaid'> {
  await closeThere(outTradeNo, needs)
  const found = await askAboutOrder(outTradeNo, needs)
  if (found === 'paid') return 'paid'
  if (found === 'unpaid') return 'unpaid' // the answer to the closing was lost; the next check closes again
  await needs.database.transact(markClosed, { outTradeNo, nowMs: needs.now() })
  needs.log.info({ outTradeNo }, 'order closed')
  return 'closed'
}

async function closeThere(outTradeNo: string, { pay }: PaymentNeeds) {
  try {
    await pay.closeOrder(outTradeNo)
  } catch (error) {
    const isGone =
      error instanceof AppError && ['ORDER_NOT_EXIST', 'ORDER_CLOSED'].includes(String(error.details?.['payCode']))
    if (!isGone) throw error
  }
}

/** One check of an order that is due. Failures are logged; the lease makes it due again. */
export async function checkOrder(order: StoredOrder, needs: PaymentNeeds): Promise<void> {
  const { database, log, now } = needs
  const { outTradeNo, nextCheckAtMs = 0, expiresAtMs } = order
  if (!(await database.transact(claimCheck, { outTradeNo, nextCheckAtMs, untilMs: now() + LEASE_MS }))) return
  try {
    if (expiresAtMs <= now()) {
      await closeOrder(outTradeNo, needs)
      return
    }
    const found = await askAboutOrder(outTradeNo, needs)
    if (found === 'closed') await database.transact(markClosed, { outTradeNo, nowMs: now() })
    // Also when it is unknown: the answer to its creation may still be under way.
    if (found === 'unpaid' || found === 'unknown') await database.transact(planCheck, nextCheck(order, now()))
  } catch (error) {
    const reason = error instanceof AppError ? error.code : 'internal'
    log.warn({ outTradeNo, reason, ...(reason === 'internal' && { err: error }) }, 'an order could not be checked')
  }
}

/** The first planned moment that is not over yet; after a pause of ours, not all the missed ones. */
export function nextCheck({ outTradeNo, placedAtMs, expiresAtMs, checkStep }: StoredOrder, nowMs: number) {
  let step = checkStep + 1
  while (step < CHECK_PAUSES_MS.length && placedAtMs + (CHECK_PAUSES_MS[step] ?? 0) <= nowMs) step += 1
  const pauseMs = CHECK_PAUSES_MS[step]
  const atMs = pauseMs === undefined ? expiresAtMs : Math.min(placedAtMs + pauseMs, expiresAtMs)
  return { outTradeNo, step, atMs, placedAtMs }
}

export const claimCheck = transactionScript(
  import.meta.url,
  'claimCheck',
  function* ({ outTradeNo, nextCheckAtMs, untilMs }: { outTradeNo: string; nextCheckAtMs: number; untilMs: number }) {
    const { changes } = yield {
      sql: `UPDATE pay_orders SET next_check_at_ms = ? WHERE out_trade_no = ? AND state = 'unpaid' AND next_check_at_ms = ?`,
      params: [untilMs, outTradeNo, nextCheckAtMs],
    }
    return changes === 1
  },
)

/** Unless the order was asked for again meanwhile, which plans its checks anew. */
export const planCheck = transactionScript(
  import.meta.url,
  'planCheck',
  function* ({ outTradeNo, step, atMs, placedAtMs }: ReturnType<typeof nextCheck>) {
    yield {
      sql: `UPDATE pay_orders SET check_step = ?, next_check_at_ms = ?
            WHERE out_trade_no = ? AND state = 'unpaid' AND placed_at_ms = ?`,
      params: [step, atMs, outTradeNo, placedAtMs],
    }
  },
)

export const markClosed = transactionScript(
  import.meta.url,
  'markClosed',
  function* ({ outTradeNo, nowMs }: { outTradeNo: string; nowMs: number }) {
    const { changes } = yield {
      sql: `UPDATE pay_orders SET state = 'closed', next_check_at_ms = NULL WHERE out_trade_no = ? AND state = 'unpaid'`,
      params: [outTradeNo],
    }
    if (changes === 1) yield* releaseOrdered(outTradeNo, nowMs)
  },
)
