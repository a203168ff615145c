/** The helpers for sales against the real server. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestServer, type TestServer } from '../../server/test/support/test-server.ts'
import { openStock } from '../src/stock.ts'

describe('openStock', () => {
  let server: TestServer
  let token: string
  /** Answers that get lost on their way: the server has done its work by then. */
  let lost = 0
  before(async () => {
    server = await startTestServer({
      project: {
        sales: [
          { id: 'spring', items: [{ id: 'tea', total: 2 }], startsAtMs: 1, endsAtMs: 9e12 },
          { id: 'later', items: [{ id: 'tea', total: 2 }], startsAtMs: Date.now() + 60_000, endsAtMs: 9e12 },
        ],
      },
    })
    token = (await server.logIn('alice')).token
  })
  after(() => server.close())

  const cloud = {
    async callContainer({
      path,
      method = 'GET',
      header,
      data,
    }: Parameters<Parameters<typeof openStock>[0]['callContainer']>[0]) {
      const response = await fetch(server.url + path, {
        method,
        headers: { ...header, authorization: `Bearer ${token}` },
        ...(data !== undefined && { body: JSON.stringify(data) }),
      })
      const body: unknown = await response.json()
      if (lost > 0) {
        lost -= 1
        throw new Error('request:fail')
      }
      return { statusCode: response.status, data: body }
    },
  }
  const stock = openStock(cloud, async () => {})

  it('makes one reservation although answers get lost', async () => {
    lost = 3
    const { state, item } = await stock.reserve('spring', 'tea')
    assert.deepEqual([state, item], ['held', 'tea'])
    assert.equal((await stock.reservations('spring')).length, 1)
  })

  it('throws the server’s own code', async () => {
    await assert.rejects(stock.reserve('spring', 'tea'), { code: 'limit_reached', statusCode: 409 })
    await assert.rejects(stock.reserve('later', 'tea'), { code: 'not_started' })
  })

  it('gives back', async () => {
    const [mine] = await stock.reservations('spring')
    assert.equal((await stock.release('spring', mine?.id ?? '')).state, 'released')
  })

  it('counts down by the server’s clock', async () => {
    const ms = stock.msUntilStart(await stock.status('later'))
    assert.ok(ms > 0 && ms <= 60_000)
  })
})
