import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AccessTokens } from './access-tokens.ts'
import type { CallLog } from './call-log.ts'
import type { Fault, Knobs } from './faults.ts'
import { Refusal } from './refusal.ts'
import { type Answer, type Input, isRecord, type Route } from './route.ts'
import type { SeededRandom } from './seeded-random.ts'

const BODY_LIMIT_BYTES = 10 * 1024 * 1024
/** Longer bodies are not kept in the call log. */
const LOGGED_BODY_LIMIT_BYTES = 4 * 1024
const REORDER_WAIT_MS = 1_000

type Needs = {
  routes: readonly Route[]
  tokens: AccessTokens
  knobs: Knobs
  calls: CallLog
  now: () => number
  random: SeededRandom
  /** How the routes of the `pay` family say no. */
  refusePay: (thrown: unknown) => Answer
}

/** How a call went: what is sent, and what the log should say about it. */
type Outcome = { answer: Answer; errcode: number; hadEffect: boolean }

/**
 * The HTTP side of the simulator: finds the route, makes WeChat's general checks, lets faults strike, logs.
 *
 * Written on node:http because half of its work is to answer wrongly: late, twice, cut off, or never.
 */
export async function openDoor(needs: Needs, host: string, port: number) {
  const { routes, knobs, calls, now, random } = needs
  const findRoute = routeFinder(routes)
  const waiting = new Map<string, () => void>()

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else send(response, { status: 500, json: { errcode: -1, errmsg: `simulator failed: ${String(error)}` } }, [])
    })
  })
  // A client that never finishes its request must not hold memory for ever.
  server.requestTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })

  async function serve(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://simulator')
    const found = findRoute(request.method ?? 'GET', url.pathname)
    const path = found?.route.path ?? url.pathname
    const isOurs = found?.route.family === 'control'
    const faults = isOurs ? [] : knobs.strike(path)
    const bytes = await readBody(request)
    const input = { method: request.method ?? 'GET', url: request.url ?? '/', headers: request.headers, bytes }

    await beAsSlowAs(faults, path)
    const outcome = await run(input, url, found, faults)
    if (!isOurs) {
      const { answer, errcode, hadEffect } = outcome
      const kinds = faults.map((fault) => fault.kind)
      const body = readable(bytes)
      const status = answer.status ?? 200
      calls.add({
        atMs: now(),
        method: input.method,
        path,
        url: input.url,
        body,
        status,
        errcode,
        hadEffect,
        faults: kinds,
      })
    }
    send(response, outcome.answer, faults)
  }

  async function beAsSlowAs(faults: readonly Fault[], path: string) {
    for (const fault of faults) if (fault.kind === 'latency') await sleep(fault.latencyMs ?? 0)
    const letEarlierPass = waiting.get(path)
    if (letEarlierPass) {
      // This call overtakes the one that waits; it is released once this one is on its way.
      waiting.delete(path)
      setTimeout(letEarlierPass, 20).unref()
    } else if (faults.some((fault) => fault.kind === 'reorder')) {
      await new Promise<void>((resolve) => {
        waiting.set(path, resolve)
        setTimeout(() => {
          if (waiting.get(path) === resolve) waiting.delete(path)
          resolve()
        }, REORDER_WAIT_MS).unref()
      })
    }
  }

  async function run(
    sent: Pick<Input, 'method' | 'url' | 'headers' | 'bytes'>,
    url: URL,
    found: Found | undefined,
    faults: readonly Fault[],
  ): Promise<Outcome> {
    const strikes = (kind: Fault['kind']) => faults.find((fault) => fault.kind === kind)
    if (strikes('timeout-before') || strikes('reset')) return nothing({ json: {} })
    if (strikes('http-500')) return nothing({ status: 500, bytes: HTML_ERROR, contentType: 'text/html' })
    const refusal = strikes('refuse') ?? (strikes('busy') && { errcode: -1, errmsg: 'system error' })
    if (refusal) return refused(refusal.errcode ?? -1, refusal.errmsg ?? 'refused by a fault', found?.route.family)

    try {
      if (!found) throw new Refusal(40066)
      const input = { ...sent, ...check(found.route, sent, url), params: found.params }
      const answer = await found.route.handle(input)
      if (!strikes('duplicate')) return { answer, errcode: 0, hadEffect: true }
      // As if a proxy had sent it twice: the caller sees the second answer.
      return { answer: await found.route.handle(input), errcode: 0, hadEffect: true }
    } catch (error) {
      if (found?.route.family === 'pay') return nothing(needs.refusePay(error))
      if (!(error instanceof Refusal)) throw error
      return refused(error.errcode, error.message, found?.route.family)
    }
  }

  /** WeChat's general checks, in its order: method, token, body. */
  function check(route: Route, { method, bytes }: Pick<Input, 'method' | 'bytes'>, url: URL) {
    const query = Object.fromEntries(url.searchParams)
    if (route.family === 'pay') return { query, json: {} } // its signature comes before everything else
    if (route.family === 'control') return { query, json: parseJson(bytes) }
    if (method !== route.method) throw wrongMethod(route)
    if (route.needsToken) {
      // The classic mistake: the token in the body. WeChat then reports the body, not the token.
      if (!query['access_token'] && bytes.includes('access_token')) throw new Refusal(47001)
      needs.tokens.check(query['access_token'])
    }
    if (route.body === 'none') return { query, json: {} }
    if (bytes.length === 0) throw new Refusal(44002)
    return { query, json: route.body === 'json' ? parseJson(bytes) : {} }
  }

  function refused(errcode: number, text: string, family: Route['family'] | undefined): Outcome {
    const rid = [
      Math.floor(now() / 1000)
        .toString(16)
        .padStart(8, '0'),
      random.hex8(),
      random.hex8(),
    ].join('-')
    const answer =
      family === 'pay' ? needs.refusePay(new Error(text)) : { json: { errcode, errmsg: `${text} rid: ${rid}` } }
    return { answer, errcode, hadEffect: false }
  }

  const { port: realPort } = server.address() as AddressInfo // safe: a TCP server that listens has an address and a port
  return {
    url: `http://${host}:${realPort}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

const HTML_ERROR = Buffer.from('<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>')

const nothing = (answer: Answer): Outcome => ({ answer, errcode: -1, hadEffect: false })

function wrongMethod(route: Route) {
  if (route.method === 'GET') return new Refusal(43001)
  return new Refusal(route.path.startsWith('/wxa/') ? 43302 : 43002)
}

type Found = { route: Route; params: Record<string, string> }

/** By path first: a known path with another method is a refusal of its own. */
function routeFinder(routes: readonly Route[]) {
  const patterns = routes.map((route) => ({
    route,
    names: [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name),
    pattern: new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '([^/]+)')}$`),
  }))

  return (method: string, pathname: string): Found | undefined => {
    const candidates = patterns.filter(({ pattern }) => pattern.test(pathname))
    const chosen = candidates.find(({ route }) => route.method === method) ?? candidates[0]
    if (!chosen) return undefined
    const values = chosen.pattern.exec(pathname)?.slice(1) ?? []
    const params = Object.fromEntries(chosen.names.map((name, at) => [name, decodeURIComponent(values[at] ?? '')]))
    return { route: chosen.route, params }
  }
}

async function readBody(request: IncomingMessage) {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_LIMIT_BYTES) throw new Error('body over 10 MB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseJson(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {}
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'))
    if (isRecord(parsed)) return parsed
  } catch {
    // answered below, as for JSON of another shape
  }
  throw new Refusal(47001)
}

function readable(bytes: Buffer): unknown {
  if (bytes.length === 0 || bytes.length > LOGGED_BODY_LIMIT_BYTES) return undefined
  const text = bytes.toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Sends an answer, or what the faults leave of it. */
function send(response: ServerResponse, answer: Answer, faults: readonly Fault[]) {
  const strikes = (kind: Fault['kind']) => faults.some((fault) => fault.kind === kind)
  if (strikes('timeout-before') || strikes('timeout-after')) return // the connection stays open and silent
  if (strikes('reset')) return void response.destroy()

  const contentType = 'bytes' in answer ? answer.contentType : 'application/json; encoding=utf-8'
  const bytes = spoil(bytesOf(answer), strikes)
  const status = strikes('html') || strikes('empty-body') ? 200 : (answer.status ?? 200)
  response.writeHead(status, {
    ...answer.headers,
    'content-type': strikes('wrong-content-type') ? 'text/plain' : strikes('html') ? 'text/html' : contentType,
    ...(status === 204 ? {} : { 'content-length': bytes.length }),
  })
  if (!strikes('truncate')) return void response.end(bytes)
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy())
}

function spoil(bytes: Buffer, strikes: (kind: Fault['kind']) => boolean) {
  if (strikes('empty-body')) return Buffer.alloc(0)
  if (strikes('html')) return HTML_ERROR
  if (!strikes('garbled')) return bytes
  // Before the first value, where it breaks JSON of any shape.
  const at = Math.max(bytes.indexOf(':') + 1, 1)
  return Buffer.concat([bytes.subarray(0, at), Buffer.from('?'), bytes.subarray(at)])
}

function bytesOf(answer: Answer) {
  if ('bytes' in answer) return answer.bytes
  return answer.json === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(answer.json))
}
