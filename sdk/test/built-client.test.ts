import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import vm from 'node:vm'
import { builtFiles, bundleClient, bundleRealtime, bundleStock } from '../build.ts'

const MAX_BYTES = 20 * 1024
const MAX_REALTIME_BYTES = 3 * 1024
const MAX_STOCK_BYTES = 2 * 1024

/** Loads the bundle as WeChat loads a file: CommonJS, with `wx` in scope. */
async function requireBundle(wx: unknown) {
  const module = { exports: {} as Record<string, unknown> }
  vm.compileFunction(await bundleClient(), ['module', 'exports', 'wx'])(module, module.exports, wx)
  return module.exports
}

describe('the built client', () => {
  it('takes at most 20 KB, minified', async () => {
    const bytes = Buffer.byteLength(await bundleClient())
    assert.ok(bytes <= MAX_BYTES, `${bytes} bytes`)
    const realtimeBytes = Buffer.byteLength(await bundleRealtime())
    assert.ok(realtimeBytes <= MAX_REALTIME_BYTES, `realtime: ${realtimeBytes} bytes`)
    const stockBytes = Buffer.byteLength(await bundleStock())
    assert.ok(stockBytes <= MAX_STOCK_BYTES, `stock: ${stockBytes} bytes`)
  })

  it('is up to date in every place that holds it', async () => {
    for (const { place, text } of await builtFiles())
      assert.equal(readFileSync(place, 'utf8'), text, `${place} is old: npm run build --workspace sampan`)
  })

  it('is the cloud object itself', async () => {
    const cloud = await requireBundle(undefined)
    for (const name of ['init', 'callFunction', 'database', 'uploadFile', 'install', 'createCloud', 'CloudID'])
      assert.equal(typeof cloud[name], 'function', name)
    assert.equal(cloud['cloud'], cloud)
  })

  it('comes from sources that use only what phones have: ES2018 and WeChat, no Node, no browser', () => {
    const tsc = path.join(import.meta.dirname, '../../node_modules/.bin/tsc')
    const { stdout, status } = spawnSync(tsc, ['--noEmit', '--project', path.join(import.meta.dirname, '..')], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout)
  })

  it('uses nothing newer than its target and nothing that only Node has', async () => {
    const text = await bundleClient()
    for (const name of [
      '?.',
      '??',
      'process.',
      'Buffer',
      'globalThis',
      'structuredClone',
      '.at(',
      'replaceAll',
      'hasOwn(',
      'fromEntries',
      '.flatMap',
    ])
      assert.ok(!text.includes(name), `the bundle holds ${name}`)
  })
})
