/** Measures what a server carries. Returns plain data; printing, plotting and keeping it are others' work. */
import os from 'node:os'
import { type BenchUser, logInUsers, sendStep } from './bench-client.ts'
import { measureConnectionMemory } from './connection-memory.ts'
import { findKnee, type Knee, type Probe } from './find-knee.ts'
import { type FsyncResult, probeFsync } from './fsync-probe.ts'
import type { Arrivals } from './load-plan.ts'
import { type LoadResult, runLoad } from './run-load.ts'
import type { Scenario } from './scenario.ts'
import { type CpuUse, openCpuMeter } from './server-cpu.ts'
import { fitScaling, type ScalingFit } from './universal-scalability.ts'

export type MeasureOptions = {
  readonly url: string
  readonly scenario: Scenario
  /** Length of one probe; the whole takes about 25 of them. */
  readonly probeMs: number
  /** No open-loop probe goes beyond it. */
  readonly maxPerSecond: number
  /** Folder on the disk whose fsync is measured; undefined: not measured. */
  readonly fsyncFolder?: string
  readonly onProgress: (line: Progress) => void
}

export type Progress =
  | {
      readonly kind: 'stage'
      readonly stage: 'login' | 'steps' | 'saturation' | 'scaling' | 'knee' | 'memory' | 'cleanUp'
    }
  | { readonly kind: 'probe'; readonly label: string; readonly perSecond: number; readonly p95Ms: number }

export type StepCost = {
  readonly name: string
  readonly perSecond: number
  readonly cpu: CpuUse | undefined
  readonly bytesPerAnswer: number
  readonly p95Ms: number
  readonly errorRatio: number
}

export type Measurement = {
  readonly takenAt: string
  readonly url: string
  readonly scenario: { readonly name: string; readonly about: Scenario['about'] }
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryMb: number; readonly node: string }
  readonly saturation: LoadResult
  readonly saturationCpu: CpuUse | undefined
  readonly steps: readonly StepCost[]
  readonly knee: Knee
  readonly scaling: ScalingFit
  readonly fsync: FsyncResult | undefined
  readonly idleMemoryMb: number | undefined
  readonly loadedMemoryMb: number | undefined
  readonly kbPerConnection: number | undefined
}

const CONNECTIONS = 64
const OPEN_LOOP_CONNECTIONS = 256
const STEP_CONNECTIONS = 16
const CLIENTS = [1, 2, 4, 8, 16, 32, 64, 128] as const
const LONGEST_WARM_UP_MS = 300
const TIMEOUT_MS = 5_000
/** The generator counts as the limit when it sends later than this. */
const LATEST_GENERATOR_MS = 50

/** @throws {LoginRefusedError} */
export async function measure(options: MeasureOptions): Promise<Measurement> {
  const { url, scenario, onProgress, probeMs } = options
  const { hostname, port } = new URL(url)
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) }
  const runName = `run${Date.now().toString(36)}`
  const meter = openCpuMeter(target.port)
  const idleMemoryMb = meter?.memoryMb()

  onProgress({ kind: 'stage', stage: 'login' })
  const users = scenario.users ? await logInUsers(url, scenario.users, runName) : []
  const load = openLoad({ target, scenario, users, runName })

  try {
    onProgress({ kind: 'stage', stage: 'steps' })
    const steps = await measureSteps(load, options, meter)

    onProgress({ kind: 'stage', stage: 'saturation' })
    const saturated = await load({ kind: 'saturate' }, { connections: CONNECTIONS, durationMs: probeMs * 2, meter })
    const loadedMemoryMb = meter?.memoryMb()
    onProgress(probeLine('saturation', saturated.result))

    onProgress({ kind: 'stage', stage: 'scaling' })
    const points = []
    for (const clients of CLIENTS) {
      const { result } = await load({ kind: 'saturate' }, { connections: clients, durationMs: probeMs / 2, meter })
      points.push({ clients, perSecond: result.okPerSecond })
      onProgress(probeLine(`${clients} clients`, result))
    }

    onProgress({ kind: 'stage', stage: 'knee' })
    const highest = Math.min(saturated.result.okPerSecond, options.maxPerSecond)
    const knee = await findKnee(highest, async (perSecond) => {
      const { result, cpu } = await load(
        { kind: 'rate', perSecond },
        { connections: OPEN_LOOP_CONNECTIONS, durationMs: probeMs, meter },
      )
      onProgress(probeLine(`${Math.round(perSecond)}/s`, result))
      return toProbe(perSecond, result, cpu)
    })

    onProgress({ kind: 'stage', stage: 'memory' })
    const kbPerConnection = meter && (await measureConnectionMemory({ ...target, serverPid: meter.serverPid }))
    return {
      takenAt: new Date().toISOString(),
      url,
      scenario: { name: scenario.name, about: scenario.about },
      machine: describeMachine(),
      saturation: saturated.result,
      saturationCpu: saturated.cpu,
      steps,
      knee,
      scaling: fitScaling(points),
      fsync: options.fsyncFolder === undefined ? undefined : probeFsync(options.fsyncFolder),
      idleMemoryMb,
      loadedMemoryMb,
      kbPerConnection,
    }
  } finally {
    onProgress({ kind: 'stage', stage: 'cleanUp' })
    await cleanUp(url, scenario, users, runName)
  }
}

type Meter = ReturnType<typeof openCpuMeter>
type Load = ReturnType<typeof openLoad>

function openLoad(needs: {
  target: { host: string; port: number }
  scenario: Scenario
  users: readonly BenchUser[]
  runName: string
}) {
  const { target, scenario, users, runName } = needs
  let seed = 1
  return async (
    arrivals: Arrivals,
    settings: { connections: number; durationMs: number; meter: Meter; onlyStep?: string },
  ): Promise<{ result: LoadResult; cpu: CpuUse | undefined }> => {
    const { connections, durationMs, meter, onlyStep } = settings
    const steps = scenario.steps.filter(({ name }) => onlyStep === undefined || name === onlyStep)
    const cpu = meter?.start()
    const result = await runLoad(
      {
        ...target,
        ...{ steps, users, runName, arrivals, connections, durationMs },
        seed: seed++,
        warmUpMs: Math.min(LONGEST_WARM_UP_MS, durationMs),
        timeoutMs: TIMEOUT_MS,
      },
      { onWindow: (edge) => cpu?.mark(edge) },
    )
    return { result, cpu: cpu?.use(result.ok + result.refused + result.failed) }
  }
}

async function measureSteps(load: Load, { scenario, probeMs, onProgress }: MeasureOptions, meter: Meter) {
  const costs: StepCost[] = []
  for (const { name } of scenario.steps) {
    const { result, cpu } = await load(
      { kind: 'saturate' },
      { connections: STEP_CONNECTIONS, durationMs: probeMs, meter, onlyStep: name },
    )
    onProgress(probeLine(name, result))
    costs.push({
      name,
      perSecond: result.okPerSecond,
      cpu,
      bytesPerAnswer: result.bytesPerAnswer,
      p95Ms: result.latency.p95Ms,
      errorRatio: result.errorRatio,
    })
  }
  return costs
}

const toProbe = (perSecond: number, result: LoadResult, cpu: CpuUse | undefined): Probe => ({
  perSecond,
  p95Ms: result.latency.p95Ms,
  p99Ms: result.latency.p99Ms,
  errorRatio: result.errorRatio,
  utilisation: cpu?.utilisation ?? Number.NaN,
  isGeneratorLimited: result.generatorLateP99Ms > LATEST_GENERATOR_MS,
})

const probeLine = (label: string, result: LoadResult): Progress => ({
  kind: 'probe',
  label,
  perSecond: result.okPerSecond,
  p95Ms: result.latency.p95Ms,
})

function describeMachine() {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryMb: Math.round(os.totalmem() / 2 ** 20),
    node: process.version,
  }
}

/** Best effort: a server that a load has just brought down cannot clean up; the run's result matters more. */
async function cleanUp(url: string, scenario: Scenario, users: readonly BenchUser[], runName: string) {
  for (const step of scenario.cleanUp ?? []) {
    for (const user of users) await sendStep(url, step, user, runName).catch(() => 0)
  }
}
