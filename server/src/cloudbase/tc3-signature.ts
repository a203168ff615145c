/**
 * Checks TC3-HMAC-SHA256 signatures as @cloudbase/node-sdk makes them (@cloudbase/signature-nodejs `signer.js`): over
 * method, address, query, the signed headers and, unlike Tencent's API v3, the signed body fields one by one.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'

export type SignedRequest = {
  readonly method: string
  /** As the client wrote it: the Host header. */
  readonly host: string
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Fields of the body: JSON values, or text and bytes of a form. */
  readonly fields: Readonly<Record<string, unknown>>
}

export type SecretLookup = (secretId: string) => Promise<string | undefined>

const SIGNATURE =
  /^TC3-HMAC-SHA256 Credential=([\w-]{1,64})\/(\d{4}-\d{2}-\d{2})\/tcb\/tc3_request, *(?:SignedParams=([^,]{0,8192}), *)?SignedHeaders=([\w;-]{1,2048}), *Signature=([0-9a-f]{64})$/
/** As the SDK's own X-Signature-Expires. */
const AGE_SECONDS_MAX = 600

/** Whose key signed the request. @throws {AppError} `signature_invalid`, always with the same message */
export async function verifySignature(
  request: SignedRequest,
  findSecret: SecretLookup,
  nowMs: number,
): Promise<string> {
  const [, secretId = '', date = '', params = '', headers = '', given = ''] =
    SIGNATURE.exec(headerOf(request, 'authorization')) ?? []
  const timestamp = Number(headerOf(request, 'x-timestamp'))
  const isFresh = Math.abs(nowMs / 1000 - timestamp) <= AGE_SECONDS_MAX
  if (!secretId || !isFresh || date !== new Date(timestamp * 1000).toISOString().slice(0, 10)) throw refused()

  const secret = await findSecret(secretId)
  if (!secret) throw refused()
  const bodyHash = hashFields(request.fields, params ? params.split(';') : [])
  const canonical = canonicalRequest(request, headers.split(';'), bodyHash)
  const text = `TC3-HMAC-SHA256\n${timestamp}\n${date}/tcb/tc3_request\n${sha256(canonical)}`
  const key = hmac(hmac(hmac(`TC3${secret}`, date), 'tcb'), 'tc3_request')
  if (!timingSafeEqual(hmac(key, text), Buffer.from(given, 'hex'))) throw refused()
  return secretId
}

const refused = () => new AppError('signature_invalid', 'The signature or the key is not valid, or the clock is wrong.')

function canonicalRequest(request: SignedRequest, signedHeaders: readonly string[], bodyHash: string): string {
  if (!signedHeaders.includes('host') || !signedHeaders.includes('content-type')) throw refused()
  const lines = signedHeaders.map((name) => `${name}:${signedHeaderValue(request, name)}`)
  const { method, host, path, query } = request
  // The SDK writes its methods small; the scheme is left out, so that a proxy may speak TLS for us.
  return `${method.toLowerCase()}\n//${host}${path}\n${query}\n${lines.join('\n')}\n\n${signedHeaders.join(';')}\n${bodyHash}`
}

function signedHeaderValue(request: SignedRequest, name: string): string {
  const value = headerOf(request, name)
  if (name !== 'content-type') return value.trim().toLowerCase()
  return value.startsWith('multipart/form-data') ? 'multipart/form-data' : value
}

/** Every field that says something must be signed: an extra one could change what the request means. */
function hashFields(fields: SignedRequest['fields'], signedNames: readonly string[]): string {
  const values = new Map<string, string | Buffer>()
  for (const [name, value] of Object.entries(fields)) {
    const key = encodeName(name.toLowerCase().trim())
    if (values.has(key)) throw refused()
    values.set(key, Buffer.isBuffer(value) ? value : (typeof value === 'string' ? value : JSON.stringify(value)).trim())
  }
  for (const [name, value] of values) if (value.length > 0 && !signedNames.includes(name)) throw refused()

  const hash = createHash('sha256')
  for (const name of signedNames) {
    const value = values.get(name)
    if (!value?.length) continue
    hash.update(`&${name}=`).update(value).update('\r\n')
  }
  return hash.digest('hex')
}

const encodeName = (name: string) =>
  encodeURIComponent(name).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)

function headerOf({ headers }: SignedRequest, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
