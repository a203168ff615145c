/** Encryption at rest for what the database must hold but a copy of the database must not reveal (AES-256-GCM). */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

export type Seal = {
  /** base64url of version ‖ 12-byte nonce ‖ ciphertext ‖ 16-byte tag. */
  seal(text: string): string
  /** @throws {Error} if the text was not sealed with this key, or was changed */
  open(sealed: string): string
  /** A signature over `text` for links and tickets that this server checks itself: 32 base64url characters. */
  sign(text: string): string
  /** Whether `signature` is that of `text`, in constant time. */
  isSigned(text: string, signature: string): boolean
  /** 256 bits that only this server can derive from `text`: 43 base64url characters (HMAC-SHA256 as a PRF). */
  derive(text: string): string
}

const VERSION = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const NONCES_DRAWN = 128
const SIGNATURE_CHARACTERS = 32

/** @param secretKey at least 32 characters; independent keys are derived from it (HKDF-SHA256, RFC 5869) */
export function openSeal(secretKey: string): Seal {
  // A KeyObject is checked and copied once; a plain Buffer at every use, which takes three times as long.
  const keyFor = (purpose: string) => createSecretKey(Buffer.from(hkdfSync('sha256', secretKey, 'sampan', purpose, 32)))
  const sealKey = keyFor('seal')
  const signKey = keyFor('sign')
  const deriveKey = keyFor('derive')
  const nonces = nonceSource()

  const sign = (text: string) =>
    createHmac('sha256', signKey).update(text).digest('base64url').slice(0, SIGNATURE_CHARACTERS)

  return {
    sign,
    derive: (text) => createHmac('sha256', deriveKey).update(text).digest('base64url'),
    isSigned(text, signature) {
      const given = Buffer.from(signature)
      return given.length === SIGNATURE_CHARACTERS && timingSafeEqual(given, Buffer.from(sign(text)))
    },
    seal(text) {
      const nonce = nonces()
      const cipher = createCipheriv('aes-256-gcm', sealKey, nonce)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([Buffer.from([VERSION]), nonce, body, cipher.getAuthTag()]).toString('base64url')
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64url')
      if (bytes[0] !== VERSION || bytes.length < 1 + NONCE_BYTES + TAG_BYTES) throw new Error('Not a sealed text.')
      const nonce = bytes.subarray(1, 1 + NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', sealKey, nonce)
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      const body = bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES)
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
    },
  }
}

/** Random bytes for many nonces are drawn at once: each draw costs as much as half an encryption. */
function nonceSource(): () => Buffer {
  let drawn = Buffer.alloc(0)
  return () => {
    if (drawn.length < NONCE_BYTES) drawn = randomBytes(NONCE_BYTES * NONCES_DRAWN)
    const nonce = drawn.subarray(0, NONCE_BYTES)
    drawn = drawn.subarray(NONCE_BYTES)
    return nonce
  }
}
