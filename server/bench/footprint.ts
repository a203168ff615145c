/**
 * What the server weighs: start to ready, memory of every process idle and under the mix, as it is and inside the boxes
 * that people rent: so many cores (CPU affinity), so many megabytes (cgroup).
 *
 *   node server/bench/footprint.ts [--limit-mb 256] [--json]
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { SAMPAN_STEPS } from '../../bench/peers/sampan-peer.ts'
import { logInUsers } from '../../bench/src/bench-client.ts'
import { POSTS } from '../../bench/src/forum-data.ts'
import { familyOf } from '../../bench/src/process-clock.ts'
import { runLoad } from '../../bench/src/run-load.ts'

const { values: options } = parseArgs({
  options: { 'limit-mb': { type: 'string', default: '256' }, json: { type: 'boolean', default: false } },
})

const BENCH_SERVER = path.join(import.meta.dirname, 'bench-server.ts')
const ONE_CORE = '0'
/** The generator's core is the second of two here: the figures of that box are what is left beside it. */
const TWO_CORES = '0-1'
const IDLE_AFTER_MS = 3_000
const LOAD_MS = 8_000
const USERS = 200
/** The first start fills the cache of compiled code; the second is what a restart costs. */
const STARTS = 3
const CGROUP = '/sys/fs/cgroup/memory'

const folder = mkdtempSync(path.join(os.tmpdir(), 'sampan-footprint-'))
try {
  await stop(await start({ dataDir: folder, forumPosts: POSTS }, {}))
  const figures = [await weigh({ label: 'one core, no limit of memory', cpus: ONE_CORE })]
  if (existsSync(CGROUP)) {
    for (const box of [
      { label: `one core, ${options['limit-mb']} MB`, cpus: ONE_CORE, limitMb: Number(options['limit-mb']) },
      { label: 'one core, 1 GB', cpus: ONE_CORE, limitMb: 1_024 },
      { label: 'two cores, 2 GB', cpus: TWO_CORES, limitMb: 2_048 },
    ]) {
      figures.push(await weigh(box))
    }
  }
  process.stdout.write(options.json ? `${JSON.stringify(figures, null, 1)}\n` : `${figures.map(render).join('\n')}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

type Box = { readonly label: string; readonly cpus: string; readonly limitMb?: number }

async function weigh({ label, cpus, limitMb }: Box) {
  const cgroup = limitMb === undefined ? undefined : openCgroup(limitMb)
  const place = { cpus, ...(cgroup !== undefined && { cgroup }) }
  try {
    const readyMs: number[] = []
    for (let count = 1; count < STARTS; count++) {
      const again = await start({ dataDir: folder }, place)
      readyMs.push(again.readyMs)
      await stop(again)
    }
    const server = await start({ dataDir: folder }, place)
    readyMs.push(server.readyMs)
    await sleep(IDLE_AFTER_MS)
    const idle = memoryOf(server.pid)
    const users = await logInUsers(`http://127.0.0.1:${server.port}`, USERS, 'footprint')
    const load = await runLoad({
      ...{ host: '127.0.0.1', port: server.port, users, steps: SAMPAN_STEPS, runName: 'footprint', seed: 1 },
      ...{ connections: 64, arrivals: { kind: 'saturate' }, warmUpMs: 1_000, durationMs: LOAD_MS, timeoutMs: 5_000 },
    })
    const loaded = memoryOf(server.pid)
    await stop(server)
    return {
      label,
      readyMs: Math.min(...readyMs),
      idle,
      loaded,
      perSecond: load.okPerSecond,
      errorRatio: load.errorRatio,
    }
  } finally {
    if (cgroup) rmdirSync(cgroup)
  }
}

type Started = {
  readonly pid: number
  readonly port: number
  readonly readyMs: number
  readonly ended: Promise<unknown>
}

async function start(
  given: { dataDir: string; forumPosts?: number },
  { cpus = ONE_CORE, cgroup }: { cpus?: string; cgroup?: string },
): Promise<Started> {
  const enter = cgroup ? `echo $$ > ${cgroup}/cgroup.procs; ` : ''
  const command = `${enter}exec taskset -c ${cpus} "$0" "$@"`
  const startedMs = performance.now()
  const child = spawn('sh', ['-c', command, process.execPath, BENCH_SERVER, JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // Whatever goes wrong here, no server is left behind.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = new Promise((resolve) => child.once('exit', resolve)).finally(() => process.off('exit', kill))
  return new Promise((resolve, reject) => {
    void ended.then((code) => reject(new Error(`the server ended with code ${code}`)))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const port = Number(/^ready (\d+)$/m.exec(text)?.[1])
      if (port) resolve({ pid: child.pid ?? 0, port, readyMs: performance.now() - startedMs, ended })
    })
  })
}

async function stop({ pid, ended }: Started) {
  process.kill(pid, 'SIGTERM')
  await ended
}

function memoryOf(pid: number) {
  return familyOf(pid).map(({ program, residentKb }) => ({ program, residentMb: Math.round(residentKb / 1024) }))
}

/** Control groups of version 1; with version 2 alone the limit is left out. */
function openCgroup(limitMb: number): string {
  const place = path.join(CGROUP, `sampan-footprint-${process.pid}`)
  mkdirSync(place)
  writeFileSync(path.join(place, 'memory.limit_in_bytes'), String(limitMb * 2 ** 20))
  return place
}

function render({ label, readyMs, idle, loaded, perSecond, errorRatio }: Awaited<ReturnType<typeof weigh>>): string {
  const memory = (processes: typeof idle) =>
    processes.map(({ program, residentMb }) => `${program} ${residentMb} MB`).join(', ')
  const rate = `${perSecond.toFixed(0)}/s, ${(errorRatio * 100).toFixed(2)} % errors`
  return `${label}: ready in ${readyMs.toFixed(0)} ms; idle: ${memory(idle)}; under the mix (${rate}): ${memory(loaded)}`
}
