import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { byUser, resultOf, type ServedFunctions, serveProject } from './function-project.ts'

const LIGHT = `{ "timeout": 2, "sampan": { "lightSdk": true } }`

describe('functions with the light SDK', () => {
  let served: ServedFunctions
  before(async () => {
    served = await serveProject({
      'many/index.js': `
        const cloud = require('wx-server-sdk')
        cloud.init()
        let running = 0
        let most = 0
        exports.main = async ({ n, ms, mode }) => {
          running += 1
          most = Math.max(most, running)
          console.log('begin', n)
          if (mode === 'hang') return new Promise(() => {})
          await new Promise((resolve) => setTimeout(resolve, ms))
          console.log('end', n, cloud.getWXContext().OPENID)
          running -= 1
          return { pid: process.pid, most, openid: cloud.getWXContext().OPENID, raw: process.env.WX_OPENID }
        }`,
      'many/config.json': LIGHT,
      'uninitialised/index.js': `const cloud = require('wx-server-sdk'); exports.main = () => cloud.database()`,
      'uninitialised/config.json': LIGHT,
      'outside/index.js': `
        const cloud = require('wx-server-sdk')
        const outside = cloud.getWXContext()
        exports.main = () => outside`,
      'outside/config.json': LIGHT,
    })
  })
  after(() => served.close())
  const call = (n: number, more: Record<string, unknown> = {}) =>
    served.functions.call('many', { n, ms: 100, ...more }, byUser(`user-${n}`))

  it('run many calls at once in one worker, each with its own caller and log', async () => {
    await call(0, { ms: 0 })
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => call(n)))
    const results = answers.map(
      (answer) => resultOf(answer) as { pid: number; most: number; openid: string; raw?: string },
    )
    assert.equal(new Set(results.map(({ pid }) => pid)).size, 1)
    assert.ok(Math.max(...results.map(({ most }) => most)) >= 15)
    assert.deepEqual(
      answers.map(({ log }) => log.map(({ text }) => text)),
      answers.map((_, n) => [`begin ${n}`, `end ${n} user-${n}`]),
    )
    assert.ok(results.every(({ openid, raw }, n) => openid === `user-${n}` && raw === undefined))
  })

  it('do not take their neighbours with them when one never answers', async () => {
    const hanging = call(1, { mode: 'hang' })
    const ended = assert.rejects(hanging, { code: 'function_timed_out' })
    const neighbours: Promise<unknown>[] = []
    for (let n = 0; n < 25; n += 1) {
      neighbours.push(call(n, { ms: 200 }))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await ended
    await Promise.all(neighbours)
  })

  it('say what is wrong when init is missing, and know no caller outside of calls', async () => {
    const uninitialised = served.functions.call('uninitialised', {}, byUser('a'))
    await assert.rejects(uninitialised, { code: 'function_failed', message: /call init first/ })
    assert.deepEqual(resultOf(await served.functions.call('outside', {}, byUser('a'))), {})
  })
})
