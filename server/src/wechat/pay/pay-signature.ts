import { randomBytes } from 'node:crypto'
import type { PaymentRequest } from './pay.ts'
import type { PayKeys } from './pay-keys.ts'

const SCHEME = 'WECHATPAY2-SHA256-RSA2048'
/** WeChat Pay's own rule in both directions. */
const CLOCK_TOLERANCE_MS = 300_000
/** WeChat Pay now and then signs wrongly on purpose, to see whether anybody looks. */
const PROBE_PREFIX = 'WECHATPAY/SIGNTEST/'

/** Why a message is not believed. For counting and for the log; the other side is told nothing of it. */
export type Objection = 'header' | 'scheme' | 'clock' | 'serial' | 'probe' | 'signature'

type Request = { method: string; pathAndQuery: string; body: string }

/** The Authorization header. `body` has to be, byte for byte, what is sent. */
export function authorize({ method, pathAndQuery, body }: Request, keys: PayKeys, nowMs: number): string {
  const timestamp = Math.floor(nowMs / 1000)
  const nonce = randomBytes(16).toString('hex')
  const signature = keys.sign(`${method}\n${pathAndQuery}\n${timestamp}\n${nonce}\n${body}\n`)
  const { mchId, merchantSerial } = keys
  return `${SCHEME} mchid="${mchId}",nonce_str="${nonce}",signature="${signature}",timestamp="${timestamp}",serial_no="${merchantSerial}"`
}

/** What the page needs for wx.requestPayment; `signType` is not part of what is signed. */
export function signPayment(appId: string, prepayId: string, keys: PayKeys, nowMs: number): PaymentRequest {
  const timeStamp = String(Math.floor(nowMs / 1000))
  const nonceStr = randomBytes(16).toString('hex')
  const packageText = `prepay_id=${prepayId}`
  const paySign = keys.sign(`${appId}\n${timeStamp}\n${nonceStr}\n${packageText}\n`)
  return { timeStamp, nonceStr, package: packageText, signType: 'RSA', paySign }
}

/** Whether WeChat Pay signed this, just now: undefined if so, otherwise what speaks against it. */
export function objectionTo(
  headers: Readonly<Record<string, unknown>>,
  body: Buffer,
  keys: PayKeys,
  nowMs: number,
): Objection | undefined {
  const timestamp = headers['wechatpay-timestamp']
  const nonce = headers['wechatpay-nonce']
  const serial = headers['wechatpay-serial']
  const signature = headers['wechatpay-signature']
  const scheme = headers['wechatpay-signature-type'] ?? SCHEME
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) return 'header'
  if (typeof nonce !== 'string' || typeof serial !== 'string' || typeof signature !== 'string') return 'header'
  if (scheme !== SCHEME) return 'scheme'
  if (Math.abs(nowMs - Number(timestamp) * 1000) >= CLOCK_TOLERANCE_MS) return 'clock'
  if (!keys.knows(serial)) return 'serial'

  const text = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from('\n')])
  if (keys.isGenuine(serial, text, signature)) return undefined
  return signature.startsWith(PROBE_PREFIX) ? 'probe' : 'signature'
}
