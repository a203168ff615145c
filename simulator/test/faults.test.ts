import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { startSimulator } from './start-simulator.ts'

const LOGIN = '/sns/jscode2session'

describe('faults', () => {
  let world: Awaited<ReturnType<typeof startSimulator>>
  beforeEach(async () => {
    world = await startSimulator()
  })
  afterEach(() => world.simulator.close())

  const raw = (timeoutMs = 5_000) =>
    fetch(`${world.simulator.url}/cgi-bin/token`, { signal: AbortSignal.timeout(timeoutMs) })

  it('loses the answer before any effect: the code is still good', async () => {
    world.simulator.knobs.inject(LOGIN, { kind: 'timeout-before', times: 1 })
    const code = world.simulator.loginCode('alice')
    const lost = world.login(code)
    await waitFor(() => world.simulator.calls.count(LOGIN) === 1)
    assert.equal(world.simulator.calls.list(LOGIN)[0]?.hadEffect, false)
    assert.ok((await world.login(code))['openid'])
    await world.simulator.close()
    await assert.rejects(lost)
  })

  it('loses the answer after the effect: the code is spent', async () => {
    world.simulator.knobs.inject(LOGIN, { kind: 'timeout-after', times: 1 })
    const code = world.simulator.loginCode('alice')
    const lost = world.login(code)
    await waitFor(() => world.simulator.calls.count(LOGIN) === 1)
    assert.equal(world.simulator.calls.list(LOGIN)[0]?.hadEffect, true)
    assert.equal((await world.login(code))['errcode'], 40163)
    await world.simulator.close()
    await assert.rejects(lost)
  })

  it('handles a duplicated call twice and answers the second time', async () => {
    world.simulator.knobs.inject(LOGIN, { kind: 'duplicate', times: 1 })
    assert.equal((await world.login(world.simulator.loginCode('alice')))['errcode'], 40163)
  })

  it('is busy, fails with 500, answers HTML, nothing, half or with the wrong type', async () => {
    const { knobs } = world.simulator
    knobs.inject('*', { kind: 'busy', times: 1 })
    assert.equal((await world.stableToken())['errcode'], -1)
    knobs.inject('*', { kind: 'http-500', times: 1 })
    assert.equal((await raw()).status, 500)
    knobs.inject('*', { kind: 'html', times: 1 })
    const html = await raw()
    assert.deepEqual([html.status, (await html.text()).startsWith('<html>')], [200, true])
    knobs.inject('*', { kind: 'empty-body', times: 1 })
    assert.equal(await (await raw()).text(), '')
    knobs.inject('*', { kind: 'wrong-content-type', times: 1 })
    assert.equal((await raw()).headers.get('content-type'), 'text/plain')
    knobs.inject('*', { kind: 'truncate', times: 1 })
    await assert.rejects(raw().then((response) => response.text()))
    knobs.inject('*', { kind: 'garbled', times: 1 })
    await assert.rejects(
      raw().then((response) => response.json()),
      SyntaxError,
    )
    knobs.inject('*', { kind: 'reset', times: 1 })
    await assert.rejects(raw())
    knobs.inject('*', { kind: 'refuse', errcode: 40243, times: 1 })
    assert.equal((await world.stableToken())['errcode'], 40243)
    assert.ok((await world.stableToken())['access_token'])
  })

  it('delays, and swaps two calls', async () => {
    world.simulator.knobs.inject('/cgi-bin/token', { kind: 'latency', latencyMs: 60, times: 1 })
    const startMs = Date.now()
    await raw()
    assert.ok(Date.now() - startMs >= 55)

    world.simulator.knobs.inject('/cgi-bin/token', { kind: 'reorder', times: 1 })
    const order: string[] = []
    const first = raw().then(() => order.push('first'))
    await new Promise((resolve) => setTimeout(resolve, 30))
    await Promise.all([first, raw().then(() => order.push('second'))])
    assert.deepEqual(order, ['second', 'first'])
  })

  it('strikes at the given rate, the same calls for the same seed', async () => {
    const busyCalls = async () => {
      const { simulator, classicToken } = await startSimulator({ seed: 42 })
      simulator.knobs.inject('/cgi-bin/token', { kind: 'busy', rate: 0.3 })
      const answers: unknown[] = []
      for (let at = 0; at < 50; at++) answers.push((await classicToken())['errcode'])
      await simulator.close()
      return answers.map((errcode) => errcode === -1)
    }
    const [one, two] = [await busyCalls(), await busyCalls()]
    assert.deepEqual(one, two)
    const struck = one.filter(Boolean).length
    assert.ok(struck > 5 && struck < 25, `${struck} of 50`)
  })

  it('is turned from another process over HTTP', async () => {
    await world.call('POST', '/simulator/knobs', { path: LOGIN, fault: { kind: 'busy' }, clockSkewMs: 400_000 })
    assert.equal((await world.login('sim:alice:1'))['errcode'], -1)
    assert.equal(world.simulator.knobs.clockSkewMs, 400_000)
    const unknown = await world.call('POST', '/simulator/knobs', { path: LOGIN, fault: { kind: 'earthquake' } })
    assert.match(String(unknown.json['errmsg']), /one of: latency/)
    await world.call('DELETE', '/simulator/knobs')
    assert.ok((await world.login('sim:alice:1'))['openid'])
    const { calls } = (await world.call('GET', `/simulator/calls?path=${LOGIN}`)).json as { calls: unknown[] }
    assert.equal(calls.length, 2)
  })
})

describe('someone who has only the address', () => {
  it('finds out what there is to call', async () => {
    const world = await startSimulator({ merchant: {} })
    const { json } = await world.call('GET', '/simulator')
    const { controls, apis } = json as { controls: { call: string; about: string }[]; apis: string[] }
    assert.ok(controls.length > 10)
    assert.deepEqual(
      controls.filter(({ about }) => !about),
      [],
    )
    assert.ok(apis.includes('GET /sns/jscode2session') && apis.includes('POST /v3/pay/transactions/jsapi'))
    await world.simulator.close()
  })
})

async function waitFor(condition: () => boolean) {
  const giveUpMs = Date.now() + 2_000
  while (!condition()) {
    if (Date.now() > giveUpMs) throw new Error('gave up waiting')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
