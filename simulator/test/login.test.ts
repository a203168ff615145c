import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { APP_ID, SECRET, startSimulator } from './start-simulator.ts'

describe('login codes', () => {
  let world: Awaited<ReturnType<typeof startSimulator>>
  before(async () => {
    world = await startSimulator({ quotas: { loginPerUser: 20 } })
  })
  after(() => world.simulator.close())

  it('gives a code for a user to a person with curl, and the user for the code to the server', async () => {
    const { json: issued } = await world.call('GET', '/simulator/login?user=alice')
    const session = await world.login(String(issued['code']))
    assert.equal(session['openid'], issued['openid'])
    assert.match(String(session['openid']), /^o[\w-]{27}$/)
    assert.equal(Buffer.from(String(session['session_key']), 'base64').length, 16)
    assert.equal(session['errcode'], undefined)
  })

  it('takes a code once', async () => {
    const code = world.simulator.loginCode('alice')
    await world.login(code)
    const second = await world.login(code)
    assert.equal(second['errcode'], 40163)
    assert.match(String(second['errmsg']), /^code been used rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$/)
  })

  it('takes a code for five minutes only', async () => {
    const inTime = world.simulator.loginCode('alice')
    const tooLate = world.simulator.loginCode('alice')
    world.advance(299_000)
    assert.equal((await world.login(inTime))['errcode'], undefined)
    world.advance(1_000)
    assert.equal((await world.login(tooLate))['errcode'], 40029)
  })

  it('lets a script log in with a code of the form sim:user:nonce, once', async () => {
    const first = await world.login('sim:bob:1')
    assert.equal(first['openid'], world.simulator.openidOf('bob'))
    assert.equal((await world.login('sim:bob:1'))['errcode'], 40163)
    assert.equal((await world.login('sim:bob:2'))['openid'], first['openid'])
  })

  it('refuses a code that nobody issued', async () => {
    assert.equal((await world.login('0a3BcD'))['errcode'], 40029)
    assert.equal((await world.login('sim-phone:bob:1'))['errcode'], 40029)
  })

  it('replaces the session_key at each login and knows the current one', async () => {
    const check = (key: unknown) => {
      const signature = createHmac('sha256', String(key)).update('').digest('hex')
      const openid = world.simulator.openidOf('carol')
      return world.api(`/wxa/checksession?openid=${openid}&signature=${signature}&sig_method=hmac_sha256`)
    }
    const { session_key: first } = await world.login('sim:carol:1')
    assert.equal((await check(first))['errcode'], 0)
    const { session_key: second } = await world.login('sim:carol:2')
    assert.notEqual(second, first)
    assert.equal((await check(first))['errcode'], 87009)
    assert.equal((await check(second))['errcode'], 0)
  })

  it('says no to a user who logs in too often, until the next minute', async () => {
    for (let at = 0; at < 20; at++) await world.login(`sim:dave:${at}`)
    assert.equal((await world.login('sim:dave:21'))['errcode'], 45011)
    assert.equal((await world.login('sim:erin:1'))['errcode'], undefined)
    world.advance(60_000)
    assert.equal((await world.login('sim:dave:22'))['errcode'], undefined)
  })

  it('blocks a high-risk user', async () => {
    world.simulator.block('mallory')
    assert.equal((await world.login('sim:mallory:1'))['errcode'], 40226)
  })

  it('refuses a wrong account with the code that names the fault', async () => {
    const ask = async (query: string) => (await world.call('GET', `/sns/jscode2session?${query}`)).json['errcode']
    const rest = 'js_code=sim:x:1&grant_type=authorization_code'
    assert.equal(await ask(`secret=${SECRET}&${rest}`), 41002)
    assert.equal(await ask(`appid=${APP_ID}&${rest}`), 41004)
    assert.equal(await ask(`appid=wxother&secret=${SECRET}&${rest}`), 40013)
    assert.equal(await ask(`appid=${APP_ID}&secret=wrong&${rest}`), 40125)
    assert.equal(await ask(`appid=${APP_ID}&secret=${SECRET}&grant_type=authorization_code`), 41008)
    assert.equal((await world.call('POST', `/sns/jscode2session?${rest}`)).json['errcode'], 43001)
  })

  it('exchanges a phone code once, and only a phone code', async () => {
    const { json: issued } = await world.call('GET', '/simulator/phone?user=alice')
    const answer = await world.api('/wxa/business/getuserphonenumber', { code: issued['code'] })
    const info = answer['phone_info'] as { phoneNumber: string; watermark: { appid: string } }
    assert.match(info.phoneNumber, /^138\d{8}$/)
    assert.equal(info.watermark.appid, APP_ID)
    const again = await world.api('/wxa/business/getuserphonenumber', { code: issued['code'] })
    assert.equal(again['errcode'], 40029)
    const loginCode = world.simulator.loginCode('alice')
    assert.equal((await world.api('/wxa/business/getuserphonenumber', { code: loginCode }))['errcode'], 40029)
  })
})

describe('login without a code of ours', () => {
  it('logs a stranger in as the guest, if there is one, and still only once per code', async () => {
    const world = await startSimulator({ guestUser: 'developer', hasUnionIds: true })
    const session = await world.login('0e1DevToolsMadeThis')
    assert.equal(session['openid'], world.simulator.openidOf('developer'))
    assert.match(String(session['unionid']), /^o[\w-]{27}$/)
    assert.equal((await world.login('0e1DevToolsMadeThis'))['errcode'], 40163)
    await world.simulator.close()
  })

  it('gives the same user the same openid in every run, and another in another app', async () => {
    const one = await startSimulator({ seed: 1 })
    const two = await startSimulator({ seed: 2 })
    const other = await startSimulator({ appId: 'wxffffffffffffffff' })
    assert.equal(one.simulator.openidOf('alice'), two.simulator.openidOf('alice'))
    assert.notEqual(one.simulator.openidOf('alice'), other.simulator.openidOf('alice'))
    for (const { simulator } of [one, two, other]) await simulator.close()
  })
})
