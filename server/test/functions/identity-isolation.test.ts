import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTestServer, type TestServer } from '../support/test-server.ts'
import { writeProject } from './function-project.ts'

const USERS = 25
const CALLS = 1_000
const TRIES_MAX = 100

/** Reads the caller's identity from every source it has, before and after waiting, and once through another function. */
const WHO = `
  const cloud = require('wx-server-sdk')
  cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
  exports.main = async (event, context) => {
    const seen = [event.userInfo.openId, cloud.getWXContext().OPENID]
    if (!event.isLight) seen.push(process.env.WX_OPENID)
    await pause(Math.random() * 4)
    seen.push(cloud.getWXContext().OPENID, JSON.parse(context.environment).WX_OPENID)
    if (event.isDeep) seen.push((await cloud.callFunction({ name: 'inner' })).result)
    await pause(Math.random() * 4)
    seen.push(cloud.getWXContext().OPENID)
    return seen
  }`

const INNER = `
  const cloud = require('wx-server-sdk')
  cloud.init()
  exports.main = async () => cloud.getWXContext().OPENID`

for (const sdk of ['real', 'light'] as const) testIdentity(sdk)

function testIdentity(sdk: 'real' | 'light') {
  describe(`the identity of callers, with the ${sdk} SDK`, () => {
    let server: TestServer
    let functionsRoot: string
    before(async () => {
      const config = JSON.stringify({ sampan: { lightSdk: sdk === 'light' } })
      functionsRoot = writeProject({
        'who/index.js': WHO,
        'who/config.json': config,
        'inner/index.js': INNER,
        'inner/config.json': config,
      })
      server = await startTestServer({ project: { functionsRoot }, settings: { FUNCTION_WORKERS: '3' } })
    })
    after(async () => {
      await server.close()
      rmSync(functionsRoot, { recursive: true, force: true })
    })

    /** A busy machine makes the server refuse calls for a while; the client would try again, too. */
    const callWhenItMay = async (data: object, token: string) => {
      for (let tries = 0; ; tries += 1) {
        const answer = await server.post('/v1/functions/who', { data }, token)
        if (answer.body.error?.code !== 'overloaded' || tries >= TRIES_MAX) return answer
        await sleep(Math.random() * 1_000)
      }
    }

    it('is never mixed up in a thousand interleaved calls by 25 users', async () => {
      const users = await Promise.all(Array.from({ length: USERS }, (_, index) => server.logIn(`user-${index}`)))
      const inFlight = new Set<Promise<void>>()
      let mixedUp = 0
      for (let index = 0; index < CALLS; index += 1) {
        const user = users[(index * 7) % USERS]
        assert.ok(user)
        const one = callWhenItMay({ isDeep: index % 20 === 0, isLight: sdk === 'light' }, user.token)
          .then(({ body, text }) => {
            assert.ok(body.result, text)
            if (body.result.some((openId: string) => openId !== user.openId)) mixedUp += 1
          })
          .finally(() => inFlight.delete(one))
        inFlight.add(one)
        if (inFlight.size >= 40) await Promise.race(inFlight)
      }
      await Promise.all(inFlight)
      assert.equal(mixedUp, 0)
    })
  })
}
