import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createBundle, plan } from '@sampan/planner'
import type { Output } from '../../src/command.ts'
import { plan as command } from '../../src/commands/plan.ts'
import { checkBundle } from '../../src/plan/check-bundle.ts'
import { writeBundle } from '../../src/plan/write-bundle.ts'

const INPUT = { type: 'booking', dau: 2000, images: 'cdn', bundle: '2c4g200m' }

describe('check of a bundle by the real programs', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-bundle-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const written = async (name: string, input: object) => {
    const directory = path.join(folder, name)
    await writeBundle(directory, await createBundle(plan(input)), false)
    return directory
  }

  for (const database of ['sqlite', 'mysql', 'postgres']) {
    it(`accepts everything written for ${database}; says which programs were not there`, async (test) => {
      const checks = await checkBundle(await written(database, { ...INPUT, database }))
      assert.deepEqual(
        checks.filter(({ outcome }) => outcome === 'failed'),
        [],
      )
      for (const { program } of checks.filter(({ outcome }) => outcome === 'left-out'))
        test.diagnostic(`not installed: ${program}`)
    })
  }

  const BROKEN: [file: string, program: string, from: string | RegExp, to: string][] = [
    ['nginx/conf.d/sampan.conf', '/usr/sbin/nginx', 'gzip on;', 'gzipp on;'],
    ['systemd/sampan@.service', 'systemd-analyze', 'Restart=on-failure', 'Restart=perhaps'],
    ['systemd/sampan@.service', 'systemd-analyze', /^(Protect|Private|Restrict|System|Capability).*$/gm, ''],
    ['systemd/sampan-backup.timer', 'systemd-analyze', '*-*-* 03:20:00', 'at night'],
    ['scripts/backup.sh', 'bash', '; fi', ''],
    ['mariadb/60-sampan.cnf', '/usr/sbin/mariadbd', 'skip_name_resolve', 'query_cache_forever'],
    ['redis/sampan.conf', 'redis-server', 'allkeys-lru', 'keep-all'],
    ['postgres/60-sampan.conf', '/usr/lib/postgresql/15/bin/postgres', 'work_mem', 'work_memory'],
    ['compose/docker-compose.yml', 'bash', 'services:', 'services: ]'],
    ['compose/docker-compose.yml', 'bash', 'restart: unless-stopped', 'restarts: always'],
    ['compose/docker-compose.yml', 'bash', '0.0.0.0:443:443', '443:443 '],
    ['compose/docker-compose.yml', 'bash', 'nginx:1.28-alpine', 'nginx:latest'],
    ['compose/docker-compose.yml', 'bash', './nginx.conf:', './nginx.cnf:'],
    ['compose/docker-compose.yml', 'bash', '- sampan-1', '- sampan-eleven'],
    ['compose/nginx.conf', '/usr/sbin/nginx', 'keepalive 64;', 'keepalives 64;'],
  ]
  for (const [number, [file, program, from, to]] of BROKEN.entries()) {
    const skip = spawnSync(program, ['--version']).error ? `${program} is not installed` : false
    it(`refuses ${file} with ${String(from)} broken`, { skip }, async () => {
      const database = file.startsWith('postgres') ? 'postgres' : 'mysql'
      const directory = await written(`broken-${number}`, { ...INPUT, database })
      const target = path.join(directory, file)
      const content = await readFile(target, 'utf8')
      const broken = content.replace(from, to)
      assert.notEqual(broken, content)
      await writeFile(target, broken)
      const failed = (await checkBundle(directory)).filter(({ outcome }) => outcome === 'failed')
      assert.deepEqual(
        [...new Set(failed.map((check) => check.file))],
        [file.startsWith('nginx') ? 'nginx/nginx.conf' : file],
      )
    })
  }

  it('writes modes as planned and never over a folder with something in it', async () => {
    const directory = await written('modes', INPUT)
    assert.equal((await stat(path.join(directory, 'env/sampan.env'))).mode & 0o777, 0o600)
    assert.equal((await stat(path.join(directory, 'scripts/install.sh'))).mode & 0o777, 0o755)
    await assert.rejects(written('modes', INPUT), { name: 'CommandError', hint: /--force/ })
  })
})

describe('sampan plan', () => {
  const run = async (options: Record<string, unknown>, { json = false, lang = 'en' as 'en' | 'zh' } = {}) => {
    let out = ''
    const output: Output = {
      result: (text) => {
        out += text
      },
      progress: () => {},
      lang,
      json,
      isInteractive: false,
      color: false,
    }
    const code = await command.run({ options, positionals: [] }, output, { env: {}, stopped: new Promise(() => {}) })
    return { code, out }
  }

  it('answers in the language asked for, as text, JSON, page and drawing', async () => {
    const options = { type: 'shop', dau: 5000, images: 'server', bundle: '2c4g6m' }
    assert.match((await run(options, { lang: 'zh' })).out, /^不够/)
    assert.equal(JSON.parse((await run(options, { json: true })).out).verdict, 'not-enough')
    assert.match((await run({ ...options, html: true })).out, /^<!doctype html>/)
    assert.match((await run({ ...options, svg: true })).out, /^<svg/)
    assert.match((await run({ ...options, mermaid: true })).out, /^flowchart/)
  })

  it('lets a flag beat the file', async () => {
    const file = path.join(await mkdtemp(path.join(os.tmpdir(), 'sampan-plan-')), 'plan.json')
    await writeFile(file, JSON.stringify({ type: 'shop', dau: 5000, bundle: '2c4g6m', images: 'server' }))
    const { out } = await run({ input: file, dau: 10 }, { json: true })
    assert.equal(JSON.parse(out).input.dau, 10)
  })

  it('takes any figure of the model with --set', async () => {
    const { out } = await run({ set: ['requestsPerSecond=80', 'responseKB=2'] }, { json: true })
    assert.equal(JSON.parse(out).demand.requestsPerSecond.peakP90, 80)
  })

  const WRONG: [string, Record<string, unknown>, RegExp][] = [
    ['nothing at all', {}, /dau/],
    ['negative people', { type: 'shop', dau: -1 }, /smallest sensible/],
    ['an unknown type', { type: 'bank', dau: 1 }, /shop/],
    ['an unknown figure', { set: ['speed=3'] }, /requestsPerSecond/],
    ['a file that is not there', { input: '/nowhere.json' }, /path/],
    ['a capacity file that is none', { type: 'tool', dau: 1, capacity: path.resolve('package.json') }, /sampan bench/],
    [
      'a domain that is none',
      { type: 'tool', dau: 1, out: path.join(os.tmpdir(), 'never-written'), domain: 'a b' },
      /api\.example\.com/,
    ],
    ['a folder without a bundle', { check: '/nowhere' }, /--out/],
  ]
  for (const [name, options, hint] of WRONG) {
    it(`refuses ${name} with a hint`, async () => {
      await assert.rejects(run(options), { name: 'UsageError', hint })
    })
  }
})
