import { AppError } from '../errors.ts'
import { type HttpClient, openHttpClient } from './http-client.ts'
import type { ApiAnswer, ApiRequest } from './wechat.ts'

const CONNECTION_LIMIT = 64
const ANSWER_LIMIT_BYTES = 20 * 1024 * 1024

/** Why there was no sensible answer, and whether the call may have had its effect all the same. */
type Trouble = { reason: 'timeout' | 'network' | 'bad_answer'; outcome: 'none' | 'unknown' }

export type WeChatHttp = {
  /** One call, one attempt. @throws {AppError} `wechat_unavailable` */
  send(path: string, request: ApiRequest, timeoutMs: number): Promise<ApiAnswer>
  close(): Promise<void>
}

/**
 * HTTP to WeChat with limits on everything: connections, time, size of the answer.
 *
 * An answer is judged by its content, not by its label: WeChat sends JSON as text/plain, and failures of image APIs as JSON.
 */
export function openWeChatHttp(baseUrl: string): WeChatHttp {
  const http = openHttpClient({ connections: CONNECTION_LIMIT, maxResponseSize: ANSWER_LIMIT_BYTES })

  return {
    async send(path, { method, query = {}, body, media }, timeoutMs) {
      // A path such as //elsewhere would carry the access_token to another host.
      if (!/^(\/[\w.-]+)+$/.test(path)) throw new AppError('invalid_request', `Not a path of a WeChat API: ${path}`)

      const texts = media ? { ...textsOf(body), ...query } : query
      const url = `${baseUrl}${path}?${new URLSearchParams(texts)}`.replace(/\?$/, '')
      const form = media && (await formOf(media, http))
      const payload = form ?? (body === undefined ? null : JSON.stringify(body))
      const headers = body !== undefined && !form ? { 'content-type': 'application/json; charset=utf-8' } : {}
      const signal = AbortSignal.timeout(Math.ceil(timeoutMs))
      try {
        const response = await http.request(url, { method, headers, body: payload, signal })
        const bytes = Buffer.from(await response.body.arrayBuffer())
        return parseAnswer(path, response.statusCode, String(response.headers['content-type'] ?? ''), bytes)
      } catch (error) {
        throw error instanceof AppError ? error : unreachable(path, error)
      }
    },
    close: http.close,
  }
}

async function formOf({ field, fileName, contentType, bytes }: NonNullable<ApiRequest['media']>, http: HttpClient) {
  const form = await http.newForm()
  // safe: Blob copies the bytes; its type only excludes shared memory, which no caller has
  form.set(field, new Blob([bytes as Uint8Array<ArrayBuffer>], { type: contentType }), fileName)
  return form
}

function textsOf(body: ApiRequest['body'] = {}) {
  const texts = Object.entries(body).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return Object.fromEntries(texts) as Record<string, string> // safe: every value was made a text
}

function parseAnswer(path: string, status: number, contentType: string, bytes: Buffer): ApiAnswer {
  if (status >= 500) throw unavailable(path, { reason: 'bad_answer', outcome: 'unknown' }, `status ${status}`)
  if (bytes[0] === 0x7b) return { contentType, json: parseJson(path, bytes) }
  if (bytes.length && /^(image|audio|video)\/|octet-stream/.test(contentType)) return { contentType, bytes }
  const found = bytes.length ? `${contentType || 'no content type'}` : 'an empty body'
  throw unavailable(path, { reason: 'bad_answer', outcome: 'unknown' }, found)
}

function parseJson(path: string, bytes: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(bytes.toString('utf8')) // safe: it begins with a brace, so that it is an object
  } catch {
    // The parser's own message quotes the text, which may hold a session_key: it must not become the cause.
    throw unavailable(path, { reason: 'bad_answer', outcome: 'unknown' }, 'JSON that breaks off')
  }
}

/** Nothing was sent if no connection could be made; anything later may have reached WeChat. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])

function unreachable(path: string, error: unknown) {
  const { name, code } = error as { name?: string; code?: unknown } // safe: both may be missing, `code` of any type
  const reason = name === 'TimeoutError' ? 'timeout' : 'network'
  const outcome = NEVER_SENT.has(String(code)) ? 'none' : 'unknown'
  return unavailable(path, { reason, outcome }, typeof code === 'string' ? code : (name ?? 'no answer'), error)
}

function unavailable(path: string, trouble: Trouble, found: string, cause?: unknown) {
  const details = { api: path, ...trouble }
  return new AppError('wechat_unavailable', `WeChat gave no usable answer to ${path} (${found}).`, { details, cause })
}
