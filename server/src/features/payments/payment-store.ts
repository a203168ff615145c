/** This feature's rows, and the reads of them. What changes them stands with the decision that it belongs to. */
import type { Database, Row, SqlStep, SqlValue, StepResult, TransactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'

export type OrderState = 'unpaid' | 'paid' | 'closed' | 'refunding' | 'refunded'

export type StoredOrder = {
  readonly outTradeNo: string
  readonly state: OrderState
  readonly openId: string
  readonly description: string
  readonly attach: string
  readonly totalFen: number
  /** What no refund has laid claim to yet. */
  readonly refundableFen: number
  readonly refundedFen: number
  readonly notifyUrl: string
  /** Told about the payment; '' for none. */
  readonly functionName: string
  /** WeChat Pay's number; '' before the payment. */
  readonly transactionId: string
  /** When the order was last asked for; checks are counted from here. */
  readonly placedAtMs: number
  readonly expiresAtMs: number
  readonly paidAtMs: number | undefined
  readonly checkStep: number
  readonly nextCheckAtMs: number | undefined
}

/** `asked`: whether WeChat Pay accepted it is not known yet. `refused`: it certainly did not, and the claim is given back. */
export type RefundState = 'asked' | 'processing' | 'abnormal' | 'success' | 'closed' | 'refused'

export type StoredRefund = {
  readonly outRefundNo: string
  readonly outTradeNo: string
  readonly state: RefundState
  readonly refundFen: number
  readonly reason: string
  readonly notifyUrl: string
  readonly functionName: string
  readonly refundId: string
  readonly createdAtMs: number
  readonly checkStep: number
  readonly nextCheckAtMs: number | undefined
}

export type Finding = {
  readonly kind: FindingKind
  /** The order's or the refund's number. */
  readonly subject: string
  readonly oursFen: number | undefined
  readonly theirsFen: number | undefined
  readonly foundAtMs: number
}

export type FindingKind =
  | 'amount'
  | 'payer'
  | 'unknown_payment'
  | 'second_payment'
  | 'found_by_bill'
  | 'not_in_bill'
  | 'unknown_refund'
  | 'refund_amount'
  | 'refund_not_in_bill'
  | 'refund_abnormal'
  | 'function_not_told'

const FINDINGS_MAX = 500

export async function findOrder(database: Database, outTradeNo: string): Promise<StoredOrder | undefined> {
  return firstOrder(database, 'out_trade_no = ?', [outTradeNo])
}

export async function findOrderByTransaction(database: Database, transactionId: string) {
  return firstOrder(database, 'transaction_id = ?', [transactionId])
}

async function firstOrder(database: Database, where: string, params: SqlValue[]): Promise<StoredOrder | undefined> {
  const sql = `SELECT * FROM pay_orders WHERE ${where}`
  const [row] = await database.read(sql, params, { cost: 'cheap' })
  return row && toOrder(row)
}

/** Orders that WeChat Pay has to be asked about by now, the longest overdue first. */
export async function listDueOrders(database: Database, nowMs: number, limit: number): Promise<StoredOrder[]> {
  const rows = await database.read(
    'SELECT * FROM pay_orders WHERE next_check_at_ms <= ? ORDER BY next_check_at_ms LIMIT ?',
    [nowMs, limit],
    { cost: 'cheap' },
  )
  return rows.map(toOrder)
}

export async function findRefund(database: Database, outRefundNo: string): Promise<StoredRefund | undefined> {
  const sql = 'SELECT * FROM pay_refunds WHERE out_refund_no = ?'
  const [row] = await database.read(sql, [outRefundNo], { cost: 'cheap' })
  return row && toRefund(row)
}

export async function findRefundById(database: Database, refundId: string): Promise<StoredRefund | undefined> {
  const [row] = await database.read('SELECT * FROM pay_refunds WHERE refund_id = ?', [refundId])
  return row && toRefund(row)
}

export async function listRefundsOf(database: Database, outTradeNo: string): Promise<StoredRefund[]> {
  const sql = 'SELECT * FROM pay_refunds WHERE out_trade_no = ? ORDER BY created_at_ms, out_refund_no'
  const rows = await database.read(sql, [outTradeNo], { cost: 'cheap' })
  return rows.map(toRefund)
}

export async function listDueRefunds(database: Database, nowMs: number, limit: number): Promise<StoredRefund[]> {
  const rows = await database.read(
    'SELECT * FROM pay_refunds WHERE next_check_at_ms <= ? ORDER BY next_check_at_ms LIMIT ?',
    [nowMs, limit],
    { cost: 'cheap' },
  )
  return rows.map(toRefund)
}

/** When there is next something to ask or to tell. */
export async function nextDueAtMs(database: Database): Promise<number> {
  const [row] = await database.read(
    `SELECT (SELECT MIN(next_check_at_ms) FROM pay_orders) AS orders_ms,
            (SELECT MIN(next_check_at_ms) FROM pay_refunds) AS refunds_ms,
            (SELECT MIN(next_try_at_ms) FROM pay_deliveries) AS deliveries_ms`,
    [],
    { cost: 'cheap' },
  )
  const times = Object.values(row ?? {}).filter((value) => value !== null)
  return Math.min(...times.map(Number))
}

/** What differs, the latest first. */
export async function listFindings(database: Database): Promise<Finding[]> {
  const rows = await database.read(
    `SELECT kind, subject, ours_fen, theirs_fen, found_at_ms FROM pay_findings
     ORDER BY found_at_ms DESC, id LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map((row) => ({
    kind: String(row['kind']) as FindingKind, // safe: only this feature writes it
    subject: String(row['subject']),
    oursFen: numberOf(row['ours_fen']),
    theirsFen: numberOf(row['theirs_fen']),
    foundAtMs: Number(row['found_at_ms']),
  }))
}

export type NewFinding = Pick<Finding, 'kind' | 'subject'> & { oursFen?: number; theirsFen?: number }

/** Runs the script; once more if another process entered the same row at this moment, which this time will be seen. */
export async function transactOnceMore<Args, Result>(
  database: Database,
  script: TransactionScript<Args, Result>,
  args: Args,
): Promise<Result> {
  try {
    return await database.transact(script, args)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'document_exists') throw error
    return await database.transact(script, args)
  }
}

/** Part of a transaction script. */
export type Steps<Result> = Generator<SqlStep, Result, StepResult>

/** Notes a difference once, however often it is met; tells whether it is new. */
export function* noteFinding({ kind, subject, oursFen, theirsFen }: NewFinding, nowMs: number): Steps<boolean> {
  const id = `${kind}:${subject}`
  const { rows } = yield { sql: 'SELECT id FROM pay_findings WHERE id = ?', params: [id], want: 'rows' }
  if (rows.length) return false
  yield {
    sql: `INSERT INTO pay_findings (id, kind, subject, ours_fen, theirs_fen, found_at_ms) VALUES (?, ?, ?, ?, ?, ?)`,
    params: [id, kind, subject, oursFen ?? null, theirsFen ?? null, nowMs],
  }
  return true
}

/** The order, held until the transaction ends, so that its changes come one after the other. */
export function* lockOrder(outTradeNo: string): Steps<StoredOrder | undefined> {
  const { rows } = yield {
    sql: 'SELECT * FROM pay_orders WHERE out_trade_no = ?',
    params: [outTradeNo],
    want: 'rows',
    locksRows: true,
  }
  return rows[0] && toOrder(rows[0])
}

export const toOrder = (row: Row): StoredOrder => ({
  outTradeNo: String(row['out_trade_no']),
  state: String(row['state']) as OrderState, // safe: only this feature writes it
  openId: String(row['open_id']),
  description: String(row['description']),
  attach: String(row['attach']),
  totalFen: Number(row['total_fen']),
  refundableFen: Number(row['refundable_fen']),
  refundedFen: Number(row['refunded_fen']),
  notifyUrl: String(row['notify_url']),
  functionName: String(row['function_name']),
  transactionId: String(row['transaction_id'] ?? ''),
  placedAtMs: Number(row['placed_at_ms']),
  expiresAtMs: Number(row['expires_at_ms']),
  paidAtMs: numberOf(row['paid_at_ms']),
  checkStep: Number(row['check_step']),
  nextCheckAtMs: numberOf(row['next_check_at_ms']),
})

export const toRefund = (row: Row): StoredRefund => ({
  outRefundNo: String(row['out_refund_no']),
  outTradeNo: String(row['out_trade_no']),
  state: String(row['state']) as RefundState, // safe: only this feature writes it
  refundFen: Number(row['refund_fen']),
  reason: String(row['reason']),
  notifyUrl: String(row['notify_url']),
  functionName: String(row['function_name']),
  refundId: String(row['refund_id'] ?? ''),
  createdAtMs: Number(row['created_at_ms']),
  checkStep: Number(row['check_step']),
  nextCheckAtMs: numberOf(row['next_check_at_ms']),
})

const numberOf = (value: SqlValue | undefined) => (value === null || value === undefined ? undefined : Number(value))
