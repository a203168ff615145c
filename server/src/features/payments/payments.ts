/** Payments: orders, refunds, and everything that makes sure that none gets lost. */

import { transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { PayRefund } from '../../wechat/pay/pay.ts'
import { askAboutOrder, checkOrder, closeOrder, creditFound } from './check-orders.ts'
import { deliver, listDueDeliveries } from './deliver-results.ts'
import type { Account } from './payment-events.ts'
import {
  type Finding,
  findOrder,
  findOrderByTransaction,
  findRefund,
  findRefundById,
  listDueOrders,
  listDueRefunds,
  listFindings,
  listRefundsOf,
  nextDueAtMs,
  type StoredOrder,
  type StoredRefund,
} from './payment-store.ts'
import type { PaymentNeeds } from './payments-needs.ts'
import { type OrderRequest, type PlacedOrder, placeOrder } from './place-order.ts'
import { type BillReport, listDaysToCompare, reconcileBill } from './reconcile-bill.ts'
import { checkRefund, enterRefund, type RefundRequest, refundOrder } from './refund-order.ts'

export interface Payments {
  readonly account: Account
  /** @throws as `placeOrder` */
  place(request: OrderRequest): Promise<PlacedOrder>
  /** Our order, after asking WeChat Pay if it is not paid as far as we know. @throws {AppError} `order_not_found` */
  query(key: OrderKey): Promise<StoredOrder>
  /** @throws {AppError} `order_not_found`, `order_paid` */
  closeOrder(outTradeNo: string): Promise<void>
  /** @throws as `refundOrder` */
  refund(request: Omit<RefundRequest, 'outTradeNo'> & OrderKey): Promise<{ order: StoredOrder; refund: PayRefund }>
  /** Refunds of an order, or the one with this number, after asking about those under way. @throws {AppError} `refund_not_found` */
  queryRefunds(key: OrderKey & RefundKey): Promise<{ order: StoredOrder; refunds: StoredRefund[] }>
  /** @throws {AppError} `signature_invalid`, `payment_mismatch` */
  takeNotification(headers: Readonly<Record<string, unknown>>, body: Buffer): Promise<void>
  /** Everything that is due by now: checks, results to tell, bills. Resolves when it is done. */
  runDue(): Promise<void>
  /** Undefined while the bill is not ready. */
  reconcile(date: string): Promise<BillReport | undefined>
  /** Differences, the latest first. */
  findings(): Promise<Finding[]>
  /** Notifications that were refused since the start, by reason. */
  refusals(): Readonly<Record<string, number>>
  /** Begins to do what is due, at its time. */
  start(): void
  close(): Promise<void>
}

export type OrderKey = { readonly outTradeNo?: string; readonly transactionId?: string }
export type RefundKey = { readonly outRefundNo?: string; readonly refundId?: string }

/** Due things of one kind that are taken at once. */
const BATCH = 100
/** Of them, how many at the same time: calls of WeChat Pay and of functions. */
const PARALLEL = 8
/** Clocks jump and laptops sleep, so nobody sleeps longer than this before looking at the clock again. */
const SLEEP_MS_MAX = 30_000
/** After a failure of the database, for instance. */
const SLEEP_MS_MIN = 200
const BILL_PAUSE_MS = 30 * 60_000
/** WeChat Pay repeats a notification for a day. */
const NOTICES_KEPT_MS = 30 * 86_400_000

export const openPayments = (needs: PaymentNeeds): Payments => new PaymentBooks(needs)

class PaymentBooks implements Payments {
  readonly #needs: PaymentNeeds
  readonly #refusals: Record<string, number> = {}
  #sleeping: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined
  #isStarted = false
  #isWanted = false
  #billsAtMs = 0

  constructor(needs: PaymentNeeds) {
    this.#needs = needs
  }

  get account(): Account {
    return this.#needs.account
  }

  async place(request: OrderRequest): Promise<PlacedOrder> {
    const placed = await placeOrder(request, this.#needs)
    this.#wake()
    return placed
  }

  async query(key: OrderKey): Promise<StoredOrder> {
    const order = await this.#find(key)
    if (order.state !== 'unpaid') return order
    const found = await askAboutOrder(order.outTradeNo, this.#needs)
    if (found !== 'paid') return found === 'closed' ? { ...order, state: 'closed' } : order
    this.#wake()
    return await this.#find(key)
  }

  async closeOrder(outTradeNo: string): Promise<void> {
    const { state } = await this.#find({ outTradeNo })
    const end = state === 'unpaid' ? await closeOrder(outTradeNo, this.#needs) : state
    this.#wake()
    if (end === 'closed') return
    if (end === 'unpaid') throw new AppError('wechat_unavailable', 'WeChat Pay did not close the order.')
    throw new AppError('order_paid', `The order ${outTradeNo} is paid.`)
  }

  async refund(request: Omit<RefundRequest, 'outTradeNo'> & OrderKey) {
    const { outTradeNo } = await this.#find(request)
    // The refund of a payment that we have not heard of yet.
    await this.query({ outTradeNo })
    const refund = await refundOrder({ ...request, outTradeNo }, this.#needs)
    this.#wake()
    return { order: await this.#find({ outTradeNo }), refund }
  }

  async queryRefunds({ outRefundNo, refundId, ...key }: OrderKey & RefundKey) {
    const { database } = this.#needs
    const one = outRefundNo
      ? await findRefund(database, outRefundNo)
      : refundId
        ? await findRefundById(database, refundId)
        : undefined
    if (!one && (outRefundNo || refundId)) throw new AppError('refund_not_found', 'There is no such refund.')
    const order = await this.#find(one ? { outTradeNo: one.outTradeNo } : key)
    const before = one ? [one] : await listRefundsOf(database, order.outTradeNo)
    for (const { outRefundNo: number, state } of before) {
      if (state === 'success' || state === 'closed' || state === 'refused') continue
      const told = await this.#needs.pay.findRefund(number)
      if (told) await enterRefund(told, 'query', this.#needs)
    }
    this.#wake()
    const after = await listRefundsOf(database, order.outTradeNo)
    const refunds = after.filter(
      ({ outRefundNo: number, state }) => state !== 'refused' && (!one || number === one.outRefundNo),
    )
    if (refunds.length === 0) throw new AppError('refund_not_found', 'There is no such refund.')
    return { order: await this.#find({ outTradeNo: order.outTradeNo }), refunds }
  }

  async takeNotification(headers: Readonly<Record<string, unknown>>, body: Buffer): Promise<void> {
    const notice = this.#read(headers, body)
    const outcome =
      notice.kind === 'payment'
        ? await creditFound(notice.order, 'notify', this.#needs, notice.id)
        : await enterRefund(notice.refund, 'notify', this.#needs, notice.id)
    if (outcome === 'refused') {
      this.#count('mismatch')
      throw new AppError('payment_mismatch', 'The notification does not fit what was ordered.')
    }
    this.#wake()
  }

  #read(headers: Readonly<Record<string, unknown>>, body: Buffer) {
    try {
      const notice = this.#needs.pay.readNotification(headers, body)
      if (notice.kind === 'payment' && notice.order.state !== 'SUCCESS')
        throw new AppError('signature_invalid', 'Not a payment.')
      return notice
    } catch (error) {
      this.#count(error instanceof AppError ? String(error.details?.['reason'] ?? error.code) : 'internal')
      throw error
    }
  }

  #count(reason: string) {
    this.#refusals[reason] = (this.#refusals[reason] ?? 0) + 1
    this.#needs.log.warn({ reason }, 'a payment notification was refused')
  }

  async runDue(): Promise<void> {
    const needs = this.#needs
    const { database, now } = needs
    const orders = await listDueOrders(database, now(), BATCH)
    await inParallel(orders, (order) => checkOrder(order, needs))
    const refunds = await listDueRefunds(database, now(), BATCH)
    await inParallel(refunds, (refund) => checkRefund(refund, needs))
    if (needs.comparesBills && now() >= this.#billsAtMs) await this.#compareBills()
    const deliveries = await listDueDeliveries(database, now(), BATCH)
    await inParallel(deliveries, (delivery) => deliver(delivery, needs))
  }

  /** Bills that cannot be had today are asked for again: a day is only noted once it was compared. */
  async #compareBills() {
    const { database, log, now } = this.#needs
    this.#billsAtMs = now() + BILL_PAUSE_MS
    for (const date of await listDaysToCompare(this.#needs)) {
      try {
        await reconcileBill(date, this.#needs)
      } catch (err) {
        log.warn({ date, err }, 'a bill could not be compared')
      }
    }
    await database.transact(purgeNotices, now() - NOTICES_KEPT_MS)
  }

  reconcile(date: string): Promise<BillReport | undefined> {
    return reconcileBill(date, this.#needs)
  }

  findings(): Promise<Finding[]> {
    return listFindings(this.#needs.database)
  }

  refusals(): Readonly<Record<string, number>> {
    return this.#refusals
  }

  start(): void {
    const { comparesBills, publicUrl, log } = this.#needs
    if (comparesBills && !publicUrl().startsWith('https:'))
      log.warn({ publicUrl: publicUrl() }, 'WeChat Pay reports to https only: set PUBLIC_URL')
    this.#isStarted = true
    this.#wake()
  }

  async close(): Promise<void> {
    this.#isStarted = false
    clearTimeout(this.#sleeping)
    await this.#working
  }

  async #find({ outTradeNo, transactionId }: OrderKey): Promise<StoredOrder> {
    const { database } = this.#needs
    const order = outTradeNo
      ? await findOrder(database, outTradeNo)
      : transactionId && (await findOrderByTransaction(database, transactionId))
    if (order) return order
    throw new AppError('order_not_found', `There is no order ${outTradeNo ?? transactionId ?? ''}.`)
  }

  /** There may be something to do at once. */
  #wake() {
    if (!this.#isStarted) return
    this.#isWanted = true
    clearTimeout(this.#sleeping)
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  async #work() {
    let sleepMs = SLEEP_MS_MAX
    while (this.#isWanted && this.#isStarted) {
      this.#isWanted = false
      try {
        await this.runDue()
        sleepMs = (await nextDueAtMs(this.#needs.database)) - this.#needs.now()
      } catch (err) {
        this.#needs.log.error({ err }, 'payments could not be checked')
      }
    }
    if (!this.#isStarted) return
    this.#sleeping = setTimeout(() => this.#wake(), Math.min(Math.max(sleepMs, SLEEP_MS_MIN), SLEEP_MS_MAX))
    this.#sleeping.unref()
  }
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: PARALLEL }, lane))
}

export const purgeNotices = transactionScript(import.meta.url, 'purgeNotices', function* (beforeMs: number) {
  yield { sql: 'DELETE FROM pay_notices WHERE received_at_ms < ?', params: [beforeMs] }
})
