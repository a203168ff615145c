import type { People } from '../people.ts'
import type { Quotas } from '../quotas.ts'
import { type Answer, type Input, isRecord, type Route } from '../route.ts'
import type { openPayBills } from './pay-bill.ts'
import { orderFacts, refundFacts } from './pay-facts.ts'
import type { PayKeys } from './pay-keys.ts'
import type { OrderRequest, PayLedger, Refund, RefundRequest } from './pay-ledger.ts'
import { PayRefusal } from './pay-refusal.ts'
import type { PaySignature } from './pay-signature.ts'

type Needs = {
  appId: string
  keys: PayKeys
  ledger: PayLedger
  bills: ReturnType<typeof openPayBills>
  signature: PaySignature
  people: People
  quotas: Quotas
  now: () => number
  onRefund: (refund: Refund) => void
  takesAnyPayer: boolean
}

/** WeChat Pay v3 for a merchant's mini program. Nothing is answered before the request's signature was found right. */
export function payApi(needs: Needs): Route[] {
  const { appId, keys, ledger, bills, signature, people, quotas, now, onRefund, takesAnyPayer } = needs
  const account = { appId, mchId: keys.mchId }

  const route = (method: Route['method'], path: string, handle: (input: Input) => unknown): Route => ({
    method,
    path,
    family: 'pay',
    needsToken: false,
    body: 'json',
    handle(input): Answer {
      signature.check(input)
      if (input.method !== method) throw new PayRefusal('wrongParameter', `${method} required`)
      const answer = handle({ ...input, json: method === 'POST' ? parseBody(input.bytes) : {} })
      return signature.sign(answer)
    },
  })

  const checkMerchant = (mchId: unknown) => {
    if (mchId !== keys.mchId) throw new PayRefusal('wrongParameter', '商户号和订单不匹配')
  }

  return [
    route('POST', '/v3/pay/transactions/jsapi', ({ json }) => {
      quotas.take('payCreateSecond')
      if (json['mchid'] !== keys.mchId || json['appid'] !== appId) throw new PayRefusal('foreignApp')
      const request = readOrder(json, now())
      if (!takesAnyPayer && !people.findByOpenid(request.openid)) throw new PayRefusal('wrongParameter', '无效的openid')
      return { prepay_id: ledger.prepare(request) }
    }),
    route('GET', '/v3/pay/transactions/out-trade-no/:outTradeNo', ({ params, query }) => {
      checkMerchant(query['mchid'])
      return orderFacts(ledger.getOrder({ outTradeNo: params['outTradeNo'] ?? '' }), account)
    }),
    route('GET', '/v3/pay/transactions/id/:transactionId', ({ params, query }) => {
      checkMerchant(query['mchid'])
      return orderFacts(ledger.getOrder({ transactionId: params['transactionId'] ?? '' }), account)
    }),
    route('POST', '/v3/pay/transactions/out-trade-no/:outTradeNo/close', ({ params, json }) => {
      checkMerchant(json['mchid'])
      ledger.close(params['outTradeNo'] ?? '')
      return undefined
    }),
    route('POST', '/v3/refund/domestic/refunds', ({ json }) => {
      const { transaction_id: transactionId, out_trade_no: outTradeNo } = json
      const key =
        typeof transactionId === 'string' ? { transactionId } : { outTradeNo: text(outTradeNo, 'out_trade_no', 32) }
      const { refund, isNew } = ledger.refund(key, readRefund(json))
      if (isNew) onRefund(refund)
      return refundFacts(refund)
    }),
    route('GET', '/v3/refund/domestic/refunds/:outRefundNo', ({ params }) =>
      refundFacts(ledger.getRefund(params['outRefundNo'] ?? '')),
    ),
    route('POST', '/v3/refund/domestic/refunds/:refundId/apply-abnormal-refund', ({ params }) => {
      const refund = ledger.findRefundById(params['refundId'] ?? '')
      if (refund?.status !== 'ABNORMAL') throw new PayRefusal('noRefund')
      ledger.finishRefund(refund, 'PROCESSING')
      onRefund(refund)
      return refundFacts(refund)
    }),
    route('GET', '/v3/bill/tradebill', ({ query, headers }) =>
      bills.create(query['bill_date'] ?? '', 'trade', query['tar_type'] === 'GZIP', `http://${headers.host}`),
    ),
    route('GET', '/v3/bill/fundflowbill', ({ query, headers }) =>
      bills.create(query['bill_date'] ?? '', 'fund', query['tar_type'] === 'GZIP', `http://${headers.host}`),
    ),
    {
      ...route('GET', '/v3/billdownload/file', () => undefined),
      handle(input) {
        signature.check(input)
        // The one answer without a signature: the hash of the step before takes its place.
        return { bytes: bills.download(input.query['token'] ?? ''), contentType: 'text/plain' }
      },
    },
    route('GET', '/v3/certificates', () => {
      const certificates = keys.mode() === 'public-key' ? [] : keys.certificates()
      if (certificates.length === 0) throw new PayRefusal('noCertificate')
      return {
        data: certificates.map(({ serial, pem, fromMs, toMs }) => ({
          serial_no: serial,
          effective_time: new Date(fromMs).toISOString(),
          expire_time: new Date(toMs).toISOString(),
          encrypt_certificate: { algorithm: 'AEAD_AES_256_GCM', ...keys.encrypt(pem, 'certificate') },
        })),
      }
    }),
  ]
}

const ORDER_FIELDS = new Set(
  'appid mchid description out_trade_no time_expire attach notify_url goods_tag support_fapiao amount payer detail scene_info settle_info'.split(
    ' ',
  ),
)

function readOrder(json: Readonly<Record<string, unknown>>, nowMs: number): OrderRequest {
  const extra = Object.keys(json).find((name) => !ORDER_FIELDS.has(name))
  if (extra) throw new PayRefusal('extraParameter', `参数中含有非法的额外参数: ${extra}`)
  const outTradeNo = text(json['out_trade_no'], 'out_trade_no', 32)
  if (!/^[0-9A-Za-z_\-|*]{6,32}$/.test(outTradeNo)) throw new PayRefusal('wrongParameter', 'out_trade_no')
  const amount = isRecord(json['amount']) ? json['amount'] : {}
  const payer = isRecord(json['payer']) ? json['payer'] : {}
  if (typeof payer['openid'] !== 'string') throw new PayRefusal('missingOpenid')
  if ((amount['currency'] ?? 'CNY') !== 'CNY') throw new PayRefusal('wrongParameter', 'amount.currency')
  return {
    outTradeNo,
    description: text(json['description'], 'description', 127),
    attach: json['attach'] === undefined ? '' : text(json['attach'], 'attach', 128),
    notifyUrl: readNotifyUrl(json['notify_url']),
    totalFen: fen(amount['total'], 'amount.total'),
    openid: payer['openid'],
    expiresAtMs: readExpiry(json['time_expire'], nowMs),
    fingerprint: JSON.stringify(sorted(json)),
  }
}

function readRefund(json: Readonly<Record<string, unknown>>): RefundRequest {
  const outRefundNo = text(json['out_refund_no'], 'out_refund_no', 64)
  if (!/^[0-9A-Za-z_\-|*@]{1,64}$/.test(outRefundNo)) throw new PayRefusal('wrongParameter', 'out_refund_no')
  const amount = isRecord(json['amount']) ? json['amount'] : {}
  if (amount['currency'] !== 'CNY') throw new PayRefusal('wrongParameter', 'amount.currency')
  return {
    outRefundNo,
    refundFen: fen(amount['refund'], 'amount.refund'),
    totalFen: fen(amount['total'], 'amount.total'),
    reason: json['reason'] === undefined ? '' : text(json['reason'], 'reason', 80),
    notifyUrl: json['notify_url'] === undefined ? '' : readNotifyUrl(json['notify_url']),
    fingerprint: JSON.stringify(sorted(json)),
  }
}

/** Public https without a query. On this machine and in its network plain http is taken, because there is no other way. */
function readNotifyUrl(value: unknown) {
  const url = text(value, 'notify_url', 255)
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isLocal = /^(localhost|127\.|10\.|192\.168\.|\[::1\])/.test(parsed?.hostname ?? '')
  const isSecure = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLocal)
  if (!isSecure || url.includes('?')) throw new PayRefusal('wrongParameter', 'notify_url')
  return url
}

function readExpiry(value: unknown, nowMs: number) {
  if (value === undefined) return undefined
  const ms = Date.parse(text(value, 'time_expire', 64))
  const isRfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/.test(String(value))
  if (!isRfc3339 || Number.isNaN(ms)) throw new PayRefusal('wrongParameter', 'time_expire')
  // A repeated request may come late; whether the order is over is decided by the ledger.
  return ms - nowMs < 60_000 && ms > nowMs ? tooSoon() : ms
}

function tooSoon(): never {
  throw new PayRefusal('wrongParameter', 'time_expire必须晚于当前时间1分钟')
}

function text(value: unknown, name: string, limitChars: number) {
  if (typeof value !== 'string' || value === '' || value.length > limitChars)
    throw new PayRefusal('wrongParameter', name)
  return value
}

function fen(value: unknown, name: string) {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) throw new PayRefusal('wrongParameter', name)
  return value
}

function parseBody(bytes: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'))
    if (isRecord(parsed)) return parsed
  } catch {
    // answered below
  }
  throw new PayRefusal('wrongParameter', '请求体不是合法的JSON')
}

function sorted(value: unknown): unknown {
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  )
}
