/**
 * Every route of /openapi.json × every kind of caller. The table below is the declared matrix: a route that is missing from
 * it fails the test, so nobody adds one without saying who may call it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestServer, type TestServer } from '../support/test-server.ts'

/** `anyone`: no log-in. `user`: people and the owner's tools. `person`: people only. `owner`: the owner's tools only. */
type Access = 'anyone' | 'user' | 'person' | 'owner' | 'door'

// biome-ignore format: a table keeps its columns
const DECLARED: Record<string, Access> = {
  'GET /livez':                                  'anyone',
  'GET /readyz':                                 'anyone',
  'POST /v1/login':                              'anyone',
  'POST /v1/logout':                             'person',
  'GET /v1/me':                                  'person',
  'POST /v1/documents/find':                     'user',
  'POST /v1/documents/get':                      'user',
  'POST /v1/documents/count':                    'user',
  'POST /v1/documents/add':                      'user',
  'POST /v1/documents/set':                      'user',
  'POST /v1/documents/update':                   'user',
  'POST /v1/documents/remove':                   'user',
  'POST /v1/documents/aggregate':                'user',
  'POST /v1/documents/collections/list':         'owner',
  'POST /v1/documents/collections/':             'owner',
  'POST /v1/documents/collections/rules':        'owner',
  'POST /v1/documents/collections/indexes':      'owner',
  'POST /v1/documents/collections/indexes/drop': 'owner',
  'POST /v1/documents/collections/drop':         'owner',
  'POST /v1/documents/collections/explain':      'owner',
  'POST /v1/files/':                             'user',
  'POST /v1/files/links':                        'user',
  'POST /v1/files/delete':                       'user',
  'POST /v1/files/list':                         'owner',
  'GET /cloud/{env}/{*}':                        'anyone',
  'POST /v1/functions/{name}':                   'user',
  'GET /v1/keys/':                              'owner',
  'POST /v1/keys/':                             'owner',
  'DELETE /v1/keys/{secretId}':                 'owner',
  'POST /v1/realtime/ticket':                    'user',
  'POST /v1/realtime/say':                       'owner',
  'GET /v1/jobs/':                               'owner',
  'POST /v1/jobs/':                              'user',
  'GET /v1/jobs/{id}':                           'user',
  'POST /v1/jobs/{id}/cancel':                   'user',
  'POST /v1/jobs/{id}/retry':                    'owner',
  'POST /v1/jobs/{id}/discard':                  'owner',
  'GET /v1/stock/':                              'owner',
  'GET /v1/stock/{sale}':                        'anyone',
  'PUT /v1/stock/{sale}':                        'owner',
  'POST /v1/stock/{sale}/reserve':               'user',
  'GET /v1/stock/{sale}/reservations':           'user',
  'POST /v1/stock/{sale}/release':               'user',
  'POST /v1/stock/{sale}/confirm':               'owner',
}

/** Bodies that pass the schema, so that access is what refuses. */
// biome-ignore format: a table keeps its columns
const BODIES: Record<string, unknown> = {
  '/v1/login':                              { code: 'no-such-code' },
  '/v1/documents/find':                     { collection: 'secrets' },
  '/v1/documents/get':                      { collection: 'secrets', id: 'of-alice' },
  '/v1/documents/count':                    { collection: 'secrets' },
  '/v1/documents/add':                      { collection: 'secrets', data: { a: 1 } },
  '/v1/documents/set':                      { collection: 'secrets', id: 'of-alice', data: { stolen: true } },
  '/v1/documents/update':                   { collection: 'secrets', id: 'of-alice', data: { $set: { stolen: true } } },
  '/v1/documents/remove':                   { collection: 'secrets', id: 'of-alice' },
  '/v1/documents/aggregate':                { collection: 'secrets', stages: [{ $match: {} }] },
  '/v1/documents/collections/':             { name: 'made-by-the-matrix' },
  '/v1/documents/collections/rules':        { name: 'open', rules: 'READONLY' },
  '/v1/documents/collections/indexes':      { name: 'open', index: { fields: { a: 1 } } },
  '/v1/documents/collections/indexes/drop': { name: 'open', index: 'none' },
  '/v1/documents/collections/drop':         { name: 'nothing-to-drop' },
  '/v1/documents/collections/explain':      { collection: 'open' },
  '/v1/files/links':                        { fileList: [{ fileID: 'cloud://a.b/c' }] },
  '/v1/files/delete':                       { fileList: ['cloud://a.b/c'] },
  '/v1/files/list':                         { after: '', limit: 1 },
  '/v1/realtime/say':                       { room: 'x', data: 1 },
  '/v1/keys/':                              { label: 'matrix' },
  '/v1/jobs/':                             { kind: 'none' },
  '/v1/stock/{sale}':                       { items: [{ id: 'x', total: 1 }], startsAtMs: 1, endsAtMs: 2 },
  '/v1/stock/{sale}/reserve':               { item: 'x' },
  '/v1/stock/{sale}/release':               { reservation: 'none' },
  '/v1/stock/{sale}/confirm':               { reservation: 'none' },
}

const REFUSED = new Set([401, 403])
const hasBody = (method: string) => method === 'POST' || method === 'PUT'

describe('every route and every caller', () => {
  let server: TestServer
  let alice: { token: string; openId: string }
  let mallory: { token: string; openId: string }
  let routes: { name: string; method: string; path: string }[]
  before(async () => {
    server = await startTestServer({
      project: {
        collections: [
          { name: 'secrets', rules: 'PRIVATE', indexes: [] },
          { name: 'open', rules: 'READONLY', indexes: [] },
        ],
        rooms: [{ name: 'x', join: 'users', say: 'server' }],
      },
    })
    alice = await server.logIn('alice')
    mallory = await server.logIn('mallory')
    await server.post(
      '/v1/documents/add',
      { collection: 'secrets', data: { _id: 'of-alice', text: 'the secret of alice' } },
      alice.token,
    )
    const { body } = await server.get('/openapi.json')
    routes = Object.entries<object>(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => method !== 'head')
        .map((method) => ({ name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path })),
    )
  })
  after(() => server.close())

  const ask = async ({ method, path }: { method: string; path: string }, token: string | undefined) => {
    const url =
      server.url +
      path
        .replace('{env}', 'prod')
        .replace('{*}', 'none.png')
        .replace('{name}', 'none')
        .replace('{secretId}', 'none')
        .replace('{sale}', 'none')
        .replace('{id}', 'none')
    const response = await fetch(url, {
      method,
      headers: {
        ...(hasBody(method) && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(hasBody(method) && { body: JSON.stringify(BODIES[path] ?? {}) }),
    })
    return { status: response.status, text: await response.text() }
  }

  it('declares each public route, and no route that is gone', () => {
    const names = routes.map(({ name }) => name).filter((name) => !/ \/(console|http|metrics|admin)\b/.test(name))
    assert.deepEqual(
      names.filter((name) => !DECLARED[name]),
      [],
      'routes without a declared access',
    )
    assert.deepEqual(
      Object.keys(DECLARED).filter((name) => !names.includes(name)),
      [],
      'declared, but not there',
    )
  })

  it('refuses nobody-in-particular everywhere but where anyone may come', async () => {
    for (const route of routes.filter(({ name }) => DECLARED[name])) {
      const { status, text } = await ask(route, undefined)
      if (DECLARED[route.name] === 'anyone') assert.notEqual(status, 403, `${route.name}: ${text}`)
      else assert.ok(REFUSED.has(status), `${route.name} answered ${status} to nobody: ${text}`)
    }
  })

  it('refuses people where only the owner may come', async () => {
    for (const route of routes.filter(({ name }) => DECLARED[name] === 'owner')) {
      const { status, text } = await ask(route, mallory.token)
      assert.equal(status, 403, `${route.name} answered ${status} to a user: ${text}`)
    }
  })

  it('refuses a forged token on every route', async () => {
    for (const route of routes.filter(({ name }) => DECLARED[name])) {
      assert.equal((await ask(route, 'forged-token')).status, 401, route.name)
    }
  })

  it('shows another user’s private record on no route, and lets none change it', async () => {
    for (const route of routes.filter(({ name }) => DECLARED[name])) {
      const { text } = await ask(route, mallory.token)
      assert.ok(!text.includes('the secret of alice'), route.name)
    }
    const { body } = await server.post('/v1/documents/get', { collection: 'secrets', id: 'of-alice' }, alice.token)
    assert.deepEqual([body.data.text, body.data.stolen], ['the secret of alice', undefined])
  })

  it('lets the owner in wherever the owner may come', async () => {
    for (const route of routes.filter(({ name }) => DECLARED[name] === 'owner')) {
      const { status, text } = await ask(route, server.localToken)
      assert.ok(!REFUSED.has(status) && status !== 500, `${route.name} answered ${status} to the owner: ${text}`)
    }
  })
})
