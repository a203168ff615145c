import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { readFunctions } from '../../src/features/functions/function-config.ts'
import { examineDependencies } from '../../src/features/functions/function-dependencies.ts'
import { installMissing } from '../../src/features/functions/install-dependencies.ts'
import { runtimePackagesOf } from '../../src/features/functions/runtime-packages.ts'
import { byUser, resultOf, serveProject, writeProject } from './function-project.ts'

const sdk = (version: string) => ({
  'node_modules/wx-server-sdk/package.json': JSON.stringify({ name: 'wx-server-sdk', version, main: 'index.js' }),
  'node_modules/wx-server-sdk/index.js': `module.exports = { version: '${version}' }`,
})
const within = (folder: string, files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]))

const VERSION = `exports.main = () => require('wx-server-sdk').version`

describe('the wx-server-sdk of a function', () => {
  it('is the project’s own, unless that version cannot be redirected or is missing', async () => {
    const served = await serveProject({
      'own/index.js': VERSION,
      ...within('own', sdk('2.3.99')),
      'old/index.js': VERSION,
      ...within('old', sdk('2.1.2')),
      'older/index.mjs': `import cloud from 'wx-server-sdk'; export const main = () => cloud.version`,
      ...within('older', sdk('0.8.1')),
      'missing/index.js': VERSION,
      'missing/package.json': `{ "dependencies": { "wx-server-sdk": "latest" } }`,
    })
    try {
      const version = async (name: string) => resultOf(await served.functions.call(name, {}, byUser('a')))
      assert.equal(await version('own'), '2.3.99')
      for (const name of ['old', 'older', 'missing']) assert.match(String(await version(name)), /^[4-9]\./)
    } finally {
      await served.close()
    }
  })

  it('counts as installed in a folder above, as for every package', () => {
    const root = writeProject({
      'node_modules/left/package.json': `{ "version": "1.0.0" }`,
      'cloud/a/index.js': '',
      'cloud/a/package.json': `{ "dependencies": { "left": "1", "right": "1", "wx-server-sdk": "~2.6.3" } }`,
    })
    const [spec] = readFunctions(path.join(root, 'cloud'), { timeoutMs: 1, memoryMb: 128 }, () => {}).values()
    assert.ok(spec)
    assert.deepEqual(examineDependencies(spec).missing, ['right'])
    rmSync(root, { recursive: true })
  })
})

describe('packages that are missing', () => {
  it('are installed with npm, beside the function', async () => {
    const root = writeProject({
      'packages/left/package.json': `{ "name": "left", "version": "1.2.3", "main": "index.js" }`,
      'packages/left/index.js': `module.exports = 'left'`,
      'cloud/a/index.js': `exports.main = () => require('left')`,
      'cloud/a/package.json': `{ "dependencies": { "left": "file:../../packages/left" } }`,
      'cloud/b/index.js': '',
      'cloud/b/package.json': `{ "dependencies": { "left": "file:../../no-such-folder" } }`,
    })
    const log = pino({ level: 'silent' })
    const specs = [...readFunctions(path.join(root, 'cloud'), { timeoutMs: 1, memoryMb: 128 }, () => {}).values()]
    const progress: string[] = []
    // Held by a process that runs, then let go; the other is left over from a process that is gone.
    writeFileSync(path.join(root, 'cloud/a/.sampan-installing'), String(process.pid))
    writeFileSync(path.join(root, 'cloud/b/.sampan-installing'), '999999999')
    setTimeout(() => rmSync(path.join(root, 'cloud/a/.sampan-installing')), 300)
    await installMissing(specs, { environment: process.env, log, onProgress: (line) => void progress.push(line) })
    assert.deepEqual(progress.toSorted(), ['npm install in a', 'npm install in b'])
    assert.ok(existsSync(path.join(root, 'cloud/a/node_modules/left/index.js')))
    assert.ok(!existsSync(path.join(root, 'cloud/a/.sampan-installing')))
    const served = await serveProject({}, { functionsRoot: path.join(root, 'cloud') })
    try {
      assert.equal(resultOf(await served.functions.call('a', {}, byUser('a'))), 'left')
    } finally {
      await served.close()
    }
    rmSync(root, { recursive: true })
  })
})

describe('packages that Tencent’s older runtimes brought along', () => {
  it('are found in the code that loads them, wherever it lies in the function', () => {
    const root = writeProject({
      'a/index.js': `const request = require('request'); const v4 = require( "uuid/v4" ); require('./lodash'); require('fs')`,
      'a/lib/parse.mjs': `import { parseString } from 'xml2js'`,
      'a/node_modules/left/index.js': `require('lodash')`,
      'b/index.js': `require('requested')`,
    })
    assert.deepEqual(Object.keys(runtimePackagesOf(path.join(root, 'a'))), ['request', 'uuid', 'xml2js'])
    assert.deepEqual(runtimePackagesOf(path.join(root, 'b')), {})
    rmSync(root, { recursive: true })
  })

  it('are installed without being written into the project', async () => {
    const code = `exports.main = () => require('isarray')([])`
    const manifest = `{ "name": "a", "version": "1.0.0" }`
    const root = writeProject({
      'package.json': `{ "name": "project" }`,
      'cloud/a/index.js': code,
      'cloud/a/package.json': manifest,
      'cloud/b/index.js': code,
    })
    const cloud = path.join(root, 'cloud')
    const specs = [...readFunctions(cloud, { timeoutMs: 1, memoryMb: 128 }, () => {}).values()]
    const log = pino({ level: 'silent' })
    await installMissing(specs, { environment: process.env, log, onProgress: () => {} })
    assert.equal(readFileSync(path.join(cloud, 'a/package.json'), 'utf8'), manifest)
    assert.ok(!existsSync(path.join(root, 'node_modules')) && !existsSync(path.join(cloud, 'b/package.json')))
    const served = await serveProject({}, { functionsRoot: cloud })
    try {
      for (const name of ['a', 'b']) assert.equal(resultOf(await served.functions.call(name, {}, byUser('a'))), true)
    } finally {
      await served.close()
    }
    rmSync(root, { recursive: true })
  })
})
