/** `/v1/stock` over HTTP: who may do what, and what each refusal tells. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SaleDefinition } from '@sampan/protocol/stock'
import { startTestServer, type TestServer } from '../support/test-server.ts'

const MINUTE_MS = 60_000
const START_MS = Date.UTC(2026, 10, 22, 4)

describe('/v1/stock', () => {
  let server: TestServer
  let alice: { token: string; openId: string }
  let bob: { token: string; openId: string }
  let nowMs = START_MS
  const sale: SaleDefinition = {
    items: [
      { id: 'tea', title: '明前龙井', total: 2 },
      { id: 'cup', total: 1 },
    ],
    startsAtMs: START_MS,
    endsAtMs: START_MS + 60 * MINUTE_MS,
  }
  before(async () => {
    server = await startTestServer({
      now: () => nowMs,
      project: {
        sales: [
          { id: 'spring', ...sale },
          { id: 'later', ...sale, startsAtMs: START_MS + 5 * MINUTE_MS },
          { id: 'courses', ...sale, holdSeconds: 0, limitPerUser: 2 },
        ],
      },
    })
    alice = await server.logIn('alice')
    bob = await server.logIn('bob')
  })
  after(() => server.close())

  const reserve = (name: string, item: string, token?: string, key?: string) =>
    server.post(`/v1/stock/${name}/reserve`, { item }, token, key ? { 'idempotency-key': key } : {})
  const put = async (path: string, body: unknown, token: string) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const response = await fetch(server.url + path, { method: 'PUT', headers, body: JSON.stringify(body) })
    return { status: response.status, text: await response.text() }
  }

  it('shows what is left to anybody', async () => {
    const { status, body } = await server.get('/v1/stock/spring')
    assert.deepEqual([status, body.state, body.serverTimeMs], [200, 'open', START_MS])
    assert.deepEqual(body.items[0], { id: 'tea', title: '明前龙井', total: 2, remaining: 2 })
    assert.equal((await server.get('/v1/stock/none')).body.error.code, 'sale_not_found')
  })

  it('reserves for whoever is logged in, and for nobody else', async () => {
    assert.equal((await reserve('spring', 'tea')).status, 401)
    const { status, body } = await reserve('spring', 'tea', alice.token, 'first')
    assert.deepEqual(
      [status, body.state, body.openId, body.expiresAtMs],
      [200, 'held', alice.openId, START_MS + 15 * MINUTE_MS],
    )
  })

  it('answers a repetition with the same reservation, and refuses the key for something else', async () => {
    const again = await reserve('spring', 'tea', alice.token, 'first')
    const { body } = await server.get('/v1/stock/spring/reservations', alice.token)
    assert.deepEqual(body.reservations, [again.body])
    const other = await reserve('spring', 'cup', alice.token, 'first')
    assert.deepEqual([other.status, other.body.error.code], [422, 'idempotency_mismatch'])
  })

  it('tells who has enough what they have', async () => {
    const { status, body } = await reserve('spring', 'cup', alice.token)
    assert.deepEqual([status, body.error.code], [409, 'limit_reached'])
    assert.equal(body.error.details.reservations[0].item, 'tea')
  })

  it('tells who is early when to come, by the clock of the server', async () => {
    const { status, body, headers } = await reserve('later', 'tea', alice.token)
    assert.deepEqual([status, body.error.code, headers.get('retry-after')], [409, 'not_started', '300'])
    assert.deepEqual(
      [body.error.details.startsAtMs, body.error.details.serverTimeMs],
      [START_MS + 5 * MINUTE_MS, START_MS],
    )
  })

  it('says sold out once, and lets the one who has it ask again', async () => {
    const first = await reserve('spring', 'cup', bob.token, 'cup')
    assert.equal(first.status, 200)
    const carol = await server.logIn('carol')
    const late = await reserve('spring', 'cup', carol.token)
    assert.deepEqual([late.status, late.body.error.code], [409, 'sold_out'])
    assert.deepEqual((await reserve('spring', 'cup', bob.token, 'cup')).body, first.body)
  })

  it('gives back what its own user gives back', async () => {
    const { body } = await server.get('/v1/stock/spring/reservations', bob.token)
    const reservation = body.reservations[0].id
    const strange = await server.post('/v1/stock/spring/release', { reservation }, alice.token)
    assert.deepEqual([strange.status, strange.body.error.code], [404, 'reservation_not_found'])
    const released = await server.post('/v1/stock/spring/release', { reservation }, bob.token)
    assert.deepEqual([released.body.state, released.body.reason], ['released', 'cancelled'])
    assert.equal((await server.get('/v1/stock/spring')).body.items[1].remaining, 1)
    assert.equal((await reserve('spring', 'cup', bob.token)).status, 200)
  })

  it('keeps what the owner confirms as paid', async () => {
    const { body } = await server.get('/v1/stock/spring/reservations', alice.token)
    const reservation = body.reservations[0].id
    assert.equal((await server.post('/v1/stock/spring/confirm', { reservation }, alice.token)).status, 403)
    const sold = await server.post('/v1/stock/spring/confirm', { reservation }, server.localToken)
    assert.equal(sold.body.state, 'sold')
    const late = await server.post('/v1/stock/spring/release', { reservation }, alice.token)
    assert.deepEqual([late.status, late.body.error.code], [409, 'reservation_ended'])
  })

  it('makes reservations final where nothing is paid, and lets their user drop them', async () => {
    const { body } = await reserve('courses', 'tea', alice.token)
    assert.deepEqual([body.state, body.expiresAtMs], ['sold', undefined])
    const dropped = await server.post('/v1/stock/courses/release', { reservation: body.id }, alice.token)
    assert.equal(dropped.body.state, 'released')
  })

  it('lets the owner reserve for somebody, and only the owner', async () => {
    const body = { item: 'tea', openId: bob.openId }
    assert.equal((await server.post('/v1/stock/courses/reserve', body, alice.token)).status, 403)
    const made = await server.post('/v1/stock/courses/reserve', body, server.localToken)
    assert.deepEqual([made.status, made.body.openId], [200, bob.openId])
  })

  it('lets the owner change a sale, but not below what is taken', async () => {
    const items = [{ id: 'tea', total: 5 }]
    assert.equal((await put('/v1/stock/courses', { ...sale, items }, alice.token)).status, 403)
    assert.equal((await put('/v1/stock/courses', { ...sale, items, holdSeconds: 0 }, server.localToken)).status, 200)
    assert.deepEqual(
      (await server.get('/v1/stock/courses')).body.items.map((item: { remaining: number }) => item.remaining),
      [4],
    )
    const less = await put('/v1/stock/courses', { ...sale, items: [{ id: 'tea', total: 0 }] }, server.localToken)
    assert.equal(less.status, 400)
    assert.match(less.text, /1 of \\"tea\\" are held or sold/)
    const wrong = await put('/v1/stock/new', { ...sale, endsAtMs: sale.startsAtMs }, server.localToken)
    assert.match(wrong.text, /endsAtMs/)
  })

  it('refuses after the end', async () => {
    nowMs = sale.endsAtMs
    const { body } = await reserve('courses', 'tea', alice.token)
    assert.equal(body.error.code, 'sale_ended')
  })
})
