import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { LoadPlan } from '../src/load-plan.ts'
import { runLoad } from '../src/run-load.ts'
import { readBody, startTarget } from './start-target.ts'

const PLAN: Omit<LoadPlan, 'port'> = {
  host: '127.0.0.1',
  steps: [{ name: 'hello', weight: 1, method: 'GET', path: '/' }],
  users: [],
  runName: 'test',
  seed: 1,
  connections: 4,
  arrivals: { kind: 'rate', perSecond: 200 },
  warmUpMs: 100,
  durationMs: 500,
  timeoutMs: 1_000,
}

let close = async () => {}
afterEach(() => close())

async function target(...args: Parameters<typeof startTarget>) {
  const started = await startTarget(...args)
  close = started.close
  return started.port
}

describe('an open-loop load', () => {
  it('sends at the rate it was asked for, over several threads', async () => {
    const port = await target((_, response) => response.end('hi'))
    const { ok, failed } = await runLoad({ ...PLAN, port }, { threads: 2 })
    assert.equal(failed, 0)
    assert.ok(ok > 60 && ok < 160, `${ok} answers instead of about 100`)
  })

  it('counts latency from the moment a request was due, although all connections were waiting', async () => {
    const port = await target((_, response) => void setTimeout(() => response.end(), 100))
    // One connection, an answer per 100 ms, three requests due in that time: most of the wait is not on the wire.
    const arrivals = { kind: 'rate', perSecond: 30 } as const
    const { latency, failed } = await runLoad({ ...PLAN, port, connections: 1, arrivals, timeoutMs: 10_000 })
    assert.equal(failed, 0)
    assert.ok(latency.p95Ms > 400, `p95 was ${latency.p95Ms} ms: the time that requests waited was left out`)
  })

  it('counts a request that is never answered as failed, and ends', async () => {
    const port = await target(() => {})
    const { ok, failed, steps } = await runLoad({ ...PLAN, port, timeoutMs: 200 })
    assert.equal(ok, 0)
    assert.ok(failed > 0)
    assert.ok((steps[0]?.problems['timeout'] ?? 0) > 0)
  })

  it('never sends a unique text twice, in none of the threads and loads of a run', async () => {
    const seen: string[] = []
    const port = await target((request, response) => {
      seen.push(request.url ?? '')
      response.end()
    })
    const steps = [{ name: 'one', weight: 1, method: 'GET', path: '/{{unique}}' }]
    for (const seed of [1, 2]) await runLoad({ ...PLAN, port, steps, seed, durationMs: 200 }, { threads: 2 })
    assert.ok(seen.length > 20)
    assert.equal(new Set(seen).size, seen.length)
  })

  it('tells refusals from failures and measures both', async () => {
    let count = 0
    const port = await target((_, response) => {
      const status = [200, 503, 500][count++ % 3] ?? 200
      response.writeHead(status, status === 503 ? { 'retry-after': '1' } : {}).end('x')
    })
    const { ok, refused, failed, refusalsWithRetryAfter, steps } = await runLoad({ ...PLAN, port })
    assert.ok(ok > 0 && refused > 0 && failed > 0)
    assert.equal(refusalsWithRetryAfter, refused)
    assert.equal(steps[0]?.problems['status 500'], failed)
  })

  it('fails an answer that lacks the expected text', async () => {
    const port = await target((_, response) => response.end('{"data":[]}'))
    const steps = [{ name: 'list', weight: 1, method: 'GET', path: '/', expectText: '"_id"' }]
    const { ok, failed } = await runLoad({ ...PLAN, port, steps })
    assert.equal(ok, 0)
    assert.ok(failed > 0)
  })
})

describe('a saturating load', () => {
  it('keeps every connection busy and shares the steps by weight', async () => {
    const port = await target((_, response) => response.end('hi'))
    const steps = [
      { name: 'often', weight: 90, method: 'GET', path: '/' },
      { name: 'seldom', weight: 10, method: 'POST', path: '/', body: { text: '{{text 20}}' } },
    ]
    const { ok, failed, steps: results } = await runLoad({ ...PLAN, port, steps, arrivals: { kind: 'saturate' } })
    assert.equal(failed, 0)
    const often = results[0]?.ok ?? 0
    assert.ok(often / ok > 0.8 && often / ok < 0.97, `${often} of ${ok}`)
  })

  it('goes on after the server closed a connection', async () => {
    const port = await target((_, response) => response.writeHead(200, { connection: 'close' }).end('bye'))
    const { ok, failed } = await runLoad({ ...PLAN, port, arrivals: { kind: 'saturate' } })
    assert.ok(ok > 20, `only ${ok} answers`)
    assert.equal(failed, 0)
  })
})

describe('a request', () => {
  it('carries the token, its own data and a correct length', async () => {
    const seen: { token: string | undefined; body: { n: number; who: string; id: string; text: string } }[] = []
    const port = await target(async (request, response) => {
      seen.push({ token: request.headers.authorization, body: JSON.parse(await readBody(request)) })
      response.end()
    })
    const steps = [
      {
        name: 'send',
        weight: 1,
        method: 'POST',
        path: '/forms',
        body: { n: '{{integer 3 5}}', who: '{{user}}', id: '{{unique}}', text: '{{text 12}}' },
      },
    ]
    await runLoad({ ...PLAN, port, steps, users: [{ name: 'ann', token: 't1' }] })
    const [first] = seen
    assert.equal(first?.token, 'Bearer t1')
    assert.equal(first?.body.who, 'ann')
    assert.equal(first?.body.text.length, 12)
    assert.ok(seen.every(({ body }) => [3, 4, 5].includes(body.n)))
    assert.equal(new Set(seen.map(({ body }) => body.id)).size, seen.length)
  })
})
