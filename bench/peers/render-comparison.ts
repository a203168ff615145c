/** A comparison as text: one line per peer, then ratios, then what was left out. */
import { medianRatio, type PeerResult } from './compare.ts'
import type { Comparison } from './saved-results.ts'

const COLUMNS = ['', 'req/s', 'per CPU-s', 'p50 ms', 'p95 ms', 'p99 ms', 'MB', 'B/answer', 'errors %']

export function renderComparison({ machine, leftOut, results }: Comparison): string {
  const { cpu, cores, memoryGb, node, commit } = machine
  const lines = [
    `${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}, commit ${commit}; server and database on one core`,
    '',
    ...table([COLUMNS, ...results.map(row)]),
    '',
    ...results.map(({ name, about, durability }) => `${name}: ${about}; ${durability}`),
    ...ratios(results),
    ...leftOut.map(({ name, reason }) => `✗ LEFT OUT: ${name}: ${reason}`),
  ]
  return `${lines.join('\n')}\n`
}

function row({
  name,
  median: { perSecond, perCpuSecond, latency, residentMb, bytesPerAnswer, errorRatio },
}: PeerResult) {
  return [
    name,
    Math.round(perSecond).toLocaleString('en'),
    Math.round(perCpuSecond).toLocaleString('en'),
    latency.p50Ms.toFixed(1),
    latency.p95Ms.toFixed(1),
    latency.p99Ms.toFixed(1),
    residentMb.toFixed(0),
    bytesPerAnswer.toFixed(0),
    (errorRatio * 100).toFixed(2),
  ]
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  )
}

function ratios(results: readonly PeerResult[]): string[] {
  const sampans = results.filter(({ name }) => name.startsWith('sampan'))
  const others = results.filter(({ name }) => !name.startsWith('sampan'))
  return sampans.flatMap((ours) => [
    '',
    `${ours.name}, requests per CPU-second, median of the rounds' ratios:`,
    ...others.map((theirs) => `  ${medianRatio(ours, theirs).toFixed(2)} × ${theirs.name}`),
  ])
}
