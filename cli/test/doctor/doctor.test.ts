import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openSimulator } from '@sampan/simulator'
import type { Finding } from '../../src/doctor/finding.ts'
import {
  checkBackup,
  checkDisk,
  checkFsync,
  checkMemory,
  checkNode,
  checkPanels,
  type MachineFacts,
} from '../../src/doctor/machine-checks.ts'
import { checkRunning, checkSecrets, ruleFields } from '../../src/doctor/project-checks.ts'
import { checkSite } from '../../src/doctor/site-checks.ts'
import { checkWeChat } from '../../src/doctor/wechat-checks.ts'

const APP_ID = 'wx0123456789abcdef'
const SECRET = 'simulated-secret-of-the-simulator'
const HOUR_MS = 3_600_000

async function temporaryDir(t: TestContext) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-doctor-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}
const levelOf = (findings: readonly Finding[], id: string) => findings.find((finding) => finding.id === id)?.level

describe('doctor: the machine', () => {
  const facts = (dir: string): MachineFacts => ({
    nodeVersion: '24.1.0',
    dataDir: path.join(dir, 'data'),
    functionWorkers: 2,
    functionMemoryMb: 256,
    procDir: dir,
    rootDir: dir,
    nowMs: Date.now(),
  })

  it('refuses an old Node and says how to get the new one', () => {
    assert.equal(checkNode('20.11.0').level, 'bad')
    assert.match(checkNode('20.11.0').fix ?? '', /npm ci/)
    assert.equal(checkNode('24.1.0').level, 'good')
  })

  it('adds up memory before the kernel has to', async (t) => {
    const dir = await temporaryDir(t)
    await writeFile(path.join(dir, 'meminfo'), 'MemTotal: 2000000 kB\nSwapTotal: 0 kB\n')
    const fits = await checkMemory(facts(dir))
    assert.deepEqual([levelOf(fits, 'memory'), levelOf(fits, 'swap')], ['good', 'warn'])
    const many = await checkMemory({ ...facts(dir), functionWorkers: 8 })
    assert.equal(levelOf(many, 'memory'), 'bad')
    assert.equal(many.find(({ id }) => id === 'memory')?.fix, 'FUNCTION_WORKERS=5')
  })

  it('measures the disk and leaves nothing behind', async (t) => {
    const dir = await temporaryDir(t)
    assert.ok(['good', 'warn', 'bad'].includes((await checkDisk(path.join(dir, 'missing'))).level))
    assert.ok(['good', 'warn'].includes((await checkFsync(dir)).level))
    assert.equal((await checkFsync(dir)).id, 'fsync')
    assert.deepEqual(execFileSync('ls', ['-A', dir], { encoding: 'utf8' }), '')
  })

  it('knows the age of the newest backup', async (t) => {
    const dir = await temporaryDir(t)
    assert.equal((await checkBackup(facts(dir))).level, 'warn')
    const backups = path.join(dir, 'data/backups')
    await mkdir(backups, { recursive: true })
    for (const [name, hours] of [
      ['old', 100],
      ['new', 30],
    ] as const) {
      await writeFile(path.join(backups, name), '')
      const at = new Date(Date.now() - hours * HOUR_MS)
      await utimes(path.join(backups, name), at, at)
    }
    const finding = await checkBackup(facts(dir))
    assert.equal(finding.level, 'warn')
    assert.match(finding.title.en, /30 h/)
    assert.equal((await checkBackup({ ...facts(dir), nowMs: Date.now() + 40 * HOUR_MS })).level, 'bad')
  })

  it('notices another panel', async (t) => {
    const dir = await temporaryDir(t)
    assert.deepEqual(checkPanels(dir), [])
    await mkdir(path.join(dir, 'www/server/panel'), { recursive: true })
    assert.match(checkPanels(dir)[0]?.title.zh ?? '', /宝塔/)
  })
})

describe('doctor: secrets and data', () => {
  it('finds a key that can be guessed, and one that others can read', async (t) => {
    const dir = await temporaryDir(t)
    assert.equal(
      levelOf(await checkSecrets({ secretKey: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', dataDir: dir }), 'secret-key'),
      'bad',
    )
    assert.equal(levelOf(await checkSecrets({ secretKey: '', dataDir: dir }), 'secret-key'), 'warn')
    const good = '3q8s7dGkP0zXv5nRtYh2LmWb9JcQfEaU'
    assert.equal(levelOf(await checkSecrets({ secretKey: good, dataDir: dir }), 'secret-key'), 'good')
    await writeFile(path.join(dir, 'secret.key'), 'x')
    await chmod(path.join(dir, 'secret.key'), 0o644)
    assert.equal(levelOf(await checkSecrets({ secretKey: good, dataDir: dir }), 'secret-file'), 'bad')
  })

  it('finds collections that anybody can change, and rules without an index', () => {
    const running = { alarmChannels: 0, hasHeartbeat: false }
    const open = { name: 'posts', documents: 5, rules: { read: true, write: true }, indexes: [] }
    assert.equal(levelOf(checkRunning({ ...running, collections: [open] }), 'public-collection'), 'bad')
    const ruled = { name: 'orders', documents: 5_000, rules: { read: 'doc.shop.owner == auth.openid' }, indexes: [] }
    const findings = checkRunning({ ...running, collections: [ruled] })
    assert.equal(findings.find(({ id }) => id === 'rule-index')?.fix, `sampan index create orders '{"shop.owner":1}'`)
    const indexed = { ...ruled, indexes: [{ fields: { 'shop.owner': 1 } }] }
    assert.equal(levelOf(checkRunning({ ...running, collections: [indexed] }), 'rule-index'), undefined)
    assert.equal(levelOf(findings, 'alarms'), 'warn')
    assert.deepEqual(ruleFields('PRIVATE'), [])
  })
})

describe('doctor: WeChat', () => {
  it('accepts the right AppID and secret, compares the clock, and explains a wrong secret', async (t) => {
    const simulator = await openSimulator({ appId: APP_ID, secret: SECRET })
    t.after(() => simulator.close())
    const facts = { baseUrl: simulator.url, appId: APP_ID, secret: SECRET, nowMs: Date.now }
    const right = await checkWeChat(facts)
    assert.equal(levelOf(right, 'wechat-token'), 'good', JSON.stringify(right))
    assert.equal(levelOf(right, 'clock'), 'good')
    const late = await checkWeChat({ ...facts, nowMs: () => Date.now() + 5 * 60_000 })
    assert.equal(levelOf(late, 'clock'), 'bad')
    const wrong = await checkWeChat({ ...facts, secret: 'x'.repeat(32) })
    const token = wrong.find(({ id }) => id === 'wechat-token')
    assert.equal(token?.level, 'bad')
    assert.match(token?.detail?.zh ?? '', /AppSecret/)
  })

  for (const [errcode, words] of [
    [40243, /冻结/],
    [40164, /白名单/],
  ] as const) {
    it(`explains ${errcode}`, async (t) => {
      const server = http.createServer((_request, response) => response.end(JSON.stringify({ errcode, errmsg: 'x' })))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.after(() => server.close())
      const { port } = server.address() as AddressInfo
      const facts = { baseUrl: `http://127.0.0.1:${port}`, appId: APP_ID, secret: SECRET, nowMs: Date.now }
      const token = (await checkWeChat(facts)).find(({ id }) => id === 'wechat-token')
      assert.match(token?.detail?.zh ?? '', words)
      assert.ok(token?.fix)
    })
  }

  it('says when WeChat cannot be reached and when the AppID is misshapen', async () => {
    const findings = await checkWeChat({ baseUrl: 'http://127.0.0.1:1', appId: 'wx1', secret: '', nowMs: Date.now })
    assert.deepEqual(
      ['appid', 'secret', 'wechat-reachable'].map((id) => levelOf(findings, id)),
      ['bad', 'bad', 'bad'],
    )
  })
})

describe('doctor: the domain', { skip: hasOpenssl() ? false : 'openssl is not installed' }, () => {
  /** A root, an authority in between, and a certificate for localhost, as public authorities make them. */
  async function makeChain(dir: string, days: number, key = 'rsa:2048') {
    const ssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
    const request = (name: string, subject: string, newkey: string) =>
      ssl(
        'req',
        '-newkey',
        ...newkey.split(' '),
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        subject,
      )
    await writeFile(path.join(dir, 'ca.ext'), 'basicConstraints=critical,CA:TRUE\n')
    await writeFile(path.join(dir, 'leaf.ext'), 'subjectAltName=DNS:localhost\n')
    ssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'root.key',
      '-out',
      'root.pem',
      '-subj',
      '/CN=Test Root',
      '-days',
      '30',
    )
    request('middle', '/CN=Test Middle', 'rsa:2048')
    ssl(
      'x509',
      '-req',
      '-in',
      'middle.csr',
      '-CA',
      'root.pem',
      '-CAkey',
      'root.key',
      '-CAcreateserial',
      '-out',
      'middle.pem',
      '-days',
      '30',
      '-extfile',
      'ca.ext',
    )
    request('leaf', '/CN=localhost', key)
    ssl(
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      '-CA',
      'middle.pem',
      '-CAkey',
      'middle.key',
      '-CAcreateserial',
      '-out',
      'leaf.pem',
      '-days',
      String(days),
      '-extfile',
      'leaf.ext',
    )
    const read = (name: string) => readFile(path.join(dir, name), 'utf8')
    return {
      key: await read('leaf.key'),
      leaf: await read('leaf.pem'),
      middle: await read('middle.pem'),
      root: await read('root.pem'),
    }
  }

  async function listen(t: TestContext, server: http.Server | https.Server) {
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
    t.after(() => server.close())
    return (server.address() as AddressInfo).port
  }

  it('sees a full chain, RSA, TLS 1.2, the days left and the redirect', async (t) => {
    const chain = await makeChain(await temporaryDir(t), 90)
    const httpsPort = await listen(t, https.createServer({ key: chain.key, cert: chain.leaf + chain.middle }))
    const redirect = http.createServer((_request, response) =>
      response.writeHead(301, { location: 'https://localhost/' }).end(),
    )
    const httpPort = await listen(t, redirect)
    const findings = await checkSite({ host: 'localhost', httpsPort, httpPort, ca: chain.root, nowMs: Date.now() })
    for (const id of ['dns', 'port-https', 'tls-chain', 'tls-1.2', 'tls-key', 'tls-expiry', 'redirect']) {
      assert.equal(levelOf(findings, id), 'good', id)
    }
  })

  it('sees a chain without the certificate in between, as Androids do', async (t) => {
    const chain = await makeChain(await temporaryDir(t), 90)
    const httpsPort = await listen(t, https.createServer({ key: chain.key, cert: chain.leaf }))
    const findings = await checkSite({ host: 'localhost', httpsPort, httpPort: 1, ca: chain.root, nowMs: Date.now() })
    const finding = findings.find(({ id }) => id === 'tls-chain')
    assert.equal(finding?.level, 'bad')
    assert.match(finding?.detail?.zh ?? '', /中间证书/)
    assert.match(finding?.fix ?? '', /fullchain/)
    assert.equal(levelOf(findings, 'port-http'), 'bad')
  })

  it('sees an old server, an elliptic key and a certificate about to expire', async (t) => {
    const chain = await makeChain(await temporaryDir(t), 5, 'ec -pkeyopt ec_paramgen_curve:prime256v1')
    const options = { key: chain.key, cert: chain.leaf + chain.middle, minVersion: 'TLSv1.3' as const }
    const httpsPort = await listen(t, https.createServer(options))
    const findings = await checkSite({ host: 'localhost', httpsPort, httpPort: 1, ca: chain.root, nowMs: Date.now() })
    assert.deepEqual(
      ['tls-1.2', 'tls-key', 'tls-expiry'].map((id) => levelOf(findings, id)),
      ['bad', 'warn', 'bad'],
    )
  })

  it('says when a name has no address', async () => {
    const findings = await checkSite({ host: 'nowhere.invalid', httpsPort: 443, httpPort: 80, nowMs: Date.now() })
    assert.deepEqual(
      findings.map(({ id, level }) => `${id} ${level}`),
      ['dns bad'],
    )
  })
})

function hasOpenssl() {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}
