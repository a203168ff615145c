import { bodyOf, type Exchange, type Reply } from './exchange.ts'
import { type Clock, withRetries } from './retry.ts'
import type { Session } from './session.ts'
import { IDEMPOTENCY_HEADER, JSON_TYPE, REQUEST_ID_HEADER } from './wire-headers.ts'

/**
 * `read` may be repeated and shared; `write` may be repeated because it carries an Idempotency-Key; a `call` runs the
 * program's own code, so it is repeated only if the server turned it away unread.
 */
export type Kind = 'read' | 'write' | 'call'

type PostOptions = { timeoutMs?: number; idempotencyKey?: string }

export type Transport = {
  /** Posts JSON and answers the parsed body. @throws {CloudError} */
  post(path: string, json: string, kind: Kind, options?: PostOptions): Promise<unknown>
  /** The same care (login, one renewal, retries, names) for any exchange; `header` holds what it must send. */
  perform(
    kind: Kind,
    attempt: (header: Record<string, string>) => Promise<Reply>,
    idempotencyKey?: string,
  ): Promise<NamedReply>
  /** A name for one write, so that it takes effect once however often it is sent. */
  newKey(): string
}

type NamedReply = Reply & { readonly requestId: string }

type Needs = {
  exchange: Exchange
  session: Session
  url: () => string
  /** Headers of every request. */
  headers: () => Record<string, string>
  timeoutMs: () => number
  /** Told when the first request begins and when the last one ends. */
  onLoading: (isLoading: boolean) => void
  clock: Clock
}

export function openTransport({ exchange, session, url, headers, timeoutMs, onLoading, clock }: Needs): Transport {
  const readsInFlight = new Map<string, Promise<unknown>>()
  let inFlight = 0

  const newKey = () =>
    [clock.now(), clock.random(), clock.random()].map((n) => n.toString(36).replace('0.', '').slice(0, 11)).join('')

  const perform: Transport['perform'] = async (kind, attempt, idempotencyKey) => {
    const requestId = newKey()
    const header: Record<string, string> = { ...headers(), [REQUEST_ID_HEADER]: requestId }
    if (kind !== 'read') header[IDEMPOTENCY_HEADER] = idempotencyKey || newKey()
    const send = (token: string) =>
      withRetries(() => attempt({ ...header, authorization: `Bearer ${token}` }), kind !== 'call', clock)

    if (inFlight++ === 0) onLoading(true)
    try {
      const token = await session.token()
      let reply = await send(token)
      if (isSessionRefused(reply)) reply = await send(await session.token(token))
      return { ...reply, requestId }
    } finally {
      if (--inFlight === 0) onLoading(false)
    }
  }

  const postOnce = async (
    path: string,
    data: string,
    kind: Kind,
    { timeoutMs: timeout = timeoutMs(), idempotencyKey }: PostOptions,
  ) => {
    const send = (header: Record<string, string>) =>
      exchange.request({ url: url() + path, method: 'POST', data, header: { ...header, ...JSON_TYPE }, timeout })
    const reply = await perform(kind, send, idempotencyKey)
    return bodyOf(reply, reply.requestId)
  }

  return {
    perform,
    newKey,
    post(path, json, kind, options = {}) {
      const key = path + json
      const shared = kind === 'read' ? readsInFlight.get(key) : undefined
      if (shared) return shared // two pages that ask the same at the same moment

      // A read that began before a write may not see it, so nobody who asks from now on may share its answer.
      if (kind !== 'read') readsInFlight.clear()
      const posting = postOnce(path, json, kind, options)
      const done = () => {
        if (kind !== 'read') readsInFlight.clear()
        else if (readsInFlight.get(key) === posting) readsInFlight.delete(key)
      }
      if (kind === 'read') readsInFlight.set(key, posting)
      posting.then(done, done)
      return posting
    },
  }
}

const isSessionRefused = ({ statusCode, error }: Reply) =>
  statusCode === 401 && error !== undefined && /^(session_|unauthenticated)/.test(error.code)
