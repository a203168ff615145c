import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Output } from '../src/command.ts'
import { bench } from '../src/commands/bench.ts'

const output: Output = {
  result: () => {},
  progress: () => {},
  lang: 'en',
  json: false,
  isInteractive: false,
  color: false,
}
const context = { env: {}, stopped: new Promise<void>(() => {}) }
const run = (positionals: string[], options: Record<string, unknown> = {}) =>
  bench.run({ positionals, options }, output, context)

describe('sampan bench', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'bench-command-'))
  })
  after(() => rm(folder, { recursive: true }))

  for (const target of [
    'http://example.com',
    'http://10.0.0.1:8080',
    'http://127.0.0.1.example.com',
    'http://[::2]/',
  ]) {
    it(`refuses ${target} without --yes: it is not this machine`, async () => {
      await assert.rejects(run([target]), { name: 'UsageError', message: /is not this machine/ })
    })
  }

  it('refuses what is no http:// address, also with --yes', async () => {
    for (const target of ['https://127.0.0.1', 'ftp://127.0.0.1', 'not an address']) {
      await assert.rejects(run([target], { yes: true }), { name: 'UsageError', message: /is not an http/ })
    }
  })

  it('rehearses a flash sale only on a server of its own', async () => {
    const target = 'http://127.0.0.1:9'
    await assert.rejects(run([target], { scenario: 'flash-sale' }), { name: 'UsageError', message: /starts itself/ })
  })

  it('refuses probes that are too long and rates that are too high', async () => {
    await assert.rejects(run([], { seconds: 3_600 }), /--seconds takes 0.2 to 30/)
    await assert.rejects(run([], { 'max-rate': 1e9 }), /--max-rate takes 1 to/)
    await assert.rejects(run([], { scenario: 'websocket', connections: 60_000 }), /--connections takes 1 to 18000/)
  })

  it('names everything that is wrong with a scenario file', async () => {
    const file = path.join(folder, 'mine.json')
    writeFileSync(file, JSON.stringify({ steps: [{ method: 'GET' }] }))
    await assert.rejects(run([], { scenario: file }), /name: a text[\s\S]*steps\[0\]\.path/)
    await assert.rejects(run([], { scenario: 'nothing' }), /no scenario "nothing"/)
  })
})
