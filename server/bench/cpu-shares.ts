/**
 * Where the event loop's time goes under the mix: the share of each folder of the server, from V8's own profile. What monitoring costs is a row of it.
 *
 *   node server/bench/cpu-shares.ts [--seconds 6] [--json]
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startServer } from '../../bench/peers/peer.ts'
import { SAMPAN_STEPS } from '../../bench/peers/sampan-peer.ts'
import { logInUsers } from '../../bench/src/bench-client.ts'
import { POSTS } from '../../bench/src/forum-data.ts'
import { runLoad } from '../../bench/src/run-load.ts'

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '6' }, json: { type: 'boolean', default: false } },
})

const BENCH_SERVER = path.join(import.meta.dirname, 'bench-server.ts')
const SERVER_CPU = '0'
const USERS = 200
const OTHER = 'other'
const SAMPLE_EVERY_US = '250'
type Profile = {
  readonly nodes: readonly { id: number; callFrame: { functionName: string; url: string }; children?: number[] }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
  readonly endTime: number
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'sampan-shares-'))
try {
  await profileMix()
  const shares = sharesOf(readMainProfile(), Number(options.seconds) * 1e6)
  process.stdout.write(
    options.json
      ? `${JSON.stringify(shares)}\n`
      : Object.entries(shares)
          .map(([part, share]) => `${part.padEnd(22)} ${(share * 100).toFixed(1)} %\n`)
          .join(''),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function profileMix(): Promise<void> {
  const dataDir = path.join(folder, 'data')
  mkdirSync(dataDir)
  const given = { dataDir, forumPosts: POSTS }
  // Storing them is not what is profiled.
  spawnSync(process.execPath, [BENCH_SERVER, JSON.stringify({ ...given, seedsOnly: true })])
  const env = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder} --cpu-prof-interval=${SAMPLE_EVERY_US}` }
  const server = await startServer({ script: BENCH_SERVER, args: [JSON.stringify(given)], cpu: SERVER_CPU, env })
  const users = await logInUsers(`http://127.0.0.1:${server.port}`, USERS, 'shares')
  const result = await runLoad({
    ...{ host: '127.0.0.1', port: server.port, users, steps: SAMPAN_STEPS, runName: 'shares', seed: 1 },
    ...{ connections: 64, arrivals: { kind: 'saturate' }, timeoutMs: 10_000 },
    ...{ warmUpMs: 2_000, durationMs: Number(options.seconds) * 1000 },
  })
  process.stderr.write(`${Math.round(result.okPerSecond)}/s while it was profiled\n`)
  await server.stop()
}

/** Each thread writes its own; the main thread's is the largest. */
function readMainProfile(): Profile {
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .sort((a, b) => b.length - a.length)
  return JSON.parse(texts[0] ?? '') as Profile // safe: V8 wrote it
}

/**
 * Of the busy time in the last `lastUs`. Work counts for the innermost folder of ours, or for Fastify and Node's HTTP: a
 * hook calls the next one, so whoever is first in the chain would else be charged for everybody.
 */
function sharesOf({ nodes, samples, timeDeltas }: Profile, lastUs: number): Record<string, number> {
  const parentOf = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  const frameOf = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const partOf = new Map<number, string>()
  const resolve = (id: number): string => {
    const known = partOf.get(id)
    if (known) return known
    const parent = parentOf.get(id)
    const part = ownPart(frameOf.get(id)?.url ?? '') ?? (parent === undefined ? OTHER : resolve(parent))
    partOf.set(id, part)
    return part
  }

  const spent: Record<string, number> = {}
  let busyUs = 0
  let seenUs = 0
  for (let index = samples.length - 1; index >= 0 && seenUs < lastUs; index--) {
    const id = samples[index] ?? 0
    const deltaUs = timeDeltas[index] ?? 0
    seenUs += deltaUs
    if (frameOf.get(id)?.functionName === '(idle)') continue
    busyUs += deltaUs
    const part = resolve(id)
    spent[part] = (spent[part] ?? 0) + deltaUs
  }
  const shares = Object.entries(spent).map(([part, us]) => [part, us / busyUs] as const)
  return Object.fromEntries(shares.sort(([, a], [, b]) => b - a))
}

function ownPart(url: string): string | undefined {
  if (url.includes('node_modules/fastify/') || url.startsWith('node:_http')) return 'fastify and node:http'
  const [, inside] = /server\/src\/(.+)\/[^/]+$/.exec(url) ?? []
  return inside
}
