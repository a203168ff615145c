/**
 * What a call of a function costs: cold, warm, per second, and in memory; with the real wx-server-sdk and with the light
 * one. Prints a Markdown table for docs/functions.md.
 *
 *   node server/bench/function-figures.ts
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '../src/config.ts'
import type { FunctionCaller } from '../src/features/functions/functions.ts'
import { openLog } from '../src/log.ts'
import { startServer } from '../src/start-server.ts'

const WARM_CALLS = 400
const COLD_STARTS = 5
const BURST_MS = 3_000
const IN_FLIGHT = 32
/** Linux counts in hundredths of a second. */
const MS_PER_TICK = 10

const CODE = `
  const cloud = require('wx-server-sdk')
  cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
  const db = cloud.database()
  exports.main = async ({ kind }) => {
    const { OPENID } = cloud.getWXContext()
    if (kind === 'database') return (await db.collection('notes').doc('one').get()).data
    return OPENID
  }`
const PLAIN = `exports.main = async ({ userInfo }) => userInfo.openId`

const folder = mkdtempSync(path.join(os.tmpdir(), 'sampan-figures-'))
for (const [name, code, isLight] of [
  ['plain', PLAIN, false],
  ['real', CODE, false],
  ['light', CODE, true],
] as const) {
  mkdirSync(path.join(folder, 'functions', name), { recursive: true })
  writeFileSync(path.join(folder, 'functions', name, 'index.js'), code)
  writeFileSync(path.join(folder, 'functions', name, 'config.json'), JSON.stringify({ sampan: { lightSdk: isLight } }))
}

const server = await startServer({
  config: readConfig({ PORT: '0', DATA_DIR: path.join(folder, 'data'), FUNCTION_WORKERS: '1', LOG_LEVEL: 'error' }),
  log: openLog({ level: 'error', destination: process.stderr, isPretty: true }),
  project: {
    functionsRoot: path.join(folder, 'functions'),
    collections: [{ name: 'notes', rules: 'PRIVATE', indexes: [] }],
    seed: { notes: [{ _id: 'one', text: 'a note of a usual length', at: 1 }] },
    rooms: [],
    isWatched: false,
  },
  localToken: '',
  environment: process.env,
})
const { functions } = server.resources

const caller: FunctionCaller = {
  identity: { kind: 'user', openId: 'openid-of-somebody', appId: 'wx', sessionId: 's' },
  requestId: 'figures',
  source: 'wx_client',
}
const call = (name: string, kind: string) => functions.call(name, { kind }, caller)
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const timed = async (act: () => Promise<unknown>) => {
  const startedAt = performance.now()
  await act()
  return performance.now() - startedAt
}

async function coldMs(name: string): Promise<number> {
  const times: number[] = []
  for (let start = 0; start < COLD_STARTS; start += 1) {
    functions.reload(name)
    await sleep(1_500) // until the old worker is gone and a spare process stands ready
    times.push(await timed(() => call(name, 'context')))
  }
  return median(times)
}

async function warmMs(name: string, kind: string): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < WARM_CALLS; count += 1) times.push(await timed(() => call(name, kind)))
  return median(times)
}

/** Processor time of this process and its children so far, in milliseconds: what other programs do does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  const children = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(statOf)
  const ticks = children.reduce((sum, child) => (child.parent === process.pid ? sum + child.ticks : sum), 0)
  return (user + system) / 1000 + ticks * MS_PER_TICK
}

function statOf(pid: string): { parent: number; ticks: number } {
  try {
    // Fields after the program's name in brackets: state, parent, …, user ticks, system ticks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }
  } catch {
    return { parent: 0, ticks: 0 } // it has just ended
  }
}

async function burst(name: string, kind: string): Promise<{ perSecond: number; cpuPerCallMs: number }> {
  const untilMs = performance.now() + BURST_MS
  const cpuBefore = cpuMs()
  let done = 0
  const worker = async () => {
    while (performance.now() < untilMs) {
      await call(name, kind)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return { perSecond: (done * 1000) / BURST_MS, cpuPerCallMs: (cpuMs() - cpuBefore) / done }
}

const COLUMNS = [
  'function',
  'cold call',
  'warm call',
  'with one read',
  'CPU per call',
  'with one read',
  'calls/s of one worker',
]
console.log(`| ${[...COLUMNS, 'with one read', 'memory'].join(' | ')} |`)
console.log(`|---${'|--:'.repeat(COLUMNS.length + 1)}|`)
for (const name of ['plain', 'real', 'light']) {
  const cold = await coldMs(name)
  const { memoryBytes } = await call(name, 'context')
  const warm = await warmMs(name, 'context')
  const warmRead = name === 'plain' ? undefined : await warmMs(name, 'database')
  const calls = await burst(name, 'context')
  const reads = name === 'plain' ? undefined : await burst(name, 'database')
  const cells = [
    `${Math.round(cold)} ms`,
    `${warm.toFixed(2)} ms`,
    warmRead === undefined ? '–' : `${warmRead.toFixed(2)} ms`,
    `${calls.cpuPerCallMs.toFixed(2)} ms`,
    reads ? `${reads.cpuPerCallMs.toFixed(2)} ms` : '–',
    Math.round(calls.perSecond),
    reads ? Math.round(reads.perSecond) : '–',
    `${Math.round(memoryBytes / 1024 / 1024)} MB`,
  ]
  console.log(`| ${name} | ${cells.join(' | ')} |`)
}
await server.close()
rmSync(folder, { recursive: true, force: true })
