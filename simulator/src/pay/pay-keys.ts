import { createCipheriv, generateKeyPair, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import type { SeededRandom } from '../seeded-random.ts'
import { createCertificate } from './self-signed-certificate.ts'

const CERTIFICATE_LIFE_MS = 5 * 365 * 86_400_000

/**
 * With which key WeChat Pay signs: the public key of newer merchants, the certificate of older ones, or, while a merchant
 * changes from one to the other, now this and now that.
 */
export type KeyMode = 'public-key' | 'certificate' | 'mixed'

/** What the merchant downloads and sets, as the server's configuration wants it. */
export type PayCredentials = {
  mchId: string
  apiV3Key: string
  merchantPrivateKeyPem: string
  merchantSerial: string
  publicKeyId: string
  publicKeyPem: string
  /** The platform certificates valid now; empty in public-key mode. */
  certificatePems: string[]
}

type Signer = { serial: string; privateKey: KeyObject; publicKey: KeyObject }

export type PayKeys = {
  readonly credentials: () => PayCredentials
  readonly mchId: string
  readonly merchantSerial: string
  setMode(mode: KeyMode): void
  mode(): KeyMode
  /** A new platform certificate beside the old one, as in the five days before one runs out. */
  addCertificate(): Promise<void>
  certificates(): { serial: string; pem: string; fromMs: number; toMs: number }[]
  isSignedByMerchant(text: string, signature: string): boolean
  sign(text: string): { serial: string; signature: string }
  /** As in a notification: AES-256-GCM with the merchant's APIv3 key. */
  encrypt(text: string, associatedData: string): { ciphertext: string; nonce: string; associated_data: string }
}

type Needs = { mchId: string; apiV3Key: string | undefined; mode: KeyMode; random: SeededRandom; now: () => number }

export async function openPayKeys({ mchId, apiV3Key: given, mode: firstMode, random, now }: Needs): Promise<PayKeys> {
  const apiV3Key = given ?? random.letters(32)
  const makeKeys = () => promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const makeSerial = () => `1${random.bytes(20).toString('hex').toUpperCase().slice(1)}`
  const [merchant, platform] = await Promise.all([makeKeys(), makeKeys()])
  const merchantSerial = makeSerial()
  const publicKeySigner: Signer = { serial: `PUB_KEY_ID_0${random.bytes(16).toString('hex')}`, ...platform }
  const certificateSigners: (Signer & { certificatePem: string; fromMs: number; toMs: number })[] = []
  let mode = firstMode

  const addCertificate = async () => {
    const pair = await makeKeys()
    const serial = makeSerial()
    const [fromMs, toMs] = [now(), now() + CERTIFICATE_LIFE_MS]
    const certificatePem = createCertificate({ name: 'Tenpay.com simulated', serial, ...pair, fromMs, toMs })
    certificateSigners.push({ serial, ...pair, certificatePem, fromMs, toMs })
  }
  if (mode !== 'public-key') await addCertificate()

  const pickSigner = (): Signer => {
    const certificate = certificateSigners.at(-1)
    if (mode === 'public-key' || !certificate) return publicKeySigner
    return mode === 'certificate' || random.fraction() < 0.5 ? certificate : publicKeySigner
  }

  return {
    mchId,
    merchantSerial,
    credentials: () => ({
      mchId,
      apiV3Key,
      merchantPrivateKeyPem: String(merchant.privateKey.export({ type: 'pkcs8', format: 'pem' })),
      merchantSerial,
      publicKeyId: publicKeySigner.serial,
      publicKeyPem: String(platform.publicKey.export({ type: 'spki', format: 'pem' })),
      certificatePems: certificateSigners.map(({ certificatePem }) => certificatePem),
    }),
    setMode(next) {
      mode = next
    },
    mode: () => mode,
    addCertificate,
    certificates: () =>
      certificateSigners.map(({ serial, certificatePem: pem, fromMs, toMs }) => ({ serial, pem, fromMs, toMs })),
    isSignedByMerchant: (text, signature) =>
      verify('sha256', Buffer.from(text), merchant.publicKey, Buffer.from(signature, 'base64')),
    sign(text) {
      const { serial, privateKey } = pickSigner()
      return { serial, signature: sign('sha256', Buffer.from(text), privateKey).toString('base64') }
    },
    encrypt(text, associatedData) {
      const nonce = random.letters(12)
      const cipher = createCipheriv('aes-256-gcm', apiV3Key, nonce).setAAD(Buffer.from(associatedData))
      const bytes = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
      return { ciphertext: bytes.toString('base64'), nonce, associated_data: associatedData }
    },
  }
}
