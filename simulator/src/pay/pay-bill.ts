import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { SeededRandom } from '../seeded-random.ts'
import { beijingTime } from './pay-facts.ts'
import type { Order, PayLedger, Refund } from './pay-ledger.ts'
import { PayRefusal } from './pay-refusal.ts'

const DAY_MS = 86_400_000
const READY_AFTER_MS = DAY_MS + 10 * 3_600_000
const KEPT_MS = 92 * DAY_MS
const DOWNLOAD_TTL_MS = 300_000
const DOWNLOAD_LIMIT = 100
const FEE_RATE = 0.006

// The columns of the bill that contains both payments and refunds (type ALL), as published by WeChat Pay.
const TRADE_COLUMNS =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注'
const TRADE_TOTALS = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额'
const FUND_COLUMNS =
  '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号'
const FUND_TOTALS = '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额'

export type BillKind = 'trade' | 'fund'

type Needs = { appId: string; mchId: string; ledger: PayLedger; now: () => number; random: SeededRandom }

/** The bills of the day before: from ten in the morning, for three months, in yuan although everything else is in fen. */
export function openPayBills({ appId, mchId, ledger, now, random }: Needs) {
  const downloads = new Map<string, { bytes: Buffer; isZipped: boolean; expiresAtMs: number }>()
  /** Wrong amounts that a test put into the bill, to see whether the reconciliation notices. */
  const wrongAmounts = new Map<string, number>()

  const linesOf = (date: string, kind: BillKind) => {
    const isOfDay = (ms: number | undefined) => ms !== undefined && beijingTime(ms).startsWith(date)
    const orders = ledger.listOrders()
    const paid = orders.filter((order) => isOfDay(order.paidAtMs))
    const refunds = orders.flatMap((order) => order.refunds).filter((refund) => isOfDay(refund.createdAtMs))
    return kind === 'trade' ? tradeBill(paid, refunds) : fundBill(paid, refunds)
  }

  function tradeBill(paid: Order[], refunds: Refund[]) {
    const row = (order: Order, ms: number, refund?: Refund) => {
      const totalFen = wrongAmounts.get(order.outTradeNo) ?? order.totalFen
      const feeFen = Math.round((refund ? -refund.refundFen : totalFen) * FEE_RATE)
      const front = [billTime(ms), appId, mchId, '0', '', order.transactionId, order.outTradeNo, order.openid, 'JSAPI']
      const state = [refund ? 'REFUND' : 'SUCCESS', 'OTHERS', 'CNY', yuan(refund ? 0 : totalFen), yuan(0)]
      const back = refund
        ? [refund.refundId, refund.outRefundNo, yuan(refund.refundFen), yuan(0), 'ORIGINAL', refund.status]
        : ['0', '0', yuan(0), yuan(0), '', '']
      const money = [yuan(feeFen), '0.60%', yuan(refund ? 0 : totalFen), yuan(refund?.refundFen ?? 0), '']
      return [...front, ...state, ...back, order.description, order.attach, ...money]
    }
    const rows = [
      ...paid.map((order) => row(order, order.paidAtMs ?? 0)),
      ...refunds.map((refund) => row(refund.order, refund.createdAtMs, refund)),
    ]
    const paidFen = sum(paid.map((order) => wrongAmounts.get(order.outTradeNo) ?? order.totalFen))
    const backFen = sum(refunds.map((refund) => refund.refundFen))
    const feeFen = Math.round((paidFen - backFen) * FEE_RATE)
    const totals = [String(rows.length), ...[paidFen, backFen, 0, feeFen, paidFen, backFen].map(yuan)]
    return toText(TRADE_COLUMNS, rows, TRADE_TOTALS, totals)
  }

  function fundBill(paid: Order[], refunds: Refund[]) {
    let balanceFen = 0
    const row = (ms: number, id: string, name: string, fen: number, reference: string) => {
      balanceFen += fen
      const direction = fen < 0 ? '支出' : '收入'
      const ends = [direction, yuan(Math.abs(fen)), yuan(balanceFen), 'system', '', reference]
      return [billTime(ms), id, id, name, name, ...ends]
    }
    const rows = [
      ...paid.map((order) => row(order.paidAtMs ?? 0, order.transactionId, '交易', order.totalFen, order.outTradeNo)),
      ...refunds.map((refund) =>
        row(refund.createdAtMs, refund.refundId, '退款', -refund.refundFen, refund.outRefundNo),
      ),
    ]
    const inFen = sum(paid.map((order) => order.totalFen))
    const outFen = sum(refunds.map((refund) => refund.refundFen))
    const totals = [rows.length, paid.length].map(String)
    return toText(FUND_COLUMNS, rows, FUND_TOTALS, [...totals, yuan(inFen), String(refunds.length), yuan(outFen)])
  }

  return {
    wrongAmounts,

    /** @throws {PayRefusal} if the day is not over, too long ago, or had no movements */
    create(date: string, kind: BillKind, isZipped: boolean, baseUrl: string) {
      const startMs = Date.parse(`${date}T00:00:00+08:00`)
      if (!/^\d{4}-\d{2}-\d{2}$/.test(date) || Number.isNaN(startMs))
        throw new PayRefusal('wrongParameter', 'bill_date')
      if (now() < startMs + READY_AFTER_MS) throw new PayRefusal('billNotReady')
      if (now() > startMs + KEPT_MS) throw new PayRefusal('noBill')
      const text = linesOf(date, kind)
      if (text === undefined) throw new PayRefusal('noBill')
      const token = random.letters(40)
      downloads.set(token, { bytes: Buffer.from(text), isZipped, expiresAtMs: now() + DOWNLOAD_TTL_MS })
      if (downloads.size > DOWNLOAD_LIMIT) downloads.delete(downloads.keys().next().value ?? '')
      const hash = createHash('sha1').update(text).digest('hex')
      return { hash_type: 'SHA1', hash_value: hash, download_url: `${baseUrl}/v3/billdownload/file?token=${token}` }
    },

    download(token: string): Buffer {
      const found = downloads.get(token)
      if (!found || found.expiresAtMs <= now()) throw new PayRefusal('noBill')
      return found.isZipped ? gzipSync(found.bytes) : found.bytes
    },
  }
}

/** Every value behind a backtick, so that spreadsheets leave long numbers alone. */
function toText(columns: string, rows: string[][], totalColumns: string, totals: string[]) {
  if (rows.length === 0) return undefined
  const line = (values: string[]) => values.map((value) => `\`${value}`).join(',')
  return `\uFEFF${[columns, ...rows.map(line), totalColumns, line(totals)].join('\r\n')}\r\n`
}

const billTime = (ms: number) => beijingTime(ms).slice(0, 19).replace('T', ' ')
const yuan = (fen: number) => (fen / 100).toFixed(2)
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
