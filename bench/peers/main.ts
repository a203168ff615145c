/**
 * `npm run bench:peers`: Sampan and what people use instead, side by side: same machine, same data, same mix, server
 * and database on one core, the generator on another.
 *
 *   node bench/peers/main.ts [--json] [--rounds 3] [--seconds 4] [--only name,name] [--step list] [--save]
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import {
  type CalmRound,
  type PeerResult,
  type PeerRound,
  runCalm,
  runRound,
  summariseRounds,
  warmUp,
} from './compare.ts'
import { handWrittenPeers } from './hand-written-peers.ts'
import { installPeers } from './install-peers.ts'
import { networkedPeers } from './networked-peers.ts'
import { parsePeer } from './parse-peer.ts'
import type { Peer, RunningPeer } from './peer.ts'
import { renderComparison } from './render-comparison.ts'
import { sampanPeer } from './sampan-peer.ts'
import { describeMachine, saveResult } from './saved-results.ts'
import { SLOW_FSYNC_MS, slowDiskEnvironment, slowDiskMissing } from './slow-disk.ts'
import { supabaseLitePeer } from './supabase-lite-peer.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string' },
    step: { type: 'string' },
  },
})

const SERVER_CPU = '0'
const GENERATOR_CPU = '1'
const WARM_UP_MS = 500
const PAUSE_BETWEEN_MS = 200

const say = (line: string) => process.stderr.write(`${line}\n`)

const cache = path.join(os.tmpdir(), 'sampan-bench-peers')
mkdirSync(cache, { recursive: true })
const runFolder = mkdtempSync(path.join(cache, 'run-'))

// Threads that start later inherit it: the generator never takes time from the servers' core.
spawnSync('taskset', ['-a', '-c', '-p', GENERATOR_CPU, String(process.pid)])

const wanted = options.only?.split(',')
const all = [
  sampanPeer({ name: 'sampan', about: 'Sampan on SQLite', cpu: SERVER_CPU }),
  ...handWrittenPeers(SERVER_CPU),
  supabaseLitePeer(SERVER_CPU),
  parsePeer(SERVER_CPU),
  ...networkedPeers(SERVER_CPU),
  sampanPeer({
    name: 'sampan-slow-disk',
    about: `Sampan on SQLite, each fsync ${SLOW_FSYNC_MS} ms slower`,
    cpu: SERVER_CPU,
    missing: slowDiskMissing,
    environment: slowDiskEnvironment,
  }),
]
const peers = all.filter(({ name }) => !wanted || wanted.includes(name))
installPeers(peers, say)

const started: { peer: Peer; running: RunningPeer; startMs: number; rounds: PeerRound[]; calm: CalmRound[] }[] = []
const leftOut: { name: string; reason: string }[] = []

try {
  for (const peer of peers) await startPeer(peer)
  await runRounds()
} finally {
  await Promise.allSettled(started.map(({ running }) => running.stop()))
  rmSync(runFolder, { recursive: true, force: true })
}

const results: PeerResult[] = started.map(({ peer, startMs, rounds, calm }) => ({
  ...summariseRounds(peer, startMs, rounds),
  calm,
}))
const comparison = { takenAt: new Date().toISOString(), machine: describeMachine(), leftOut, results }
if (options.save) say(`saved ${saveResult(comparison)}`)
process.stdout.write(options.json ? `${JSON.stringify(comparison, null, 1)}\n` : renderComparison(comparison))

async function startPeer(peer: Peer) {
  const reason = peer.missing?.()
  if (reason) {
    leftOut.push({ name: peer.name, reason })
    say(`✗ LEFT OUT: ${peer.name}: ${reason}`)
    return
  }
  const run = path.join(runFolder, peer.name)
  mkdirSync(run)
  say(`starting ${peer.name}`)
  const beforeMs = performance.now()
  try {
    const running = await peer.start({ cache, run })
    started.push({ peer, running, startMs: performance.now() - beforeMs, rounds: [], calm: [] })
  } catch (error) {
    const reasonText = error instanceof Error ? error.message : String(error)
    leftOut.push({ name: peer.name, reason: reasonText })
    say(`✗ LEFT OUT: ${peer.name}: ${reasonText}`)
  }
}

async function runRounds() {
  const settings = {
    connections: Number(options.connections),
    warmUpMs: WARM_UP_MS,
    durationMs: Number(options.seconds) * 1000,
    ...(options.step ? { onlyStep: options.step } : {}),
  }
  for (const { peer, running } of started) {
    say(`warming ${peer.name}`)
    await warmUp(running, settings)
  }
  for (let round = 1; round <= Number(options.rounds); round++) {
    for (const one of started) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_BETWEEN_MS))
      const result = await runRound(one.running, settings, round)
      one.rounds.push(result)
      one.calm.push(await runCalm(one.running, settings, round))
      const rate = `${Math.round(result.perSecond)}/s, ${Math.round(result.perCpuSecond)} per CPU-second`
      say(`round ${round} ${one.peer.name.padEnd(18)} ${rate}, p99 ${result.latency.p99Ms.toFixed(1)} ms`)
    }
  }
}
