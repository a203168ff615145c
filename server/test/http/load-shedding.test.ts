import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { shedLoad } from '../../src/http/load-shedding.ts'
import { openHttp, requestIds } from '../../src/http/open-http.ts'
import { openLog } from '../../src/log.ts'

const PLACES = 10

/** A real HTTP server whose answers wait until the test lets them go. */
async function startWaiting() {
  const log = openLog({ level: 'silent', destination: { write: () => {} }, isPretty: false })
  const app: FastifyInstance = openHttp({ bodyLimitBytes: 1_000_000, requestDeadlineMs: 60_000 }, log)
  shedLoad(app, { maxInFlight: PLACES, requestIdOf: requestIds() })
  const waiting: (() => void)[] = []
  let arrived = () => {}
  const wait = () =>
    new Promise<object>((resolve) => {
      waiting.push(() => resolve({}))
      arrived()
    })
  app.post('/login', { config: { priority: 'first' } }, wait)
  app.post('/pay/:kind', { config: { priority: 'first' } }, wait)
  app.post('/add', wait)
  app.get('/one', wait)
  app.post('/find', { config: { priority: 'list' } }, wait)
  app.get('/livez', { config: { priority: 'always' } }, async () => ({}))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const ask = (method: string, path: string, init: RequestInit = {}) => fetch(url + path, { method, ...init })
  return {
    ask,
    /** Resolves with the status of a refusal, or with 0 once the request waits inside. */
    async enter(method: string, path: string, init: RequestInit = {}): Promise<number> {
      const inside = new Promise<number>((resolve) => {
        arrived = () => resolve(0)
      })
      const answer = ask(method, path, init).then(({ status }) => status)
      return Promise.race([answer.catch(() => -1), inside])
    },
    release: (count: number) => {
      for (const go of waiting.splice(0, count)) go()
    },
    waiting: () => waiting.length,
    close() {
      app.server.closeAllConnections()
      return app.close()
    },
  }
}

describe('a server that has too much to do', () => {
  let server: Awaited<ReturnType<typeof startWaiting>>
  before(async () => {
    server = await startWaiting()
  })
  after(async () => {
    server.release(server.waiting())
    await server.close()
  })

  it('refuses lists first, then reads, then writes, and log-in and payment notices last', async () => {
    const inside: [string, string, number][] = []
    for (const [method, path] of [
      ['POST', '/find'],
      ['GET', '/one?id=1'],
      ['POST', '/add'],
      ['POST', '/login'],
    ] as const) {
      let entered = 0
      while ((await server.enter(method, path)) === 0) entered++
      inside.push([method, path, entered])
    }
    assert.deepEqual(inside, [
      ['POST', '/find', 7],
      ['GET', '/one?id=1', 1],
      ['POST', '/add', 1],
      ['POST', '/login', 1],
    ])
    assert.equal(server.waiting(), PLACES)
    assert.equal((await server.ask('GET', '/livez')).status, 200)
  })

  it('says when to come back, in the caller’s language and with its request id', async () => {
    const headers = { 'accept-language': 'zh-CN', 'x-request-id': 'from-the-phone-1' }
    const answer = await server.ask('POST', '/find', { headers, body: '{}' })
    const { error } = (await answer.json()) as { error: Record<string, unknown> }
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '1')
    assert.equal(answer.headers.get('x-request-id'), 'from-the-phone-1')
    assert.equal(error['code'], 'overloaded')
    assert.equal(error['requestId'], 'from-the-phone-1')
    assert.match(String(error['hint']), /重试/)
  })

  it('closes the connection of a large upload that it does not read', async () => {
    const answer = await server.ask('POST', '/add', { body: 'x'.repeat(100_000) }).catch(() => undefined)
    // The client may notice that its upload was cut off before it sees the answer.
    if (answer) assert.equal(answer.headers.get('connection'), 'close')
  })

  it('gives each place to somebody else once its answer is sent or its client has gone', async () => {
    const leaving = new AbortController()
    server.release(2)
    while ((await server.enter('POST', '/pay/notify')) !== 0);
    assert.equal(await server.enter('POST', '/pay/refund', { signal: leaving.signal }), 0)
    assert.equal(await server.enter('POST', '/login'), 503)
    leaving.abort()
    while ((await server.enter('POST', '/login')) !== 0);
    assert.equal(await server.enter('POST', '/login'), 503)
  })
})
