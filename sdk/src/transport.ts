import { bodyOf, type Exchange, type Reply } from './exchange.ts'
import { holdAnswers } from './held-answers.ts'
import { type Clock, withRetries } from './retry.ts'
import type { Session } from './session.ts'
import { IDEMPOTENCY_HEADER, JSON_TYPE, REQUEST_ID_HEADER } from './wire-headers.ts'

/**
 * `read` may be repeated and shared; `write` may be repeated because it carries an Idempotency-Key; a `call` runs the
 * program's own code, so it is repeated only if the server turned it away unread.
 */
export type Kind = 'read' | 'write' | 'call'

type PostOptions = { longestMs?: number; idempotencyKey?: string }

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
  /** How long a request may take. */
  usualMs: () => number
  /** Told when the first request begins and when the last one ends. */
  reportLoading: (isLoading: boolean) => void
  clock: Clock
}

export function openTransport({ exchange, session, url, headers, usualMs, reportLoading, clock }: Needs): Transport {
  const readsInFlight = new Map<string, Promise<unknown>>()
  const answers = holdAnswers()
  let inFlight = 0

  const newKey = () =>
    [clock.now(), clock.random(), clock.random()].map((n) => n.toString(36).replace('0.', '').slice(0, 11)).join('')

  const perform: Transport['perform'] = async (kind, attempt, idempotencyKey) => {
    const requestId = newKey()
    const header: Record<string, string> = { ...headers(), [REQUEST_ID_HEADER]: requestId }
    if (kind !== 'read') header[IDEMPOTENCY_HEADER] = idempotencyKey || newKey()
    const send = (token: string) =>
      withRetries(() => attempt({ ...header, authorization: `Bearer ${token}` }), kind !== 'call', clock)

    if (!inFlight++) reportLoading(true)
    try {
      const token = await session.token()
      let reply = await send(token)
      if (isSessionRefused(reply)) reply = await send(await session.token(token))
      return { ...reply, requestId }
    } finally {
      if (!--inFlight) reportLoading(false)
    }
  }

  const postOnce = async (
    path: string,
    data: string,
    kind: Kind,
    { longestMs: timeout = usualMs(), idempotencyKey }: PostOptions,
  ) => {
    const held = kind === 'read' && answers.held(path + data)
    const asking = held && { 'if-none-match': held.tag }
    const send = (header: Record<string, string>) =>
      exchange.request({
        url: url() + path,
        method: 'POST',
        data,
        header: { ...header, ...JSON_TYPE, ...asking },
        timeout,
      })
    const reply = await perform(kind, send, idempotencyKey)
    if (held && reply.httpStatus === 304) return held.answerBody
    const body = bodyOf(reply)
    if (reply.tag) answers.hold(path + data, { tag: reply.tag, answerBody: body })
    return body
  }

  return {
    perform,
    newKey,
    post(path, json, kind, options = {}) {
      const key = path + json
      const isRead = kind === 'read'
      const shared = isRead && readsInFlight.get(key)
      if (shared) return shared // two pages that ask the same at the same moment

      // A read that began before a write may not see it, so nobody who asks from now on may share its answer.
      if (!isRead) readsInFlight.clear()
      const posting = postOnce(path, json, kind, options)
      const done = () => {
        if (!isRead) readsInFlight.clear()
        else if (readsInFlight.get(key) === posting) readsInFlight.delete(key)
      }
      if (isRead) readsInFlight.set(key, posting)
      posting.then(done, done)
      return posting
    },
  }
}

const isSessionRefused = ({ httpStatus, error }: Reply) =>
  httpStatus === 401 && error && /^(session_|unauthenticated)/.test(error.code)
