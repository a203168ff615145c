/** `sampan bench --compare-model`: does the advisor's model predict what this box then really carries? */
import os from 'node:os'
import { measureWorkload, readBuiltInScenario, type Scenario, type WorkloadFigures } from '@sampan/bench'
import { predictKnee } from '@sampan/planner'
import { CommandError, type Output } from '../command.ts'

export type Comparison = {
  readonly workload: string
  /** Largest open-loop rate with p95 ≤ 300 ms and errors < 0.1 %. */
  readonly measuredPerSecond: number
  /** From CPU per request at low rates. */
  readonly predictedPerSecond: number
  /** Predicted over measured, less one. */
  readonly error: number
  readonly figures: WorkloadFigures
}

/** The model is good when it is wrong by no more than this. */
export const ALLOWED_ERROR = 0.2
/** Below it others use so much of the box that the comparison says little. */
const QUIET_SHARE = 0.95

const WORKLOADS = ['mix', 'list', 'detail', 'submit', 'login'] as const

export async function compareModel(url: string, probeMs: number, output: Output): Promise<Comparison[]> {
  const mix = readBuiltInScenario('mix')
  const comparisons: Comparison[] = []
  for (const name of WORKLOADS) {
    output.progress(`· ${name}`)
    const figures = await measureWorkload({ url, name, scenario: only(mix, name), probeMs })
    if (!figures) throw new CommandError("The server's processes cannot be seen.", 'Run it on Linux, without a URL.')
    comparisons.push(compare(figures))
  }
  return comparisons
}

const only = (mix: Scenario, name: string): Scenario =>
  name === 'mix' ? mix : { ...mix, steps: mix.steps.filter((step) => step.name === name) }

/** What others leave of the box is all there is; the generator is one of the parts that share it. */
export function compare(figures: WorkloadFigures, cores = os.availableParallelism()): Comparison {
  const { cost, availableShare, kneePerSecond, name } = figures
  const predicted = predictKnee({
    cpuMsPerRequest: (cost.cpuMs + cost.generatorMs) / availableShare,
    threadMsPerRequest: cost.threadMs / availableShare,
    cores,
    processes: 1,
  })
  const error = predicted / Math.max(kneePerSecond, 1) - 1
  return { workload: name, measuredPerSecond: kneePerSecond, predictedPerSecond: predicted, error, figures }
}

export const isGoodModel = (comparisons: readonly Comparison[]): boolean =>
  comparisons.every(({ error }) => Math.abs(error) <= ALLOWED_ERROR)

export function renderComparison(comparisons: readonly Comparison[], lang: 'zh' | 'en'): string {
  const head =
    lang === 'zh'
      ? ['负载', '预测 次/秒', '实测 次/秒', '误差', 'CPU ms', '线程 ms', '可用 CPU']
      : ['workload', 'predicted/s', 'measured/s', 'error', 'CPU ms', 'thread ms', 'CPU to be had']
  const rows = comparisons.map(({ workload, predictedPerSecond, measuredPerSecond, error, figures }) => [
    workload,
    predictedPerSecond.toFixed(0),
    measuredPerSecond.toFixed(0),
    `${error > 0 ? '+' : ''}${(error * 100).toFixed(0)} %${Math.abs(error) <= ALLOWED_ERROR ? '' : ' ✗'}`,
    figures.cost.cpuMs.toFixed(3),
    figures.cost.threadMs.toFixed(3),
    `${(figures.availableShare * 100).toFixed(0)} %`,
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)))
  const lines = [head, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  const isBusy = comparisons.some(({ figures }) => figures.availableShare < QUIET_SHARE)
  return [...lines, ...(isBusy ? ['', BUSY[lang]] : [])].map((line) => line.trimEnd()).join('\n')
}

const BUSY = {
  en: 'Other programs used this box meanwhile: repeat it on a quiet one before you believe the errors.',
  zh: '测量期间有其他程序占用本机:请在空闲机器上重测,再看误差。',
} as const
