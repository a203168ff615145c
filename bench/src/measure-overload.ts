/**
 * Five times what the server carries, in an open loop: how much is still answered, who is refused and how fast, and
 * whether all is well again afterwards.
 */
import { logInUsers, sendStep } from './bench-client.ts'
import type { LatencySummary } from './latency-histogram.ts'
import type { Arrivals } from './load-plan.ts'
import { type LoadResult, runLoad } from './run-load.ts'
import type { Scenario } from './scenario.ts'
import { openCpuMeter } from './server-cpu.ts'

export type OverloadFigures = {
  /** Good answers per second of the closed loop: what the server carries at most. */
  readonly peakPerSecond: number
  readonly offeredPerSecond: number
  readonly okPerSecond: number
  /** Good answers per second in the overload ÷ peak. */
  readonly goodputShare: number
  /** The same with each answer counted by the CPU time its kind costs: first come the dear ones, such as log-ins. */
  readonly goodputShareByCost: number | undefined
  readonly steps: readonly {
    readonly name: string
    readonly answeredShare: number
    readonly failed: number
    /** How often each unexpected status or error was met. */
    readonly problems: Readonly<Record<string, number>>
  }[]
  readonly acceptedLatency: LatencySummary
  readonly refusals: number
  readonly refusalLatency: LatencySummary
  readonly refusalsWithRetryAfter: number
  readonly failed: number
  readonly residentMb: number | undefined
  /** At half the peak, right after the overload. */
  readonly afterwards: { readonly errorRatio: number; readonly p95Ms: number }
  readonly generatorLateP99Ms: number
}

export type OverloadPlan = {
  readonly url: string
  readonly scenario: Scenario
  /** Of the overload itself. */
  readonly durationMs: number
  /** How many times the peak; 5 in the promise. */
  readonly times: number
  readonly onStage: (stage: OverloadStage) => void
}

export type OverloadStage = 'login' | 'steps' | 'saturation' | 'overload' | 'afterwards' | 'cleanUp'

const PEAK_CONNECTIONS = 64
/** Phones: each waits for its own answer. Fewer would hold the load back, and it would be no open loop. */
const CONNECTIONS = 4_000
const PEAK_MS = 3_000
const STEP_MS = 1_000
const AFTERWARDS_MS = 3_000
const WARM_UP_MS = 1_000
const TIMEOUT_MS = 10_000

/** @throws {LoginRefusedError} */
export async function measureOverload(plan: OverloadPlan): Promise<OverloadFigures> {
  const { url, scenario, durationMs, times, onStage } = plan
  const { hostname: host, port: portText } = new URL(url)
  const port = Number(portText || 80)
  const meter = openCpuMeter(port)
  const runName = `run${Date.now().toString(36)}`
  onStage('login')
  const users = await logInUsers(url, scenario.users, runName)
  let seed = 1
  const load = async (arrivals: Arrivals, connections: number, ms: number, onlyStep?: string) => {
    const cpu = meter?.start()
    const steps = scenario.steps.filter(({ name }) => onlyStep === undefined || name === onlyStep)
    const result = await runLoad(
      {
        ...{ host, port, steps, users, runName, seed: seed++, connections, arrivals },
        ...{ warmUpMs: WARM_UP_MS, durationMs: ms, timeoutMs: TIMEOUT_MS },
      },
      { onWindow: (edge) => cpu?.mark(edge) },
    )
    return { result, msPerRequest: cpu?.use(result.ok + result.refused + result.failed)?.msPerRequest }
  }

  try {
    onStage('steps')
    const costs = new Map<string, number>()
    for (const { name } of scenario.steps) {
      const { msPerRequest } = await load({ kind: 'saturate' }, PEAK_CONNECTIONS, STEP_MS, name)
      if (msPerRequest !== undefined) costs.set(name, msPerRequest)
    }
    onStage('saturation')
    const { result: peak } = await load({ kind: 'saturate' }, PEAK_CONNECTIONS, PEAK_MS)
    onStage('overload')
    const offered = { kind: 'rate', perSecond: peak.okPerSecond * times } as const
    const { result: over } = await load(offered, CONNECTIONS, durationMs)
    const residentMb = meter?.memoryMb()
    onStage('afterwards')
    const calm = { kind: 'rate', perSecond: peak.okPerSecond / 2 } as const
    const { result: after } = await load(calm, PEAK_CONNECTIONS, AFTERWARDS_MS)
    return {
      peakPerSecond: peak.okPerSecond,
      offeredPerSecond: offered.perSecond,
      okPerSecond: over.okPerSecond,
      goodputShare: over.okPerSecond / peak.okPerSecond,
      goodputShareByCost: costs.size ? costPerSecond(over, costs) / costPerSecond(peak, costs) : undefined,
      steps: over.steps.map(({ name, ok, refused, failed, problems }) => ({
        name,
        problems,
        answeredShare: ok / Math.max(1, ok + refused + failed),
        failed,
      })),
      acceptedLatency: over.latency,
      refusals: over.refused,
      refusalLatency: over.refusalLatency,
      refusalsWithRetryAfter: over.refusalsWithRetryAfter,
      failed: over.failed,
      residentMb,
      afterwards: { errorRatio: after.errorRatio, p95Ms: after.latency.p95Ms },
      generatorLateP99Ms: over.generatorLateP99Ms,
    }
  } finally {
    onStage('cleanUp')
    for (const step of scenario.cleanUp ?? []) {
      for (const user of users) await sendStep(url, step, user, runName).catch(() => 0)
    }
  }
}

const costPerSecond = ({ steps, durationMs }: LoadResult, costs: ReadonlyMap<string, number>) =>
  steps.reduce((sum, { name, ok }) => sum + ok * (costs.get(name) ?? 0), 0) / durationMs
