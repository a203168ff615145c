/**
 * `npm run bench:line`: how many useful answers go through a small server's line: TLS through the real nginx, over a
 * cable of so many megabits between two network namespaces that this run makes and removes.
 *
 *   node bench/line/main.ts [--json] [--megabits 5] [--seconds 6] [--only sampan]
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { FORUM_STEPS } from '../peers/forum-mix.ts'
import { handWrittenUsers } from '../peers/hand-written-peers.ts'
import { installPeers } from '../peers/install-peers.ts'
import { startServer, type User } from '../peers/peer.ts'
import { hasMariaDb, startPrivateMariaDb } from '../peers/private-mariadb.ts'
import { BENCH_SERVER, SAMPAN_STEPS } from '../peers/sampan-peer.ts'
import { seedMariaDb } from '../peers/seed-mariadb.ts'
import { POSTS } from '../src/forum-data.ts'
import type { Arrivals, LoadPlan } from '../src/load-plan.ts'
import type { LoadResult } from '../src/run-load.ts'
import { LARGE_FILE, startLineNginx } from './line-nginx.ts'
import { missingForLine, openShapedLine } from './shaped-line.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    megabits: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '6' },
    only: { type: 'string' },
  },
})

/** Phones that wait for an answer at once: 64 short answers are a fifth of a second of the line, so it never runs dry. */
const CONNECTIONS = 64
const SERVER_CPU = '0'
const DOWNLOADS = 4
/** A fifth of what the line carries. */
const CALM_PER_SECOND = 100
/** Of the line's bits; the rest are headers of Ethernet, IP and TCP. */
const GOODPUT_SHARE = 0.944
const TLS_TIMEOUT_MS = 20_000
/** Several people: one alone is limited to some requests per second, and rightly. */
const USERS = 100

type LineResult = {
  readonly name: string
  readonly step: string
  readonly perSecond: number
  readonly bytesPerAnswer: number
  /** Share of what the line can carry that answers filled, without TLS and TCP. */
  readonly lineShare: number
  /** Share of the line's bits that anything filled, by the network card's own count. */
  readonly filledShare: number
  readonly p95Ms: number
  /** Open loop at 80 % of the rate above. */
  readonly p95At80PercentMs: number
}

const say = (line: string) => process.stderr.write(`${line}\n`)
const reason = missingForLine()
if (reason) {
  say(`✗ LEFT OUT: bench:line: ${reason}`)
  process.exit(1)
}

const megabits = Number(options.megabits)
const folder = mkdtempSync(path.join(os.tmpdir(), 'sampan-bench-line-'))
const line = openShapedLine(megabits)
const results: LineResult[] = []
const besideDownloads: { readonly downloads: number; readonly p50Ms: number; readonly p95Ms: number }[] = []
try {
  if (options.only !== 'sampan') await measureExpress()
  if (options.only !== 'express') await measureSampan()
} finally {
  line.close()
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(options.json ? `${JSON.stringify({ megabits, results, besideDownloads }, null, 1)}\n` : render())

async function measureExpress() {
  const expressPeer = {
    name: 'express',
    about: '',
    durability: '',
    missing: expressMissing,
    start: () => Promise.reject(),
  }
  installPeers([expressPeer], say)
  const missing = expressMissing()
  if (missing) return say(`✗ LEFT OUT: express: ${missing}`)
  const run = path.join(folder, 'express')
  mkdirSync(run)
  const mariaDb = await startPrivateMariaDb(run, SERVER_CPU)
  await seedMariaDb(mariaDb.socketPath)
  const script = path.join(import.meta.dirname, '../peers/servers/express-mysql.mjs')
  const server = await startServer({
    script,
    args: [mariaDb.socketPath, 'forum'],
    cpu: SERVER_CPU,
    inside: line.atServer,
  })
  await measureBehindNginx('express, SELECT *, no compression', server.port, undefined, FORUM_STEPS, handWrittenUsers)
  await measureBehindNginx('express, SELECT *, gzip', server.port, 1_024, FORUM_STEPS, handWrittenUsers)
  await server.stop()
  await mariaDb.stop()
}

async function measureSampan() {
  const dataDir = path.join(folder, 'sampan')
  mkdirSync(dataDir)
  const given = { dataDir, forumPosts: POSTS }
  spawnSync(process.execPath, [BENCH_SERVER, JSON.stringify({ ...given, seedsOnly: true })])
  const args = [JSON.stringify(given)]
  const server = await startServer({ script: BENCH_SERVER, args, cpu: SERVER_CPU, inside: line.atServer })
  const users = await logInInside(server.port)
  await measureBehindNginx('sampan, narrow fields, gzip', server.port, 256, SAMPAN_STEPS, users)
  await measureBehindNginx('the same, HTTP/2', server.port, 256, SAMPAN_STEPS, users, true)
  const seen = await seenSteps(server.port, users)
  await measureBehindNginx('the same, half of the lists seen before', server.port, 256, seen, users, true)
  await measureBesideDownloads(server.port, users)
  await server.stop()
}

/** Short answers at a fifth of what the line carries, while others download large files all the time. */
async function measureBesideDownloads(appPort: number, users: readonly User[]) {
  const nginx = await startLineNginx(path.join(folder, 'nginx-downloads'), line.atServer, {
    appPort,
    gzipFromBytes: 256,
  })
  const large = [{ name: 'large', weight: 1, method: 'GET', path: LARGE_FILE, isAnonymous: true }]
  const { port } = nginx
  const [small] = await Promise.all([
    loadFromPhone({ port, steps: SAMPAN_STEPS, users, arrivals: { kind: 'rate', perSecond: CALM_PER_SECOND } }),
    loadFromPhone({ port, steps: large, users: [], arrivals: { kind: 'saturate' }, connections: DOWNLOADS }),
  ])
  await nginx.close()
  say(`${DOWNLOADS} downloads, mix at ${CALM_PER_SECOND}/s: p95 ${small.latency.p95Ms.toFixed(0)} ms`)
  besideDownloads.push({ downloads: DOWNLOADS, p50Ms: small.latency.p50Ms, p95Ms: small.latency.p95Ms })
}

/** Half of the lists are asked for again, with the tag of what the phone holds: the SDK does that by itself. */
async function seenSteps(port: number, users: readonly User[]): Promise<LoadPlan['steps']> {
  const list = SAMPAN_STEPS.find(({ name }) => name === 'list')
  if (!list) throw new Error('the mix has no list')
  const category = 7
  const body = { ...(list.body as { query: object }), query: { category, status: 'open' } } // safe: SAMPAN_STEPS says so
  const client = path.join(import.meta.dirname, 'line-tag.ts')
  const words = [String(port), users[0]?.token ?? '', list.path, JSON.stringify(body)]
  const tag = await output([...line.atServer, process.execPath, client, ...words])
  const seen = { ...list, name: 'list', body, expectStatus: 304, headers: { 'if-none-match': tag } }
  return [
    ...SAMPAN_STEPS.filter(({ name }) => name !== 'list'),
    { ...list, weight: list.weight / 2, headers: { 'if-none-match': 'W/"none"' } },
    { ...seen, weight: list.weight / 2 },
  ]
}

function expressMissing() {
  if (!hasMariaDb()) return 'MariaDB is not installed (apt-get install mariadb-server)'
  const script = "import('express')"
  const isThere =
    spawnSync(process.execPath, ['-e', script], { cwd: path.join(import.meta.dirname, '../peers') }).status === 0
  return isThere ? undefined : 'express is not installed'
}

/** The server listens on its namespace's loopback: only who is inside reaches it. */
async function logInInside(port: number): Promise<User[]> {
  const client = path.join(import.meta.dirname, 'line-users.ts')
  return JSON.parse(await output([...line.atServer, process.execPath, client, String(port), String(USERS)])) as User[] // safe: our own file printed it
}

async function measureBehindNginx(
  name: string,
  appPort: number,
  gzipFromBytes: number | undefined,
  steps: LoadPlan['steps'],
  users: readonly User[],
  isHttp2 = false,
) {
  const nginx = await startLineNginx(path.join(folder, `nginx-${results.length}`), line.atServer, {
    appPort,
    gzipFromBytes,
  })
  for (const step of ['list', 'mix']) {
    const chosen = steps
      .filter((one) => step === 'mix' || one.name === step)
      .map((one) => ({ ...one, headers: { ...one.headers, 'accept-encoding': 'gzip' } }))
    const load = (arrivals: Arrivals) => loadFromPhone({ port: nginx.port, steps: chosen, users, arrivals, isHttp2 })
    const before = line.bytesToPhone()
    const startMs = performance.now()
    const full = await load({ kind: 'saturate' })
    const filledBytes = line.bytesToPhone() - before
    // The client also starts and ends within this time: less than was possible, never more.
    const possibleBytes = (((performance.now() - startMs) / 1000) * megabits * 1e6) / 8
    const calm = await load({ kind: 'rate', perSecond: full.okPerSecond * 0.8 })
    const result = {
      name,
      step,
      perSecond: full.okPerSecond,
      bytesPerAnswer: full.bytesPerAnswer,
      lineShare: (full.okPerSecond * full.bytesPerAnswer) / ((megabits * 1e6 * GOODPUT_SHARE) / 8),
      filledShare: filledBytes / possibleBytes,
      p95Ms: full.latency.p95Ms,
      p95At80PercentMs: calm.latency.p95Ms,
    }
    results.push(result)
    if (full.errorRatio > 0)
      say(`! ${(full.errorRatio * 100).toFixed(1)} % errors: ${JSON.stringify(full.steps.map((one) => one.problems))}`)
    say(`${name}, ${step}: ${result.perSecond.toFixed(1)}/s, ${result.bytesPerAnswer.toFixed(0)} B`)
  }
  await nginx.close()
}

type FromPhone = Pick<LoadPlan, 'port' | 'steps' | 'users' | 'arrivals' | 'isHttp2'> & { readonly connections?: number }

async function loadFromPhone(given: FromPhone): Promise<LoadResult> {
  const plan: LoadPlan = {
    connections: CONNECTIONS,
    ...given,
    host: line.serverAddress,
    isTls: true,
    runName: `line${Date.now().toString(36)}`,
    seed: 1,
    warmUpMs: 1_000,
    durationMs: Number(options.seconds) * 1000,
    timeoutMs: TLS_TIMEOUT_MS,
  }
  const client = path.join(import.meta.dirname, 'line-client.ts')
  return JSON.parse(await output([...line.atPhone, process.execPath, client, JSON.stringify(plan)])) as LoadResult // safe: our own file printed it
}

function output([program = '', ...words]: readonly string[]): Promise<string> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  return new Promise((resolve, reject) =>
    child.once('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${program} ended with ${code}`)))),
  )
}

function render(): string {
  const limit = (bytes: number) => (megabits * 1e6 * GOODPUT_SHARE) / 8 / bytes
  const rows = results.map(
    ({ name, step, perSecond, bytesPerAnswer, lineShare, filledShare, p95Ms, p95At80PercentMs }) =>
      [
        name.padEnd(40),
        step.padEnd(5),
        `${perSecond.toFixed(1)}/s`.padStart(9),
        `limit ${limit(bytesPerAnswer).toFixed(1)}/s`.padStart(15),
        `${bytesPerAnswer.toFixed(0)} B`.padStart(9),
        `answers ${(lineShare * 100).toFixed(0)} %, all ${(filledShare * 100).toFixed(0)} % of the line`.padStart(36),
        `p95 ${p95Ms.toFixed(0)} ms, at 80 %: ${p95At80PercentMs.toFixed(0)} ms`,
      ].join(' '),
  )
  const downloads = besideDownloads.map(
    ({ downloads, p50Ms, p95Ms }) =>
      `beside ${downloads} downloads: mix at ${CALM_PER_SECOND}/s p50 ${p50Ms.toFixed(0)} ms, p95 ${p95Ms.toFixed(0)} ms\n`,
  )
  return `${megabits} Mbps, TLS through nginx, ${CONNECTIONS} connections\n${rows.join('\n')}\n${downloads.join('')}`
}
