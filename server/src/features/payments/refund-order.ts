/** Gives money back. An answer that was lost is asked for again with the same number, because a new one refunds twice. */
import { randomBytes } from 'node:crypto'
import { transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { PayRefund } from '../../wechat/pay/pay.ts'
import type { StoredOrder, StoredRefund } from './payment-store.ts'
import { findOrder, transactOnceMore } from './payment-store.ts'
import type { PaymentNeeds } from './payments-needs.ts'
import { releaseRefund, reserveRefund, type SettleOutcome, type SettleRefund, settleRefund } from './settle-refund.ts'

export type RefundRequest = {
  readonly outTradeNo: string
  readonly outRefundNo: string
  readonly refundFen: number
  /** The total of the order, as the caller knows it. */
  readonly totalFen: number
  readonly reason: string
  /** Told when the refund ends; '' for none. */
  readonly functionName: string
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** Refunds take seconds to a wallet and days to a bank account; after the last pause, that one again and again. */
// biome-ignore format: a table keeps its columns
const CHECK_PAUSES_MS: readonly number[] = [
  30 * SECOND_MS, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS,
]
const LONGEST_PAUSE_MS = 6 * HOUR_MS
const LEASE_MS = MINUTE_MS

/**
 * Accepted is not done: how it ends is told to the function later.
 *
 * @throws {AppError} `invalid_request`, `order_not_found`, `order_differs`, `refund_not_possible`, `wechat_refused`;
 * `wechat_unavailable` if it is not known whether WeChat Pay has it: it goes on by itself
 */
export async function refundOrder(request: RefundRequest, needs: PaymentNeeds): Promise<PayRefund> {
  checkRequest(request)
  const { database, now } = needs
  const { order, refund } = await transactOnceMore(database, reserveRefund, {
    ...request,
    notifyUrl: `${needs.publicUrl()}/v1/payments/refund-notify`,
    nextCheckAtMs: now() + pauseMs(0),
    nowMs: now(),
  })
  return await askForRefund(order, refund, needs)
}

/** Repeats the request, which WeChat Pay answers with the refund as it is now. */
async function askForRefund(order: StoredOrder, refund: StoredRefund, needs: PaymentNeeds): Promise<PayRefund> {
  const { outTradeNo, outRefundNo, refundFen, reason, notifyUrl } = refund
  const { totalFen } = order
  try {
    const told = await needs.pay.refund({ outTradeNo, outRefundNo, refundFen, totalFen, reason, notifyUrl })
    await enterRefund(told, 'query', needs)
    return told
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'wechat_refused') throw error
    // An earlier try whose answer was lost may have been accepted: only "no such refund" gives the claim back.
    const found = await needs.pay.findRefund(outRefundNo)
    if (!found) {
      await needs.database.transact(releaseRefund, refund)
      throw error
    }
    await enterRefund(found, 'query', needs)
    return found
  }
}

export async function enterRefund(
  told: PayRefund,
  source: SettleRefund['source'],
  { database, account, log, now }: PaymentNeeds,
  noticeId?: string,
): Promise<SettleOutcome> {
  const refund = await database.read('SELECT check_step FROM pay_refunds WHERE out_refund_no = ?', [told.outRefundNo], {
    cost: 'cheap',
  })
  const nextCheckAtMs = now() + pauseMs(Number(refund[0]?.['check_step'] ?? 0))
  const nonce = randomBytes(16).toString('hex')
  const args = {
    told,
    source,
    account,
    nonce,
    nowMs: now(),
    nextCheckAtMs,
    ...(noticeId !== undefined && { noticeId }),
  }
  const outcome = await transactOnceMore(database, settleRefund, args)
  const { outRefundNo, refundFen, status } = told
  if (outcome === 'settled') log.info({ outRefundNo, refundFen, status, source }, 'refund ended')
  if (outcome === 'refused') log.error({ outRefundNo, refundFen, status, source }, 'a refund is not what was asked for')
  return outcome
}

/** One check of a refund that is due. Failures are logged; the lease makes it due again. */
export async function checkRefund(refund: StoredRefund, needs: PaymentNeeds): Promise<void> {
  const { database, pay, log, now } = needs
  const { outRefundNo, outTradeNo, nextCheckAtMs = 0 } = refund
  if (!(await database.transact(claimRefund, { outRefundNo, nextCheckAtMs, untilMs: now() + LEASE_MS }))) return
  try {
    const order = await findOrder(database, outTradeNo)
    if (refund.state === 'asked' && order) await askForRefund(order, refund, needs)
    else {
      const told = await pay.findRefund(outRefundNo)
      if (told) await enterRefund(told, 'query', needs)
    }
  } catch (error) {
    const reason = error instanceof AppError ? error.code : 'internal'
    log.warn({ outRefundNo, reason, ...(reason === 'internal' && { err: error }) }, 'a refund could not be checked')
  }
}

function checkRequest({ outRefundNo, refundFen, totalFen, reason, functionName }: RefundRequest) {
  const refuse = (field: string, rule: string) => {
    throw new AppError('invalid_request', `${field} ${rule}.`, { details: { field } })
  }
  if (!/^[0-9A-Za-z_\-|*@]{1,64}$/.test(outRefundNo)) refuse('outRefundNo', 'must be 1 to 64 of 0-9 A-Z a-z _ - | * @')
  if (!Number.isSafeInteger(refundFen) || refundFen < 1)
    refuse('refundFee', `must be a whole number of fen, at least 1, and is ${refundFen}`)
  if (!Number.isSafeInteger(totalFen) || totalFen < 1)
    refuse('totalFee', `must be a whole number of fen, at least 1, and is ${totalFen}`)
  if (reason.length > 80) refuse('refundDesc', 'must have at most 80 characters')
  if (functionName.length > 128) refuse('functionName', 'must have at most 128 characters')
}

const pauseMs = (step: number) => CHECK_PAUSES_MS[step] ?? LONGEST_PAUSE_MS

export const claimRefund = transactionScript(
  import.meta.url,
  'claimRefund',
  function* ({ outRefundNo, nextCheckAtMs, untilMs }: { outRefundNo: string; nextCheckAtMs: number; untilMs: number }) {
    const { changes } = yield {
      sql: 'UPDATE pay_refunds SET next_check_at_ms = ? WHERE out_refund_no = ? AND next_check_at_ms = ?',
      params: [untilMs, outRefundNo, nextCheckAtMs],
    }
    return changes === 1
  },
)
