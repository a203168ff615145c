/**
 * Compares yesterday's bill with our books, line by line and in both directions. What was paid and never heard of is
 * credited; every difference is a finding that a person can look at.
 */
import { type Database, type Row, transactionScript } from '../../database/database.ts'
import type { BillLine } from '../../wechat/pay/pay.ts'
import { askAboutOrder } from './check-orders.ts'
import { beijingDate, beijingMidnightMs } from './payment-events.ts'
import { findOrder, findRefund, type NewFinding, noteFinding, transactOnceMore } from './payment-store.ts'
import type { PaymentNeeds } from './payments-needs.ts'
import { enterRefund } from './refund-order.ts'

const DAY_MS = 86_400_000
/** WeChat Pay has the bill ready at ten in the morning. */
const BILL_READY_AFTER_MS = DAY_MS + 10 * 3_600_000
/** A server that was off for longer does not go further back. WeChat Pay keeps bills for three months. */
const DAYS_BACK = 30
const LINES_AT_ONCE = 200

export type BillReport = { readonly date: string; readonly lines: number; readonly differences: readonly NewFinding[] }

/** Days that are over, whose bill should be there and was not compared yet; the oldest first. */
export async function listDaysToCompare({ database, now }: PaymentNeeds): Promise<string[]> {
  const [first] = await database.read('SELECT MIN(created_at_ms) AS first_ms FROM pay_orders', [], { cost: 'cheap' })
  if (first?.['first_ms'] === null || first?.['first_ms'] === undefined) return []
  const fromMs = Math.max(Number(first['first_ms']), now() - DAYS_BACK * DAY_MS)
  const rows = await database.read('SELECT bill_date FROM pay_bills WHERE bill_date >= ?', [beijingDate(fromMs)])
  const done = new Set(rows.map((row) => String(row['bill_date'])))
  const days: string[] = []
  for (let dayMs = beijingMidnightMs(beijingDate(fromMs)); dayMs + BILL_READY_AFTER_MS <= now(); dayMs += DAY_MS)
    if (!done.has(beijingDate(dayMs))) days.push(beijingDate(dayMs))
  return days
}

/** Undefined while the bill is not ready. @throws {AppError} `wechat_unavailable`: nothing is noted as compared */
export async function reconcileBill(date: string, needs: PaymentNeeds): Promise<BillReport | undefined> {
  const { database, pay, account, log, now } = needs
  const bill = await pay.tradeBill(date)
  if (!bill) return undefined
  const lines = bill.filter(({ appId }) => appId === account.appId)
  const differences: NewFinding[] = []
  for (const line of lines) {
    const difference =
      line.state === 'REFUND' ? await compareRefund(line, date, needs) : await comparePayment(line, needs)
    if (difference) differences.push(difference)
  }
  differences.push(...(await missingPayments(database, date, lines)), ...(await missingRefunds(database, date)))
  await transactOnceMore(database, noteBill, { date, lines: lines.length, differences, nowMs: now() })
  const line = { date, lines: lines.length, differences: differences.length }
  if (differences.length) log.error(line, 'the bill and our books differ')
  else log.info(line, 'the bill and our books agree')
  return { date, lines: lines.length, differences }
}

async function comparePayment(line: BillLine, needs: PaymentNeeds): Promise<NewFinding | undefined> {
  const { database } = needs
  const { outTradeNo, totalFen: theirsFen } = line
  let order = await findOrder(database, outTradeNo)
  if (!order) return { kind: 'unknown_payment', subject: outTradeNo, theirsFen }
  const oursFen = order.totalFen
  if (theirsFen !== oursFen) return { kind: 'amount', subject: outTradeNo, oursFen, theirsFen }
  if (order.transactionId) {
    const isSame = order.transactionId === line.transactionId
    return isSame ? undefined : { kind: 'second_payment', subject: outTradeNo, oursFen, theirsFen }
  }
  // The query tells more than the bill, such as the time, and is signed by itself.
  await askAboutOrder(outTradeNo, needs, 'bill')
  order = await findOrder(database, outTradeNo)
  return { kind: order?.transactionId ? 'found_by_bill' : 'unknown_payment', subject: outTradeNo, oursFen, theirsFen }
}

async function compareRefund(line: BillLine, date: string, needs: PaymentNeeds): Promise<NewFinding | undefined> {
  const { database, pay } = needs
  const { outRefundNo = '', refundFen: theirsFen } = line
  const refund = await findRefund(database, outRefundNo)
  if (!refund) return { kind: 'unknown_refund', subject: outRefundNo || line.outTradeNo, theirsFen }
  const oursFen = refund.refundFen
  if (theirsFen !== oursFen) return { kind: 'refund_amount', subject: outRefundNo, oursFen, theirsFen }
  await database.transact(markBilled, { outRefundNo, date })
  if (refund.state !== 'success' && refund.state !== 'closed') {
    const told = await pay.findRefund(outRefundNo)
    if (told) await enterRefund(told, 'bill', needs)
  }
  return undefined
}

/** Payments of the day that only we know of. */
async function missingPayments(database: Database, date: string, lines: readonly BillLine[]): Promise<NewFinding[]> {
  const billed = new Set(lines.filter(({ state }) => state !== 'REFUND').map(({ outTradeNo }) => outTradeNo))
  const fromMs = beijingMidnightMs(date)
  const rows = await readAll(
    database,
    'SELECT out_trade_no AS number, total_fen AS fen FROM pay_orders WHERE paid_at_ms >= ? AND paid_at_ms < ? AND out_trade_no > ?',
    [fromMs, fromMs + DAY_MS],
  )
  return rows
    .filter((row) => !billed.has(String(row['number'])))
    .map((row) => ({ kind: 'not_in_bill', subject: String(row['number']), oursFen: Number(row['fen']) }))
}

/** Refunds of the day before: one that was asked for shortly before midnight stands in the next day's bill. */
async function missingRefunds(database: Database, date: string): Promise<NewFinding[]> {
  const toMs = beijingMidnightMs(date)
  const rows = await readAll(
    database,
    `SELECT out_refund_no AS number, refund_fen AS fen FROM pay_refunds
     WHERE created_at_ms >= ? AND created_at_ms < ? AND billed_on IS NULL AND state IN ('processing', 'abnormal', 'success')
       AND out_refund_no > ?`,
    [toMs - DAY_MS, toMs],
  )
  return rows.map((row) => ({
    kind: 'refund_not_in_bill',
    subject: String(row['number']),
    oursFen: Number(row['fen']),
  }))
}

/** All rows of a query whose last parameter is the number to go on from. */
async function readAll(database: Database, sql: string, params: number[]): Promise<Row[]> {
  const all: Row[] = []
  for (let after = ''; ; ) {
    const rows = await database.read(`${sql} ORDER BY number LIMIT ${LINES_AT_ONCE}`, [...params, after])
    all.push(...rows)
    if (rows.length < LINES_AT_ONCE) return all
    after = String(rows.at(-1)?.['number'])
  }
}

export const markBilled = transactionScript(
  import.meta.url,
  'markBilled',
  function* ({ outRefundNo, date }: { outRefundNo: string; date: string }) {
    yield {
      sql: 'UPDATE pay_refunds SET billed_on = ? WHERE out_refund_no = ? AND billed_on IS NULL',
      params: [date, outRefundNo],
    }
  },
)

export const noteBill = transactionScript(
  import.meta.url,
  'noteBill',
  function* (bill: { date: string; lines: number; differences: readonly NewFinding[]; nowMs: number }) {
    for (const difference of bill.differences) yield* noteFinding(difference, bill.nowMs)
    yield { sql: 'DELETE FROM pay_bills WHERE bill_date = ?', params: [bill.date] }
    yield {
      sql: 'INSERT INTO pay_bills (bill_date, bill_lines, differences, compared_at_ms) VALUES (?, ?, ?, ?)',
      params: [bill.date, bill.lines, bill.differences.length, bill.nowMs],
    }
  },
)
