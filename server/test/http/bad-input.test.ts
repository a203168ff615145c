import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { ERRORS } from '@sampan/protocol/errors'
import { jsonOf, startTestServer, type TestServer } from '../support/test-server.ts'

type Scenario = {
  readonly what: string
  readonly method?: string
  readonly path: string
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly code: keyof typeof ERRORS
}

const json = { 'content-type': 'application/json' }

// biome-ignore format: a table keeps its columns
const SCENARIOS: Scenario[] = [
  { what: 'an unknown route',             path: '/v1/nothing-here',                                        code: 'route_not_found' },
  { what: 'a path with broken escapes',   path: '/v1/%E0%A4%A',                                            code: 'route_not_found' },
  { what: 'a method the route lacks',     path: '/v1/login', method: 'DELETE',                             code: 'method_not_allowed' },
  { what: 'broken JSON',                  path: '/v1/login', method: 'POST', body: '{"code":', headers: json, code: 'invalid_json' },
  { what: 'an empty body',                path: '/v1/login', method: 'POST', body: '', headers: json,       code: 'invalid_json' },
  { what: 'a field nobody knows',         path: '/v1/login', method: 'POST', body: '{"code":"a","admin":true}', headers: json, code: 'invalid_request' },
  { what: 'a field of the wrong type',    path: '/v1/login', method: 'POST', body: '{"code":{"$gt":""}}', headers: json, code: 'invalid_request' },
  { what: 'a missing field',              path: '/v1/login', method: 'POST', body: '{}', headers: json,     code: 'invalid_request' },
  { what: 'an overlong field',            path: '/v1/login', method: 'POST', body: `{"code":"${'a'.repeat(300)}"}`, headers: json, code: 'invalid_request' },
  { what: 'prototype pollution',          path: '/v1/login', method: 'POST', body: '{"code":"a","__proto__":{"admin":true}}', headers: json, code: 'invalid_json' },
  { what: 'a body of another type',       path: '/v1/login', method: 'POST', body: '<code/>', headers: { 'content-type': 'text/xml' }, code: 'unsupported_media_type' },
  { what: 'a body over the limit',        path: '/v1/login', method: 'POST', body: `{"code":"${'a'.repeat(20_000)}"}`, headers: json, code: 'body_too_large' },
  { what: 'no token where one is needed', path: '/v1/me',                                                  code: 'unauthenticated' },
  { what: 'a forged token',               path: '/v1/me', headers: { authorization: 'Bearer forged' },     code: 'session_invalid' },
]

describe('bad input', () => {
  let server: TestServer
  before(async () => {
    server = await startTestServer({ settings: { BODY_LIMIT_BYTES: '16384' } })
  })
  after(() => server.close())

  for (const { what, method = 'GET', path, body, headers = {}, code } of SCENARIOS) {
    it(`answers ${what} with ${code}`, async () => {
      const response = await fetch(server.url + path, { method, headers, ...(body !== undefined && { body }) })
      const { error } = await jsonOf(response)
      assert.equal(error.code, code)
      assert.equal(response.status, ERRORS[code].status)
      assert.equal(error.hint, ERRORS[code].hint)
      assert.equal(error.errCode, ERRORS[code].errCode)
      assert.ok(error.message.length > 3)
      assert.equal(error.requestId, response.headers.get('x-request-id'))
      assert.doesNotMatch(JSON.stringify(error), /node_modules|\.ts:\d|SELECT/)
    })
  }

  it('gives the hint in Chinese to who prefers it', async () => {
    const response = await fetch(`${server.url}/v1/me`, { headers: { 'accept-language': 'zh-CN,en;q=0.5' } })
    assert.equal((await jsonOf(response)).error.hint, ERRORS.unauthenticated.hintZh)
  })

  it('keeps a plain request id of the caller and replaces any other', async () => {
    const ask = async (id: string) =>
      (await fetch(`${server.url}/livez`, { headers: { 'x-request-id': id } })).headers.get('x-request-id')
    assert.equal(await ask('phone-1234-abcd'), 'phone-1234-abcd')
    assert.notEqual(await ask('id with spaces'), 'id with spaces')
  })

  it('keeps serving after bytes that are no HTTP', async () => {
    for (const bytes of [
      '\u0000\u0001\u0002\r\n\r\n',
      'GET\r\n\r\n',
      'POST /v1/login HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n',
    ]) {
      await new Promise<void>((resolve, reject) => {
        const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.end(bytes))
        socket
          .on('error', reject)
          .on('close', () => resolve())
          .resume()
      })
    }
    assert.equal((await fetch(`${server.url}/livez`)).status, 200)
  })

  it('describes every route in /openapi.json', async () => {
    const { body } = await server.get('/openapi.json')
    assert.equal(body.openapi, '3.1.0')
    assert.ok(body.paths['/v1/login'].post.requestBody)
  })
})

describe('too much at once', () => {
  it('refuses one session that asks too often, and says when to come back', async () => {
    const server = await startTestServer({ settings: { USER_REQUESTS_PER_SECOND: '5' } })
    try {
      const { token } = await server.logIn('eager')
      const { token: other } = await server.logIn('calm')
      const answers = await Promise.all(Array.from({ length: 40 }, () => server.get('/v1/me', token)))
      const refused = answers.filter(({ status }) => status === 429)
      assert.ok(refused.length >= 20, `${refused.length} of 40 were refused`)
      assert.ok(Number(refused[0]?.headers.get('retry-after')) >= 1)
      assert.equal((await server.get('/v1/me', other)).status, 200)
    } finally {
      await server.close()
    }
  })

  it('sheds load early, keeps places for log-in, and counts back down afterwards', async () => {
    const server = await startTestServer({ settings: { MAX_IN_FLIGHT: '10' } })
    try {
      server.simulator.knobs.inject('/sns/jscode2session', { kind: 'latency', latencyMs: 300 })
      const logins = Array.from({ length: 10 }, (_, at) =>
        server.post('/v1/login', { code: server.simulator.loginCode(`user-${at}`) }),
      )
      await new Promise((resolve) => setTimeout(resolve, 100))
      const read = await server.get('/v1/me')
      assert.equal(read.status, 503)
      assert.equal(read.body.error.code, 'overloaded')
      assert.equal(read.headers.get('retry-after'), '1')
      assert.ok((await Promise.all(logins)).every(({ status }) => status === 200))
      assert.equal((await server.get('/v1/me')).status, 401)
    } finally {
      await server.close()
    }
  })

  it('answers a request that passes its deadline instead of leaving the phone waiting', async () => {
    const server = await startTestServer({ settings: { REQUEST_DEADLINE_MS: '200', WECHAT_TIMEOUT_MS: '5000' } })
    try {
      server.simulator.knobs.inject('/sns/jscode2session', { kind: 'latency', latencyMs: 1_500 })
      const { status, body } = await server.post('/v1/login', { code: server.simulator.loginCode('patient') })
      assert.equal(status, 504)
      assert.equal(body.error.code, 'deadline_exceeded')
    } finally {
      await server.close()
    }
  })
})
