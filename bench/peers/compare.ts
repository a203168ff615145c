/** Rounds in turn: each peer once per round, so that a machine that drifts drifts for all of them. */
import type { LatencySummary } from '../src/latency-histogram.ts'
import { familyOf, listProcesses } from '../src/process-clock.ts'
import { type LoadResult, runLoad } from '../src/run-load.ts'
import type { Peer, RunningPeer } from './peer.ts'

export type PeerRound = {
  readonly perSecond: number
  /** Requests per second of CPU time of server and database: the figure to trust on a shared machine. */
  readonly perCpuSecond: number
  readonly latency: LatencySummary
  readonly residentMb: number
  readonly bytesPerAnswer: number
  readonly errorRatio: number
  readonly steps: LoadResult['steps']
  /** Of every process, by name. */
  readonly processes: readonly { readonly program: string; readonly residentMb: number }[]
}

/** An open loop at a modest rate: what people feel on a day like any other. */
export type CalmRound = { readonly perSecond: number; readonly latency: LatencySummary; readonly errorRatio: number }

export type RoundOptions = {
  readonly connections: number
  readonly warmUpMs: number
  readonly durationMs: number
  /** Only this step of the mix. */
  readonly onlyStep?: string
}

const TIMEOUT_MS = 10_000

export async function runRound(peer: RunningPeer, options: RoundOptions, seed: number): Promise<PeerRound> {
  const { onlyStep, ...plan } = options
  const cpu = { start: 0, end: 0 }
  const result = await runLoad(
    {
      ...plan,
      host: '127.0.0.1',
      port: peer.port,
      steps: peer.steps.filter(({ name }) => !onlyStep || name === onlyStep),
      users: peer.users,
      runName: `r${seed}-${Date.now().toString(36)}`,
      seed,
      arrivals: { kind: 'saturate' },
      timeoutMs: TIMEOUT_MS,
    },
    {
      onWindow: (edge) => {
        cpu[edge] = readFamilies(peer).cpuSeconds
      },
    },
  )
  return {
    perSecond: result.okPerSecond,
    perCpuSecond: result.ok / Math.max(0.01, cpu.end - cpu.start),
    latency: result.latency,
    ...readMemory(peer),
    bytesPerAnswer: result.bytesPerAnswer,
    errorRatio: result.errorRatio,
    steps: result.steps,
  }
}

const CALM_PER_SECOND = 500

export async function runCalm(peer: RunningPeer, options: RoundOptions, seed: number): Promise<CalmRound> {
  const { onlyStep, ...plan } = options
  const { latency, errorRatio } = await runLoad({
    ...{ ...plan, host: '127.0.0.1', port: peer.port, users: peer.users, seed },
    ...{ runName: `c${seed}-${Date.now().toString(36)}`, timeoutMs: TIMEOUT_MS },
    steps: peer.steps.filter(({ name }) => !onlyStep || name === onlyStep),
    arrivals: { kind: 'rate', perSecond: CALM_PER_SECOND },
  })
  return { perSecond: CALM_PER_SECOND, latency, errorRatio }
}

/** Requests after which V8 has compiled what is hot: on a busy machine that takes long, and more code takes longer. */
const WARM_REQUESTS = 30_000
const WARM_STEP_MS = 2_000
const WARM_LIMIT_MS = 20_000

export async function warmUp(peer: RunningPeer, options: RoundOptions): Promise<void> {
  const endMs = performance.now() + WARM_LIMIT_MS
  let answered = 0
  while (answered < WARM_REQUESTS && performance.now() < endMs) {
    const { perSecond } = await runRound(peer, { ...options, warmUpMs: 0, durationMs: WARM_STEP_MS }, 0)
    answered += (perSecond * WARM_STEP_MS) / 1000
  }
}

function readMemory({ pids }: RunningPeer) {
  const all = listProcesses()
  const processes = pids
    .flatMap((pid) => familyOf(pid, all))
    .map(({ program, residentKb }) => ({ program, residentMb: Math.round(residentKb / 1024) }))
  return { processes, residentMb: processes.reduce((sum, { residentMb }) => sum + residentMb, 0) }
}

function readFamilies({ pids }: RunningPeer) {
  const all = listProcesses()
  const family = pids.flatMap((pid) => familyOf(pid, all))
  return {
    cpuSeconds: family.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
  }
}

export type PeerResult = {
  readonly name: string
  readonly about: string
  readonly durability: string
  readonly startMs: number
  readonly rounds: readonly PeerRound[]
  readonly median: Omit<PeerRound, 'steps' | 'processes'>
  /** Absent in results from before it was measured. */
  readonly calm?: readonly CalmRound[]
}

export function summariseRounds(peer: Peer, startMs: number, rounds: readonly PeerRound[]): PeerResult {
  const { name, about, durability } = peer
  const of = (pick: (round: PeerRound) => number) => median(rounds.map(pick))
  return {
    name,
    about,
    durability,
    startMs,
    rounds,
    median: {
      perSecond: of((round) => round.perSecond),
      perCpuSecond: of((round) => round.perCpuSecond),
      residentMb: of((round) => round.residentMb),
      bytesPerAnswer: of((round) => round.bytesPerAnswer),
      errorRatio: of((round) => round.errorRatio),
      latency: {
        p50Ms: of((round) => round.latency.p50Ms),
        p95Ms: of((round) => round.latency.p95Ms),
        p99Ms: of((round) => round.latency.p99Ms),
        p999Ms: of((round) => round.latency.p999Ms),
        minMs: of((round) => round.latency.minMs),
        maxMs: of((round) => round.latency.maxMs),
        meanMs: of((round) => round.latency.meanMs),
      },
    },
  }
}

/** Of each round's own ratio: both sides of a ratio met the same machine. */
export function medianRatio(ours: PeerResult, theirs: PeerResult): number {
  return median(
    ours.rounds.map(({ perCpuSecond }, index) => perCpuSecond / (theirs.rounds[index]?.perCpuSecond ?? Number.NaN)),
  )
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
