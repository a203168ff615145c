import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { it, type TestContext } from 'node:test'
import {
  backupAgeHours,
  backupSource,
  certificateDaysLeft,
  certificateSource,
} from '../../src/features/monitor/upkeep-sources.ts'

const HOUR_MS = 3_600_000
const noOpenssl = existsSync('/usr/bin/openssl') ? false : 'openssl is not installed'

async function temporaryDir(t: TestContext) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-upkeep-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

it('knows the age of the newest backup, and nothing before the first', async (t) => {
  const dir = await temporaryDir(t)
  const backups = path.join(dir, 'backups')
  assert.deepEqual(backupSource(dir)().gauges, {})
  await mkdir(backups)
  assert.equal(await backupAgeHours(backups, Date.now()), undefined)
  const nowMs = Date.now()
  for (const hours of [50, 30]) {
    const file = path.join(backups, String(hours))
    await writeFile(file, '')
    await utimes(file, new Date(nowMs - hours * HOUR_MS), new Date(nowMs - hours * HOUR_MS))
  }
  assert.equal(Math.round((await backupAgeHours(backups, nowMs)) ?? 0), 30)
})

it('asks the public address for the days its certificate has left', { skip: noOpenssl }, async (t) => {
  const dir = await temporaryDir(t)
  const subject = ['-subj', '/CN=localhost', '-days', '30', '-keyout', 'key.pem', '-out', 'cert.pem']
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { cwd: dir, stdio: 'pipe' })
  const read = (name: string) => readFile(path.join(dir, name), 'utf8')
  const server = https.createServer({ key: await read('key.pem'), cert: await read('cert.pem') })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const days = await certificateDaysLeft('localhost', port, Date.now())
  assert.ok(days !== undefined && days > 28 && days < 31, String(days))
  assert.deepEqual(certificateSource(() => 'http://localhost')().gauges, {})
  assert.equal(await certificateDaysLeft('localhost', 1, Date.now()), undefined)
})
