import { createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'

const KEY_BYTES = 16
const BLOCK_BYTES = 16
/** Far more than any open data of WeChat; a phone sends it, so that it has a limit. */
const DATA_LIMIT_BYTES = 64 * 1024

type DecryptOptions = {
  sessionKey: string
  appId: string
  encryptedData: string
  iv: string
  /** Older data is refused; by default any age passes, because pages keep what they asked for. */
  notBeforeMs?: number
}

/**
 * What the phone encrypted with the session_key: phone number, steps, group id.
 *
 * Everything that fails fails with one error, so that nobody learns from the difference whether the padding was right.
 * The usual reason is harmless: the user logged in again and the key is another one now.
 *
 * @throws {AppError} `session_expired`
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html
 */
export function decryptUserData({ sessionKey, appId, encryptedData, iv, notBeforeMs = 0 }: DecryptOptions) {
  const key = Buffer.from(sessionKey, 'base64')
  const start = Buffer.from(iv, 'base64')
  const data = Buffer.from(encryptedData, 'base64')
  const isWhole = data.length > 0 && data.length % BLOCK_BYTES === 0 && data.length <= DATA_LIMIT_BYTES
  if (key.length !== KEY_BYTES || start.length !== BLOCK_BYTES || !isWhole) throw unreadable()

  const facts = tryToRead(() => {
    const decipher = createDecipheriv('aes-128-cbc', key, start)
    return JSON.parse(Buffer.concat([decipher.update(data), decipher.final()]).toString('utf8'))
  })
  const { appid, timestamp } = watermarkOf(facts)
  if (appid !== appId || typeof timestamp !== 'number' || timestamp * 1000 < notBeforeMs) throw unreadable()
  return facts as Record<string, unknown> // safe: it has a watermark, so that it is an object
}

/** Whether the phone's `rawData` was signed with this session_key. */
export function isRawDataSigned(rawData: string, signature: string, sessionKey: string) {
  return isSame(
    createHash('sha1')
      .update(rawData + sessionKey)
      .digest('hex'),
    signature,
  )
}

/** The signature that WeChat's session APIs want; the key is used as text, not decoded. */
export function signWithSessionKey(message: string, sessionKey: string) {
  return createHmac('sha256', sessionKey).update(message).digest('hex')
}

export function isSame(expected: string, given: string) {
  const [one, two] = [Buffer.from(expected), Buffer.from(given)]
  return one.length === two.length && timingSafeEqual(one, two)
}

function watermarkOf(facts: unknown): { appid?: unknown; timestamp?: unknown } {
  const { watermark } = Object(facts)
  return Object(watermark)
}

function tryToRead(read: () => unknown) {
  try {
    return read()
  } catch {
    // The reason (padding, text, JSON) stays here on purpose: see above.
    throw unreadable()
  }
}

const unreadable = () => new AppError('session_expired', 'The encrypted data does not belong to the current session.')
