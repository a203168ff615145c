import {
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto'
import { AppError } from '../../errors.ts'

const API_V3_KEY_BYTES = 32
const TAG_BYTES = 16

export type PayKeyConfig = {
  mchId: string
  /** PEM of the merchant's key, apiclient_key.pem. */
  merchantPrivateKey: string
  /** Serial number of the merchant's certificate. */
  merchantSerial: string
  /** The 32 characters set in the merchant's console. */
  apiV3Key: string
  /** `PUB_KEY_ID_…` and its PEM: how WeChat Pay signs for merchants since 2024. */
  publicKeyId?: string
  publicKey?: string
  /** PEMs of WeChat Pay's certificates, for merchants from before. During the change both kinds appear. */
  certificates?: readonly string[]
}

export type SealedText = { algorithm?: unknown; ciphertext?: unknown; nonce?: unknown; associated_data?: unknown }

export type PayKeys = ReturnType<typeof openPayKeys>

/** The merchant's key to sign with, and WeChat Pay's keys, found by the serial that each message names. */
export function openPayKeys(config: PayKeyConfig, now: () => number) {
  const { mchId, merchantPrivateKey, merchantSerial, apiV3Key, publicKeyId, publicKey, certificates = [] } = config
  if (!mchId || !merchantSerial) throw notConfigured('merchant id or serial number is missing')
  if (Buffer.byteLength(apiV3Key) !== API_V3_KEY_BYTES) throw notConfigured('the APIv3 key must have 32 characters')
  const privateKey = parsed('merchant key', () => createPrivateKey(merchantPrivateKey))
  const verifiers = new Map<string, { key: KeyObject; fromMs: number; toMs: number }>()

  const addCertificate = (pem: string) => {
    const {
      serialNumber,
      publicKey: key,
      validFromDate,
      validToDate,
    } = parsed('certificate', () => new X509Certificate(pem))
    verifiers.set(serialNumber.toUpperCase(), { key, fromMs: validFromDate.getTime(), toMs: validToDate.getTime() })
    return serialNumber.toUpperCase()
  }

  for (const pem of certificates) addCertificate(pem)
  if (publicKeyId && publicKey) {
    const key = parsed('public key', () => createPublicKey(publicKey))
    verifiers.set(publicKeyId.toUpperCase(), { key, fromMs: -Infinity, toMs: Infinity })
  }

  return {
    mchId,
    merchantSerial,
    publicKeyId,
    addCertificate,

    sign: (text: string) => sign('sha256', Buffer.from(text), privateKey).toString('base64'),

    /** Whether this serial is one of WeChat Pay's keys that is valid now. */
    knows(serial: string) {
      const found = verifiers.get(serial.toUpperCase())
      return found !== undefined && found.fromMs <= now() + 300_000 && now() < found.toMs
    },

    isGenuine(serial: string, text: Buffer, signature: string) {
      const found = verifiers.get(serial.toUpperCase())
      return found !== undefined && verify('sha256', text, found.key, Buffer.from(signature, 'base64'))
    },

    /** Undefined if the text was not sealed with our APIv3 key. */
    unseal({ algorithm, ciphertext, nonce, associated_data: extra = '' }: SealedText): string | undefined {
      if (algorithm !== 'AEAD_AES_256_GCM' || typeof ciphertext !== 'string') return undefined
      if (typeof nonce !== 'string' || typeof extra !== 'string') return undefined
      const bytes = Buffer.from(ciphertext, 'base64')
      if (bytes.length <= TAG_BYTES) return undefined
      try {
        const decipher = createDecipheriv('aes-256-gcm', apiV3Key, nonce, { authTagLength: TAG_BYTES })
        decipher.setAAD(Buffer.from(extra)).setAuthTag(bytes.subarray(-TAG_BYTES))
        const parts = [decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]
        return Buffer.concat(parts).toString('utf8')
      } catch {
        return undefined // the tag is wrong: another key, or changed on the way
      }
    },
  }
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse()
  } catch {
    // The parser's own error is left out: it may quote the key.
    throw notConfigured(`the ${what} is not valid PEM`)
  }
}

const notConfigured = (problem: string) => new AppError('wechat_not_configured', `WeChat Pay: ${problem}.`)
