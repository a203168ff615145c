import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { startSimulator } from './start-simulator.ts'

const MINUTE_MS = 60_000

describe('access tokens', () => {
  let world: Awaited<ReturnType<typeof startSimulator>>
  beforeEach(async () => {
    world = await startSimulator({ quotas: { token: 5 } })
  })
  afterEach(() => world.simulator.close())

  /** 40003 means that the token was accepted: the openid is what is wrong. */
  const use = async (token: unknown) =>
    (await world.call('GET', `/wxa/checksession?openid=nobody&access_token=${token}`)).json['errcode']

  it('ends the previous classic token five minutes after a new one', async () => {
    const { access_token: first } = await world.classicToken()
    const { access_token: second } = await world.classicToken()
    assert.notEqual(first, second)
    assert.equal(await use(first), 40003)
    world.advance(5 * MINUTE_MS)
    assert.equal(await use(first), 40001)
    assert.equal(await use(second), 40003)
  })

  it('ends a classic token at once when two newer ones exist', async () => {
    const { access_token: first } = await world.classicToken()
    await world.classicToken()
    await world.classicToken()
    assert.equal(await use(first), 40001)
  })

  it('calls a token expired after two hours', async () => {
    const { access_token: token, expires_in: lifetime } = await world.classicToken()
    assert.equal(lifetime, 7200)
    world.advance(120 * MINUTE_MS)
    assert.equal(await use(token), 42001)
  })

  it('returns the same stable token until five minutes before its end', async () => {
    const first = await world.stableToken()
    world.advance(60 * MINUTE_MS)
    const second = await world.stableToken()
    assert.equal(second['access_token'], first['access_token'])
    assert.equal(second['expires_in'], 3600)
    world.advance(55 * MINUTE_MS)
    const third = await world.stableToken()
    assert.notEqual(third['access_token'], first['access_token'])
    assert.equal(third['expires_in'], 7200)
    assert.equal(await use(first['access_token']), 40003)
  })

  it('keeps the two kinds apart', async () => {
    const { access_token: stable } = await world.stableToken()
    for (let at = 0; at < 3; at++) await world.classicToken()
    world.advance(10 * MINUTE_MS)
    assert.equal(await use(stable), 40003)
  })

  it('forces a new stable token at most every 30 seconds and 20 times a day', async () => {
    const { access_token: first } = await world.stableToken()
    const { access_token: second } = await world.stableToken(true)
    assert.notEqual(second, first)
    world.advance(29_000)
    assert.equal((await world.stableToken(true))['access_token'], second)
    for (let at = 0; at < 19; at++) {
      world.advance(30_000)
      assert.ok((await world.stableToken(true))['access_token'])
    }
    world.advance(30_000)
    assert.equal((await world.stableToken(true))['errcode'], 45009)
    assert.ok((await world.stableToken())['access_token'])
  })

  it('has a small daily quota for classic tokens', async () => {
    for (let at = 0; at < 5; at++) await world.classicToken()
    assert.equal((await world.classicToken())['errcode'], 45009)
    world.advance(24 * 60 * MINUTE_MS)
    assert.ok((await world.classicToken())['access_token'])
  })

  it('wants the token in the query string and nowhere else', async () => {
    const { access_token: token } = await world.stableToken()
    const path = '/wxa/business/getuserphonenumber'
    assert.equal((await world.call('POST', path, { access_token: token, code: 'x' })).json['errcode'], 47001)
    assert.equal((await world.call('POST', path, { code: 'x' })).json['errcode'], 41001)
    assert.equal((await world.call('POST', `${path}?access_token=nonsense`, { code: 'x' })).json['errcode'], 40001)
  })

  it('names what is wrong with a request: its method, an empty body, broken JSON', async () => {
    const { access_token: token } = await world.stableToken()
    const path = `/wxa/business/getuserphonenumber?access_token=${token}`
    assert.equal((await world.call('GET', path)).json['errcode'], 43302)
    assert.equal((await world.call('GET', '/cgi-bin/stable_token')).json['errcode'], 43002)
    assert.equal((await world.call('POST', path)).json['errcode'], 44002)
    assert.equal((await world.call('POST', path, '{"code":')).json['errcode'], 47001)
    assert.equal((await world.call('POST', path, '[1]')).json['errcode'], 47001)
    assert.equal((await world.call('POST', path, { code: 7 })).json['errcode'], 47001)
  })

  it('can forget every token, as after a reset of the secret', async () => {
    const { access_token: token } = await world.stableToken()
    world.simulator.revokeTokens()
    assert.equal(await use(token), 40001)
  })
})
