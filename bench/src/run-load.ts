/** Runs a load over one or more threads and merges what they saw into one plain result. */
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type LatencySummary, mergeHistograms, summarise } from './latency-histogram.ts'
import type { LoadPlan, ThreadTally } from './load-plan.ts'

export type StepResult = {
  readonly name: string
  readonly ok: number
  readonly refused: number
  readonly failed: number
  readonly bytesPerAnswer: number
  readonly latency: LatencySummary
  readonly problems: Readonly<Record<string, number>>
}

export type LoadResult = {
  readonly offeredPerSecond: number | undefined
  /** Good answers per second of the counted time. */
  readonly okPerSecond: number
  readonly ok: number
  readonly refused: number
  readonly failed: number
  /** Refused and failed, of all. */
  readonly errorRatio: number
  readonly latency: LatencySummary
  readonly refusalLatency: LatencySummary
  readonly refusalsWithRetryAfter: number
  readonly bytesPerAnswer: number
  readonly steps: readonly StepResult[]
  /** How late the generator itself was, p99: if it is not small, the generator was the limit. */
  readonly generatorLateP99Ms: number
  readonly durationMs: number
}

export type LoadOptions = {
  readonly threads?: number
  /** Called when counting starts and when it ends, to read clocks that belong to this load. */
  readonly onWindow?: (edge: 'start' | 'end') => void
}

const THREAD_URL = new URL(`./load-thread${path.extname(import.meta.url)}`, import.meta.url)

export async function runLoad(plan: LoadPlan, { threads = 1, onWindow }: LoadOptions = {}): Promise<LoadResult> {
  const tallies = Array.from({ length: threads }, (_, index) => runThread(threadPlan(plan, index, threads), index))
  // Threads need a moment to start; the window that callers see is that of the slowest start, give or take 50 ms.
  const window = (async () => {
    await sleep(plan.warmUpMs)
    onWindow?.('start')
    await sleep(plan.durationMs)
    onWindow?.('end')
  })()
  const [results] = await Promise.all([Promise.all(tallies), window])
  return mergeTallies(results, plan)
}

function threadPlan(plan: LoadPlan, index: number, threads: number): LoadPlan {
  const share = (total: number) => Math.floor(total / threads) + (index < total % threads ? 1 : 0)
  const { arrivals } = plan
  return {
    ...plan,
    connections: Math.max(1, share(plan.connections)),
    arrivals: arrivals.kind === 'rate' ? { kind: 'rate', perSecond: arrivals.perSecond / threads } : arrivals,
  }
}

function runThread(plan: LoadPlan, index: number): Promise<ThreadTally> {
  // With the seed: the loads of one run must not write the same `{{unique}}` texts.
  const worker = new Worker(THREAD_URL, {
    workerData: { plan, name: `${plan.seed}-${index}`, seed: plan.seed + index },
  })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`generator thread ended with code ${code}`)))
  })
}

function mergeTallies(tallies: readonly ThreadTally[], plan: LoadPlan): LoadResult {
  const steps = plan.steps.map((_, index) => mergeStep(tallies, index))
  const sum = (pick: (step: StepResult) => number) => steps.reduce((total, step) => total + pick(step), 0)
  const ok = sum((step) => step.ok)
  const refused = sum((step) => step.refused)
  const failed = sum((step) => step.failed)
  const all = ok + refused + failed
  const everyStep = tallies.flatMap((tally) => tally.steps)
  return {
    offeredPerSecond: plan.arrivals.kind === 'rate' ? plan.arrivals.perSecond : undefined,
    okPerSecond: ok / (plan.durationMs / 1000),
    ok,
    refused,
    failed,
    errorRatio: all ? (refused + failed) / all : 0,
    latency: summarise(mergeHistograms(everyStep.map((step) => step.latency))),
    refusalLatency: summarise(mergeHistograms(everyStep.map((step) => step.refusal))),
    refusalsWithRetryAfter: tallies.reduce((total, tally) => total + tally.refusalsWithRetryAfter, 0),
    bytesPerAnswer: all ? everyStep.reduce((total, step) => total + step.bytes, 0) / all : 0,
    steps,
    generatorLateP99Ms: summarise(mergeHistograms(tallies.map((tally) => tally.lateness))).p99Ms,
    durationMs: plan.durationMs,
  }
}

function mergeStep(tallies: readonly ThreadTally[], index: number): StepResult {
  const parts = tallies.flatMap((tally) => tally.steps[index] ?? [])
  const sum = (pick: (part: (typeof parts)[number]) => number) => parts.reduce((total, part) => total + pick(part), 0)
  const problems: Record<string, number> = {}
  for (const part of parts) {
    for (const [problem, count] of Object.entries(part.problems)) problems[problem] = (problems[problem] ?? 0) + count
  }
  const ok = sum((part) => part.ok)
  const refused = sum((part) => part.refused)
  const failed = sum((part) => part.failed)
  return {
    name: parts[0]?.name ?? '',
    ok,
    refused,
    failed,
    bytesPerAnswer: Math.round(sum((part) => part.bytes) / Math.max(1, ok + refused + failed)),
    latency: summarise(mergeHistograms(parts.map((part) => part.latency))),
    problems,
  }
}
