import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AppError } from '../../src/errors.ts'
import { addFiles, byUser, resultOf, type ServedFunctions, serveProject } from './function-project.ts'

const PROJECT = {
  'echo/index.js': `exports.main = async (event, context) => { console.log('called', event.n); return { event, context } }`,
  'context/index.js': `
    const cloud = require('wx-server-sdk')
    cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
    exports.main = async () => ({ ...cloud.getWXContext(), raw: process.env.WX_OPENID })`,
  'callback/index.js': `exports.main = (event, context, callback) => setTimeout(() => callback(null, event.n + 1), 5)`,
  'typed/index.ts': `export const main = async ({ n }: { n: number }): Promise<number> => n * 2`,
  'typed-star/index.ts': `
    import * as cloud from 'wx-server-sdk'
    import { double, Level, Sum } from '../typed-common/math'
    cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
    export async function main({ n }: { n: number }): Promise<Sum> {
      return [double(n), Level.High, cloud.getWXContext().OPENID]
    }`,
  'typed-default/index.ts': `
    import cloud, { database } from 'wx-server-sdk'
    cloud.init()
    class Kept { constructor(private readonly n: number) {} get() { return this.n } }
    export const main = async () => [typeof database, new Kept(4).get()]`,
  'typed-require/index.ts': `exports.main = ({ n }: { n: number }) => require('../typed-common/math').double(n)`,
  'typed-common/math.ts': `
    import { one } from './more.js'
    export enum Level { Low, High = 5 }
    export type Sum = unknown[]
    export const double = (n: number): number => n * 2 * one`,
  'typed-common/more.ts': `export const one: number = 1`,
  'typed-throw/index.ts': `interface Gone { a: string }\n\nexport const main = (): Gone => {\n  throw new Error('on purpose')\n}`,
  'module/index.mjs': `import os from 'node:os'; export const main = async () => typeof os.cpus`,
  'nothing/index.js': `exports.main = () => {}`,
  'other-export/index.js': `exports.handle = () => 'handled'`,
  'other-export/config.json': `{ "handler": "index.handle" }`,
  'by-path/index.js': `exports.main = () => require('lib/name.js')`,
  'by-path/lib/name.js': `module.exports = 'found without a dot'`,
  'beside/index.js': `exports.main = () => require('node:fs').readFileSync('./data.txt', 'utf8')`,
  'beside/data.txt': 'found',
  'hours/index.js': `exports.main = () => new Date(0).getHours()`,
  'old/index.js': `
    const util = require('util')
    const crypto = require('crypto')
    exports.main = ({ secret }) => {
      const decipher = crypto.createDecipher('aes-128-cbc', 'a password')
      const text = decipher.update(secret, 'hex', 'utf8') + decipher.final('utf8')
      return [util.isString('x'), util.isRegExp(/x/), util.isFunction(util.log), new Buffer('old').length, text]
    }`,
  'broken/index.js': `exports.main = () => {`,
  'lonely/index.js': `require('a-package-nobody-installed')`,
  'unexported/index.js': `exports.other = 1`,
  'no-code/readme.md': 'not a function',
  'variables/index.js': `exports.main = () => [process.env.GREETING, process.env.PLANET]`,
  'variables/config.json': `\uFEFF{ "envVariables": { "PLANET": "Mars" }, "timeout": 7, "memorySize": 300, "triggers": [{ "name": "tick", "type": "timer", "config": "0 */5 * * * * *" }] }`,
  'cloudbaserc.json': `{ "functions": [{ "name": "variables", "timeout": 3, "envVariables": { "GREETING": "hello", "PLANET": "Venus" } }] }`,
}

describe('functions', () => {
  let served: ServedFunctions
  before(async () => {
    served = await serveProject(PROJECT)
  })
  after(() => served.close())
  const call = (name: string, event: unknown = {}, caller = byUser('alice')) =>
    served.functions.call(name, event, caller)

  it('hands over the event with the caller in userInfo, and the context', async () => {
    const caller = byUser('alice')
    const answer = await call('echo', { n: 1 }, caller)
    const { event, context } = resultOf(answer) as { event: unknown; context: Record<string, unknown> }
    assert.deepEqual(event, { n: 1, userInfo: { appId: 'wxtest', openId: 'alice' } })
    assert.equal(context['request_id'], caller.requestId)
    assert.equal(context['function_name'], 'echo')
    assert.equal(JSON.parse(String(context['environment']))['WX_OPENID'], 'alice')
    assert.deepEqual(
      answer.log.map(({ level, text }) => `${level} ${text}`),
      ['info called 1'],
    )
    assert.ok(answer.memoryBytes > 1_000_000)
  })

  it('gives the real SDK its context through the environment, and drops the last caller', async () => {
    const user = { kind: 'user', openId: 'bob', appId: 'wxtest', unionId: 'union-bob', sessionId: 's' } as const
    const first = await call('context', {}, byUser('bob', { identity: user, clientIp: '10.1.2.3' }))
    assert.deepEqual(resultOf(first), {
      APPID: 'wxtest',
      OPENID: 'bob',
      UNIONID: 'union-bob',
      CLIENTIP: '10.1.2.3',
      ENV: 'test-env',
      SOURCE: 'wx_client',
      raw: 'bob',
    })
    const owner = { kind: 'administrator', id: 'local', role: 'owner' } as const
    const second = await call('context', {}, byUser('', { identity: owner, source: 'wx_trigger' }))
    assert.deepEqual(resultOf(second), { APPID: 'wxtest', ENV: 'test-env', SOURCE: 'wx_trigger' })
  })

  it('runs callbacks, TypeScript, modules and other exports', async () => {
    assert.equal(resultOf(await call('callback', { n: 1 })), 2)
    assert.equal(resultOf(await call('typed', { n: 21 })), 42)
    assert.equal(resultOf(await call('module')), 'function')
    assert.equal(resultOf(await call('other-export')), 'handled')
    assert.equal(resultOf(await call('nothing')), undefined)
  })

  it('takes TypeScript as compilers do: imports without endings, enums, types as names, the SDK in any form', async () => {
    assert.deepEqual(resultOf(await call('typed-star', { n: 4 })), [8, 5, 'alice'])
    assert.deepEqual(resultOf(await call('typed-default')), ['function', 4])
    assert.equal(resultOf(await call('typed-require', { n: 3 })), 6)
    await assert.rejects(call('typed-throw'), (error: AppError) => /index\.ts:4/.test(String(error.details?.['stack'])))
  })

  it('find what their packages knew of older versions of Node', async () => {
    // Encrypted by Node 20: crypto.createCipher('aes-128-cbc', 'a password').
    const secret = '15fdecb070ac1f6414b86b218b9305f4'
    assert.deepEqual(resultOf(await call('old', { secret })), [true, true, true, 3, 'a boat'])
  })

  it('behaves like CloudBase about the working folder and the time zone', async () => {
    assert.equal(resultOf(await call('beside')), 'found')
    assert.equal(resultOf(await call('by-path')), 'found without a dot')
    assert.equal(resultOf(await call('hours')), 0)
  })

  it('reads settings from config.json before cloudbaserc.json', async () => {
    assert.deepEqual(resultOf(await call('variables')), ['hello', 'Mars'])
    const summary = served.functions.list().find(({ name }) => name === 'variables')
    assert.equal(summary?.timeoutMs, 7_000)
    assert.equal(summary?.memoryMb, 300)
    assert.deepEqual(summary?.triggers, [{ name: 'tick', cron: '0 */5 * * * * *' }])
  })

  it('says what is wrong with a function that cannot be loaded', async () => {
    await assert.rejects(call('broken'), { code: 'function_failed', message: /SyntaxError/ })
    await assert.rejects(call('unexported'), { code: 'function_failed', message: /does not export "main"/ })
    await assert.rejects(call('lonely'), { code: 'function_not_installed', message: /a-package-nobody-installed/ })
    await assert.rejects(call('no-code'), { code: 'function_not_found' })
    await assert.rejects(call('../echo'), { code: 'function_not_found' })
  })

  it('remembers calls with their log', async () => {
    const caller = byUser('alice')
    await call('echo', { n: 7 }, caller)
    const [record] = await served.functions.calls({ requestId: caller.requestId })
    assert.equal(record?.status, 'ok')
    assert.equal(record?.log[0]?.text, 'called 7')
    const failed = await served.functions.calls({ functionName: 'broken', status: 'failed' })
    assert.equal(failed[0]?.status, 'function_failed')
  })

  it('starts the busiest functions before anybody calls them', async () => {
    served.functions.reload()
    await served.functions.warmUp()
    const warm = served.functions.list().filter(({ warmWorkers }) => warmWorkers > 0)
    assert.ok(warm.some(({ name }) => name === 'echo'))
    assert.ok(warm.length <= 3)
  })

  it('stops calls that go through too many functions', async () => {
    await assert.rejects(call('echo', {}, byUser('alice', { depth: 9 })), { code: 'function_recursion' })
  })
})

describe('functions that change', () => {
  it('are loaded again, while running calls finish on the old code', async () => {
    const slow = (answer: string) =>
      `exports.main = ({ ms = 0 }) => new Promise((resolve) => setTimeout(resolve, ms, '${answer}'))`
    const served = await serveProject({ 'slow/index.js': slow('old') }, { isWatched: true })
    const result = async (name: string) =>
      resultOf(await served.functions.call(name, {}, byUser('b')).catch(() => ({ result: undefined })))
    /** The watcher waits for a burst of changes to end, and a busy machine for longer. */
    const becomes = async (name: string, expected: unknown) => {
      const untilMs = Date.now() + 8_000
      while ((await result(name)) !== expected && Date.now() < untilMs) await sleep(50)
      assert.equal(await result(name), expected)
    }
    try {
      await becomes('slow', 'old')
      const running = served.functions.call('slow', { ms: 1_500 }, byUser('a'))
      addFiles(served.functionsRoot, { 'slow/index.js': slow('new'), 'added/index.js': `exports.main = () => 1` })
      await becomes('slow', 'new')
      await becomes('added', 1)
      assert.equal(resultOf(await running), 'old')
      const main = `exports.main = () => require('./lib/answer')`
      addFiles(served.functionsRoot, { 'deep/index.js': main, 'deep/lib/answer.js': `module.exports = 1` })
      await becomes('deep', 1)
      addFiles(served.functionsRoot, { 'deep/lib/answer.js': `module.exports = 2`, 'deep/node_modules/x/index.js': '' })
      await becomes('deep', 2)
    } finally {
      await served.close()
    }
  })
})

describe('the worker environment', () => {
  it('holds none of the server’s own variables and files', async () => {
    // Outside every folder that a function may use, wherever this checkout lies.
    const file = '/etc/hosts'
    const served = await serveProject(
      {
        'spy/index.js': `
          const fs = require('node:fs')
          const tryTo = (act) => { try { return String(act()) } catch (error) { return error.code } }
          exports.main = ({ file }) => ({
            secret: process.env.WECHAT_SECRET,
            file: tryTo(() => fs.readFileSync(file)),
            parent: tryTo(() => fs.readFileSync('/proc/' + process.ppid + '/environ')),
            write: tryTo(() => fs.writeFileSync(file + '.spy', 'x')),
            temporary: tryTo(() => fs.writeFileSync('/tmp/sampan-spy-test', 'x')),
          })`,
      },
      { environment: { ...process.env, WECHAT_SECRET: 'do not tell' } },
    )
    try {
      const seen = resultOf(await served.functions.call('spy', { file }, byUser('a')))
      assert.deepEqual(seen, {
        file: 'ERR_ACCESS_DENIED',
        parent: 'ERR_ACCESS_DENIED',
        write: 'ERR_ACCESS_DENIED',
        temporary: 'undefined',
      })
    } finally {
      await served.close()
    }
  })
})
