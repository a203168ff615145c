import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { byUser, resultOf, type ServedFunctions, serveProject } from './function-project.ts'

const SECOND = `{ "timeout": 1 }`

const PROJECT = {
  'good/index.js': `exports.main = ({ ms = 0 }) => new Promise((resolve) => setTimeout(resolve, ms, process.pid))`,
  'loop/index.js': `exports.main = ({ stop }) => { if (stop) return 'fine'; for (;;) {} }`,
  'loop/config.json': SECOND,
  'never/index.js': `exports.main = ({ stop }) => (stop ? 'fine' : new Promise(() => {}))`,
  'never/config.json': SECOND,
  'slow-to-load/index.js': `const until = Date.now() + 300; while (Date.now() < until); exports.main = () => 'loaded'`,
  'exit/index.js': `exports.main = ({ stop }) => { if (stop) return 'fine'; console.log('last words'); process.exit(3) }`,
  'heap/index.js': `exports.main = () => { const all = []; for (;;) all.push({ list: new Array(1000).fill(Math.random()) }) }`,
  'heap/config.json': `{ "memorySize": 64 }`,
  'buffers/index.js': `exports.main = async () => { const all = []; for (;;) { all.push(Buffer.alloc(50e6, 1)); await null } }`,
  'buffers/config.json': `{ "memorySize": 64 }`,
  'late-throw/index.js': `exports.main = () => new Promise(() => setTimeout(() => { throw new Error('too late') }, 10))`,
  'rejected/index.js': `exports.main = async () => { Promise.reject(new Error('nobody waits')); await new Promise(setImmediate); return 'fine' }`,
  'circular/index.js': `exports.main = () => { const a = {}; a.a = a; return a }`,
  'thrown-text/index.js': `exports.main = () => { throw 'only a text' }`,
  'big/index.js': `exports.main = () => 'x'.repeat(2 * 1024 * 1024)`,
  'chatty/index.js': `exports.main = () => { for (let i = 0; i < 1e6; i++) console.log('y'.repeat(100)); return 'fine' }`,
  'chatty-child/index.js': `
    exports.main = () => new Promise((resolve) => {
      const child = require('node:child_process').spawn('yes', ['sampan-flood'], { stdio: ['ignore', 'inherit', 'inherit'] })
      setTimeout(resolve, 300, child.pid)
    })`,
  'bomb/index.js': `
    const { spawn } = require('node:child_process')
    exports.main = async () => { for (;;) { spawn('sleep', ['31.4159']); await new Promise((resolve) => setTimeout(resolve, 5)) } }`,
  'bomb/config.json': `{ "timeout": 10 }`,
  'leak/index.js': `
    const kept = []
    exports.main = ({ files }) => {
      for (let i = 0; i < files; i++) kept.push(require('node:fs').openSync(__filename))
      return process.pid
    }`,
  'scribbler/index.js': `exports.main = () => { require('node:fs').writeSync(4, 'x'.repeat(100)); return 'fine' }`,
  'deaf/index.js': `exports.main = () => { require('node:fs').closeSync(3); return new Promise(() => {}) }`,
  'deaf/config.json': SECOND,
}

/** Processes whose command line matches; the brackets in a pattern keep it from matching itself. */
const countProcesses = (pattern: string) =>
  Number(execFileSync('sh', ['-c', `pgrep -f "${pattern}" | wc -l`], { encoding: 'utf8' }))

describe('functions that misbehave', () => {
  let served: ServedFunctions
  before(async () => {
    served = await serveProject(PROJECT)
  })
  after(() => served.close())
  const call = (name: string, event: unknown = {}) => served.functions.call(name, event, byUser('alice'))

  it('are ended when they loop or never answer, and serve the next call', async () => {
    const neighbour = call('good', { ms: 600 })
    await assert.rejects(call('loop'), { code: 'function_timed_out' })
    await neighbour
    assert.equal(resultOf(await call('loop', { stop: true })), 'fine')
    await assert.rejects(call('never'), { code: 'function_timed_out' })
    assert.equal(resultOf(await call('never', { stop: true })), 'fine')
  })

  it('are not charged for being loaded', async () => {
    const { durationMs } = await served.functions.call('slow-to-load', {}, byUser('alice', { timeoutMs: 100 }))
    assert.ok(durationMs > 0)
  })

  it('may end their process; the last lines are kept', async () => {
    const caller = byUser('alice')
    await assert.rejects(served.functions.call('exit', {}, caller), { code: 'function_exited', message: /exit code 3/ })
    const [record] = await served.functions.calls({ requestId: caller.requestId })
    assert.equal(record?.log[0]?.text, 'last words')
    assert.equal(resultOf(await call('exit', { stop: true })), 'fine')
  })

  it('are ended when they use too much memory, on the heap or beside it', async () => {
    await assert.rejects(call('heap'), { code: 'function_out_of_memory' })
    if (process.platform === 'linux') await assert.rejects(call('buffers'), { code: 'function_out_of_memory' })
  })

  it('may throw too late or leave rejections behind', async () => {
    await assert.rejects(call('late-throw'), { code: 'function_failed', message: /too late/ })
    const answer = await call('rejected')
    assert.equal(resultOf(answer), 'fine')
    assert.match(answer.log[0]?.text ?? '', /nobody waits/)
  })

  it('may return what cannot be sent', async () => {
    await assert.rejects(call('circular'), { code: 'function_failed', message: /circular/ })
    await assert.rejects(call('thrown-text'), { code: 'function_failed', message: /only a text/ })
    await assert.rejects(call('big'), { code: 'function_result_too_large' })
  })

  it('keep only the first part of 100 MB of log', async () => {
    const { log, result } = await call('chatty')
    assert.equal(result, '"fine"')
    const characters = log.reduce((sum, { text }) => sum + text.length, 0)
    assert.ok(characters < 70_000, String(characters))
    assert.match(log.at(-1)?.text ?? '', /more characters/)
  })

  it('cannot drown the server in the output of a child process', { skip: process.platform !== 'linux' }, async () => {
    await call('chatty-child')
    await sleep(200)
    assert.equal(countProcesses('yes sampan-floo[d]'), 0)
  })

  it('cannot bomb the box with processes', { skip: process.platform !== 'linux' }, async () => {
    await assert.rejects(call('bomb'), { code: 'function_exited', message: /too many processes/ })
    await sleep(200)
    assert.equal(countProcesses('sleep 31.415[9]'), 0)
  })

  it('are replaced when they leak open files', { skip: process.platform !== 'linux' }, async () => {
    const first = resultOf(await call('leak', { files: 600 }))
    let now = first
    for (let tries = 0; tries < 40 && now === first; tries += 1) {
      await sleep(500)
      now = resultOf(await call('leak', { files: 0 }))
    }
    assert.notEqual(now, first)
  })

  it('cannot confuse the server through the worker’s own pipes', async () => {
    await assert.rejects(call('scribbler'), { code: 'function_exited' })
    await assert.rejects(call('deaf'))
    assert.equal(typeof resultOf(await call('good')), 'number')
  })
})

describe('a full box', () => {
  it('gives up idle workers of other functions', async () => {
    const names = ['a', 'b', 'c', 'd']
    const served = await serveProject(
      Object.fromEntries(names.map((name) => [`${name}/index.js`, `exports.main = () => '${name}'`])),
      {
        settings: { workers: 2, timeoutMs: 5_000, memoryMb: 128, resultLimitBytes: 1024 },
      },
    )
    try {
      for (const name of [...names, ...names]) {
        assert.equal(resultOf(await served.functions.call(name, {}, byUser('a'))), name)
        assert.ok(served.functions.usage().workers <= 2)
      }
    } finally {
      await served.close()
    }
  })

  it('keeps serving others while one function hangs, and refuses what would wait too long', async () => {
    const served = await serveProject(
      { 'hang/index.js': `exports.main = () => new Promise(() => {})`, 'good/index.js': `exports.main = () => 'good'` },
      { settings: { workers: 4, timeoutMs: 8_000, memoryMb: 128, resultLimitBytes: 1024 } },
    )
    try {
      const hanging = Array.from({ length: 6 }, () => served.functions.call('hang', {}, byUser('a')))
      const endings = Promise.allSettled(hanging)
      assert.equal(resultOf(await served.functions.call('good', {}, byUser('b'))), 'good')
      const codes = (await endings).map((ending) => (ending.status === 'rejected' ? ending.reason.code : 'done'))
      assert.deepEqual(codes.toSorted(), [...Array(3).fill('function_timed_out'), ...Array(3).fill('overloaded')])
    } finally {
      await served.close()
    }
  })
})
