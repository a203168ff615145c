import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import type { BillLine } from './pay.ts'
import { incomplete } from './pay-answer.ts'

/** About a million lines. */
const BILL_LIMIT_BYTES = 256 * 1024 * 1024

/** Unpacks a downloaded bill. Its hash, which came in a signed answer, is the only proof of where it is from. */
export function unpackBill(bytes: Buffer, sha1: string): string {
  const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? unzip(bytes) : bytes
  if (createHash('sha1').update(text).digest('hex') !== sha1.toLowerCase()) throw incomplete('bill')
  return text.toString('utf8')
}

function unzip(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: BILL_LIMIT_BYTES })
  } catch {
    throw incomplete('bill')
  }
}

/** The lines of a trade bill. Columns are found by their titles: WeChat Pay adds some now and then. */
export function parseTradeBill(text: string): BillLine[] {
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const columns = head.split(',').map((title) => title.trim())
  const column = (title: string) => {
    const at = columns.indexOf(title)
    if (at < 0) throw incomplete(`bill (no column ${title})`)
    return at
  }
  const at = {
    appId: column('公众账号ID'),
    transactionId: column('微信订单号'),
    outTradeNo: column('商户订单号'),
    openId: column('用户标识'),
    state: column('交易状态'),
    outRefundNo: column('商户退款单号'),
    total: column('订单金额'),
    refund: column('申请退款金额'),
  }

  // The totals at the end begin with a line of titles, the first one without a backtick.
  const end = lines.findIndex((line) => !line.startsWith('`'))
  return lines.slice(0, end < 0 ? lines.length : end).map((line) => {
    // Every value stands behind a backtick, so that a comma inside a product name does no harm.
    const values = line.slice(1).split(',`')
    const value = (index: number) => values[index]?.trim() ?? ''
    const outRefundNo = value(at.outRefundNo)
    return {
      appId: value(at.appId),
      outTradeNo: value(at.outTradeNo),
      transactionId: value(at.transactionId),
      openId: value(at.openId),
      state: stateOf(value(at.state)),
      totalFen: toFen(value(at.total)),
      refundFen: toFen(value(at.refund)),
      ...(outRefundNo && outRefundNo !== '0' && { outRefundNo }),
    }
  })
}

function stateOf(text: string): BillLine['state'] {
  if (text === 'SUCCESS' || text === 'REFUND' || text === 'REVOKED') return text
  throw incomplete('bill (unknown state)')
}

/** Yuan as text → fen, without a detour over fractions. */
function toFen(yuan: string): number {
  const [, sign = '', whole = '', cents = ''] = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(yuan) ?? []
  if (!whole) throw incomplete('bill (not an amount)')
  const fen = Number(whole) * 100 + Number(cents.padEnd(2, '0'))
  return sign ? -fen : fen
}
