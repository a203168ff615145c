/** One workload, seen twice: what a request costs while the box is nearly idle, and where its knee is. No model in here. */
import { logInUsers, sendStep } from './bench-client.ts'
import { findKnee, KNEE_LIMITS } from './find-knee.ts'
import type { Arrivals } from './load-plan.ts'
import { type LoadResult, runLoad } from './run-load.ts'
import type { Scenario } from './scenario.ts'
import { findServerParts, type PartsReading, type ServerParts } from './server-parts.ts'

/**
 * CPU of one more request, between two low rates. Not CPU ÷ requests at one of them: a nearly idle server pays for waking
 * up, and for caches that others have emptied, which at the knee it no longer does.
 */
export type CostPerRequest = {
  readonly betweenPerSecond: readonly [number, number]
  /** All processes of the server together. */
  readonly cpuMs: number
  /** Node's event loop alone: it can use one core at most. */
  readonly threadMs: number
  /** The generator and the simulated WeChat, which share the box. */
  readonly generatorMs: number
}

export type WorkloadFigures = {
  readonly name: string
  readonly cost: CostPerRequest
  readonly kneePerSecond: number
  /** CPU time that a thread got per second when it asked for all of it: below 1, others use the box, too. */
  readonly availableShare: number
}

export type WorkloadOptions = {
  readonly url: string
  readonly name: string
  readonly scenario: Scenario
  readonly probeMs: number
}

/** Of what the warm-up reached: enough to measure in 10 ms ticks, too little for requests to wait for each other. */
const LOW_SHARES = [0.1, 0.3] as const
const LEAST_PER_SECOND = 5
const CALIBRATION_PROBES = 3
const WARM_UP_PROBES = 3
const KNEE_PROBES = 3
const CONNECTIONS = 64
const OPEN_LOOP_CONNECTIONS = 256
const WARM_UP_MS = 500
const TIMEOUT_MS = 5_000
const ANY_UTILISATION = { ...KNEE_LIMITS, utilisation: Number.POSITIVE_INFINITY }

/** Undefined if the server's processes cannot be seen: another machine, another user, not Linux. */
export async function measureWorkload(options: WorkloadOptions): Promise<WorkloadFigures | undefined> {
  const { url, scenario, name, probeMs } = options
  const target = { host: new URL(url).hostname, port: Number(new URL(url).port) }
  const parts = findServerParts(target.port)
  if (!parts) return undefined
  const runName = `model${Date.now().toString(36)}`
  const users = scenario.users ? await logInUsers(url, scenario.users, runName) : []
  let seed = 1
  const load = (arrivals: Arrivals, durationMs: number, edges: (edge: 'start' | 'end') => void = () => {}) => {
    const connections = arrivals.kind === 'rate' ? OPEN_LOOP_CONNECTIONS : CONNECTIONS
    const plan = { ...target, steps: scenario.steps, users, runName, arrivals, connections, durationMs, seed: seed++ }
    return runLoad({ ...plan, warmUpMs: WARM_UP_MS, timeoutMs: TIMEOUT_MS }, { onWindow: edges })
  }
  try {
    // Compiled code first: the cost of a request falls several times within the first thousands.
    const warm = await load({ kind: 'saturate' }, probeMs * WARM_UP_PROBES)
    const spentAt = (share: number) => {
      const perSecond = Math.max(LEAST_PER_SECOND, warm.okPerSecond * share)
      return watchLoad(parts, (edges) => load({ kind: 'rate', perSecond }, probeMs * CALIBRATION_PROBES, edges))
    }
    const [few, more] = LOW_SHARES
    const cost = costBetween(await spentAt(few), await spentAt(more))

    const availableShare = await availableThread(probeMs)
    const saturated = await load({ kind: 'saturate' }, probeMs)
    const knees: number[] = []
    for (let turn = 0; turn < KNEE_PROBES; turn++) {
      const knee = await findKnee(
        saturated.okPerSecond,
        async (perSecond) => toProbe(perSecond, await load({ kind: 'rate', perSecond }, probeMs)),
        ANY_UTILISATION,
      )
      knees.push(knee.saturatedPerSecond)
    }
    return { name, cost, kneePerSecond: median(knees), availableShare }
  } finally {
    for (const step of scenario.cleanUp ?? []) {
      for (const user of users) await sendStep(url, step, user, runName).catch(() => 0) // best effort
    }
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const toProbe = (perSecond: number, { latency, errorRatio }: LoadResult) => ({
  perSecond,
  p95Ms: latency.p95Ms,
  p99Ms: latency.p99Ms,
  errorRatio,
  utilisation: Number.NaN,
  isGeneratorLimited: false,
})

/** CPU seconds within a counted window. */
type Spent = {
  readonly seconds: number
  readonly cpu: number
  readonly thread: number
  readonly own: number
  readonly requests: number
}

async function watchLoad(
  parts: ServerParts,
  work: (edges: (edge: 'start' | 'end') => void) => Promise<LoadResult>,
): Promise<Spent> {
  let before = readingNow(parts)
  let after = before
  const result = await work((edge) => {
    if (edge === 'start') before = readingNow(parts)
    else after = readingNow(parts)
  })
  return { ...between(before, after), requests: Math.max(1, result.ok + result.refused + result.failed) }
}

type Reading = { readonly parts: PartsReading; readonly own: number; readonly atMs: number }

function readingNow(parts: ServerParts): Reading {
  const { user, system } = process.cpuUsage()
  return { parts: parts.read(), own: (user + system) / 1e6, atMs: performance.now() }
}

function between(before: Reading, after: Reading): Omit<Spent, 'requests'> {
  const total = ({ parts }: Reading) => Object.values(parts.cpuSeconds).reduce((sum, one) => sum + one, 0)
  return {
    seconds: (after.atMs - before.atMs) / 1000,
    cpu: total(after) - total(before),
    thread: after.parts.eventLoopSeconds - before.parts.eventLoopSeconds,
    own: after.own - before.own,
  }
}

/** The slope between two rates: what the server spends at rest cancels out. */
export function costBetween(few: Spent, more: Spent): CostPerRequest {
  const rate = ({ requests, seconds }: Spent) => requests / seconds
  const slopeMs = (pick: (spent: Spent) => number) => {
    const slope = (pick(more) / more.seconds - pick(few) / few.seconds) / (rate(more) - rate(few))
    return Math.max(SMALLEST_MS, slope * 1000)
  }
  return {
    betweenPerSecond: [rate(few), rate(more)],
    cpuMs: slopeMs(({ cpu }) => cpu),
    threadMs: slopeMs(({ thread }) => thread),
    generatorMs: slopeMs(({ own }) => own),
  }
}

/** Below the resolution of the kernel's clocks. */
const SMALLEST_MS = 0.001

/** Spins for a while on this thread, which needs a whole core for it. */
async function availableThread(durationMs: number): Promise<number> {
  const before = process.cpuUsage()
  const startedAtMs = performance.now()
  while (performance.now() - startedAtMs < durationMs);
  const { user, system } = process.cpuUsage(before)
  return Math.min(1, (user + system) / 1000 / (performance.now() - startedAtMs))
}
