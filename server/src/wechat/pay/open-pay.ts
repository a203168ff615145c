import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import { openHttpClient } from '../http-client.ts'
import type { NewOrder, NewRefund, WeChatPay } from './pay.ts'
import { asRecord, incomplete, parseObject, readOrder, readRefund } from './pay-answer.ts'
import { parseTradeBill, unpackBill } from './pay-bill.ts'
import { openPayKeys, type PayKeyConfig } from './pay-keys.ts'
import { readNotification } from './pay-notification.ts'
import { authorize, objectionTo, signPayment } from './pay-signature.ts'

const CONNECTION_LIMIT = 32
const ANSWER_LIMIT_BYTES = 64 * 1024 * 1024
const ATTEMPT_LIMIT = 3
const ATTEMPT_TIMEOUT_MS = 5_000
const RETRY_PAUSE_MS = 300

type Log = { warn(fields: Record<string, unknown>, message: string): void }

export type WeChatPayOptions = PayKeyConfig & {
  /** https://api.mch.weixin.qq.com or the simulator's address. */
  baseUrl: string
  /** https://api2.mch.weixin.qq.com, in another city: asked when the first one does not answer. */
  backupUrl?: string
  appId: string
  now?: () => number
  log?: Log
  attemptTimeoutMs?: number
  retryPauseMs?: number
}

type Answer = { status: number; headers: Readonly<Record<string, unknown>>; bytes: Buffer }

/** WeChat Pay, or the simulator in its place. @throws {AppError} `wechat_not_configured` if a key cannot be used */
export function openWeChatPay(options: WeChatPayOptions): WeChatPay {
  const { baseUrl, backupUrl = baseUrl, appId, now = Date.now, log } = options
  const { attemptTimeoutMs = ATTEMPT_TIMEOUT_MS, retryPauseMs = RETRY_PAUSE_MS } = options
  const keys = openPayKeys(options, now)
  const { mchId } = keys
  const http = openHttpClient({ connections: CONNECTION_LIMIT, maxResponseSize: ANSWER_LIMIT_BYTES })

  /** One attempt. Throws `wechat_unavailable` for everything that is no answer of WeChat Pay. */
  async function once(method: 'GET' | 'POST', pathAndQuery: string, body: string, host: string): Promise<Answer> {
    const headers = {
      accept: 'application/json',
      'user-agent': 'sampan-server',
      authorization: authorize({ method, pathAndQuery, body }, keys, now()),
      ...(body && { 'content-type': 'application/json' }),
      ...(keys.publicKeyId && { 'wechatpay-serial': keys.publicKeyId }),
    }
    const signal = AbortSignal.timeout(attemptTimeoutMs)
    try {
      const response = await http.request(host + pathAndQuery, { method, headers, body: body || null, signal })
      const bytes = Buffer.from(await response.body.arrayBuffer())
      return { status: response.statusCode, headers: response.headers, bytes }
    } catch (error) {
      throw unavailable(pathAndQuery, 'network', error)
    }
  }

  /** Attempts until WeChat Pay says something that can be believed. Every call is safe to repeat: see the contract. */
  async function call(
    method: 'GET' | 'POST',
    pathAndQuery: string,
    json?: unknown,
    isUnsigned = false,
  ): Promise<Answer> {
    const body = json === undefined ? '' : JSON.stringify(json)
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await once(method, pathAndQuery, body, attempt % 2 ? baseUrl : backupUrl)
        const code = refusalIn(answer)
        if (code === undefined && !isUnsigned) believe(pathAndQuery, answer)
        if (code !== undefined) throw refused(pathAndQuery, answer, code)
        return answer
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'wechat_unavailable' || attempt === ATTEMPT_LIMIT)
          throw error
        log?.warn({ api: pathOnly(pathAndQuery), attempt, reason: error.details?.['reason'] }, 'WeChat Pay asked again')
        await sleep(retryPauseMs * 2 ** (attempt - 1) * (1 + Math.random() / 2))
      }
    }
  }

  /** A refusal may come unsigned, for instance when our own signature is wrong; if it is signed, it must be genuine. */
  function refusalIn(answer: Answer): string | undefined {
    if (answer.status === 200 || answer.status === 204) return undefined
    const { code } = parseObject(answer.bytes) ?? {}
    if (answer.status >= 500 || typeof code !== 'string') return 'SYSTEM_ERROR'
    const isSigned = answer.headers['wechatpay-signature'] !== undefined
    return isSigned && objectionTo(answer.headers, answer.bytes, keys, now()) ? 'SYSTEM_ERROR' : code
  }

  function believe(pathAndQuery: string, { headers, bytes }: Answer) {
    const objection = objectionTo(headers, bytes, keys, now())
    if (objection) throw unavailable(pathAndQuery, `answer not believed: ${objection}`)
  }

  const get = async (pathAndQuery: string) => objectIn(await call('GET', pathAndQuery))
  const post = async (path: string, json: unknown) => objectIn(await call('POST', path, json))

  return {
    async createOrder(order) {
      const { prepay_id: prepayId } = await post('/v3/pay/transactions/jsapi', orderBody(order, { appId, mchId }))
      if (typeof prepayId !== 'string') throw incomplete('answer to an order')
      return { prepayId }
    },
    paymentRequest: (prepayId) => signPayment(appId, prepayId, keys, now()),
    findOrder: (outTradeNo) =>
      unless(['ORDER_NOT_EXIST'], async () => {
        const facts = await get(`/v3/pay/transactions/out-trade-no/${encodeURIComponent(outTradeNo)}?mchid=${mchId}`)
        if (facts['mchid'] !== mchId || facts['appid'] !== appId) throw incomplete('order')
        return readOrder(facts)
      }),
    async closeOrder(outTradeNo) {
      const path = `/v3/pay/transactions/out-trade-no/${encodeURIComponent(outTradeNo)}/close`
      const closing = unless(['ORDER_PAID', 'ORDERPAID'], () => call('POST', path, { mchid: mchId }))
      return (await closing) === undefined ? 'paid' : 'closed'
    },
    refund: async (refund) => readRefund(await post('/v3/refund/domestic/refunds', refundBody(refund))),
    findRefund: (outRefundNo) =>
      unless(['RESOURCE_NOT_EXISTS'], async () =>
        readRefund(await get(`/v3/refund/domestic/refunds/${encodeURIComponent(outRefundNo)}`)),
      ),
    async tradeBill(date) {
      const query = new URLSearchParams({ bill_date: date, bill_type: 'ALL', tar_type: 'GZIP' })
      const made = await unless(['STATEMENT_CREATING'], () =>
        unless(['NO_STATEMENT_EXIST'], () => get(`/v3/bill/tradebill?${query}`)).then((facts) => facts ?? {}),
      )
      if (made === undefined) return undefined
      const { download_url: url, hash_value: sha1 } = made
      if (typeof url !== 'string' || typeof sha1 !== 'string') return [] // a day without a payment has no bill
      // Only path and query of the address are used: an answer must not send us to another host.
      const { pathname, search } = new URL(url)
      const { bytes } = await call('GET', pathname + search, undefined, true)
      return parseTradeBill(unpackBill(bytes, sha1))
    },
    readNotification: (headers, body) => readNotification(headers, body, { appId, mchId }, { keys, nowMs: now() }),
    async refreshCertificates() {
      const answer = await call('GET', '/v3/certificates', undefined, true)
      const sealed = Object(parseObject(answer.bytes))['data']
      const pems = (Array.isArray(sealed) ? sealed : []).map((one) => keys.unseal(asRecord(one['encrypt_certificate'])))
      // Only who has our APIv3 key can seal them, so that they may prove the answer that brought them.
      const serials = pems.flatMap((pem) => (pem === undefined ? [] : [keys.addCertificate(pem)]))
      believe('/v3/certificates', answer)
      return { serials }
    },
    close: http.close,
  }
}

function orderBody(order: NewOrder, { appId, mchId }: { appId: string; mchId: string }) {
  return {
    appid: appId,
    mchid: mchId,
    description: order.description,
    out_trade_no: order.outTradeNo,
    ...(order.expiresAtMs !== undefined && { time_expire: beijingTime(order.expiresAtMs) }),
    ...(order.attach && { attach: order.attach }),
    notify_url: order.notifyUrl,
    amount: { total: order.totalFen, currency: 'CNY' },
    payer: { openid: order.openId },
  }
}

function refundBody({ outTradeNo, outRefundNo, refundFen, totalFen, reason, notifyUrl }: NewRefund) {
  return {
    out_trade_no: outTradeNo,
    out_refund_no: outRefundNo,
    ...(reason && { reason }),
    ...(notifyUrl && { notify_url: notifyUrl }),
    amount: { refund: refundFen, total: totalFen, currency: 'CNY' },
  }
}

function beijingTime(ms: number) {
  return `${new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19)}+08:00`
}

function objectIn({ bytes }: Answer): Record<string, unknown> {
  const facts = parseObject(bytes)
  if (!facts) throw incomplete('answer')
  return facts
}

/** Undefined if WeChat Pay refuses with one of these codes, which are an answer rather than a failure. */
async function unless<T>(payCodes: string[], ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof AppError && payCodes.includes(String(error.details?.['payCode']))) return undefined
    throw error
  }
}

/** Order numbers stay out of logs and errors only where they stand in a query; paths name them for support. */
const pathOnly = (pathAndQuery: string) => pathAndQuery.replace(/\?.*/s, '')

function refused(pathAndQuery: string, { bytes, headers, status }: Answer, payCode: string) {
  const message = String(Object(parseObject(bytes))['message'] ?? '')
  const api = pathOnly(pathAndQuery)
  // The end of the Request-Id is finer than the code, and the whole is what WeChat Pay's support asks for.
  const details = { api, status, payCode, message, requestId: String(headers['request-id'] ?? '') }
  if (payCode === 'SYSTEM_ERROR') return unavailable(pathAndQuery, `status ${status}`)
  if (payCode === 'FREQUENCY_LIMITED' || payCode === 'FREQUENCY_LIMIT_EXCEED') {
    return new AppError('rate_limited', 'WeChat Pay gets too many calls.', {
      details: { ...details, retryAfterSeconds: 1 },
    })
  }
  return new AppError('wechat_refused', `WeChat Pay refused ${api}: ${payCode} ${message}`, { details })
}

function unavailable(pathAndQuery: string, reason: string, cause?: unknown) {
  const details = { api: pathOnly(pathAndQuery), reason, outcome: 'unknown' }
  return new AppError('wechat_unavailable', `WeChat Pay gave no usable answer (${reason}).`, { details, cause })
}
