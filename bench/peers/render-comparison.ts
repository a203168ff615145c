/** A comparison as text: one line per peer, then ratios, then what was left out. */
import { type CalmRound, median, medianRatio, type PeerResult } from './compare.ts'
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
    '',
    ...results.flatMap(calmLine),
    ...results.flatMap(fastestWriteLine),
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

/** At a modest rate, median of the rounds, with the memory of every process. */
function calmLine({ name, rounds, calm = [] }: PeerResult): string[] {
  const [first] = calm
  if (!first) return []
  const of = (pick: (one: CalmRound) => number) => median(calm.map(pick)).toFixed(1)
  const memory = (rounds.at(-1)?.processes ?? []).map(({ program, residentMb }) => `${program} ${residentMb} MB`)
  const latency = `p50 ${of(({ latency: { p50Ms } }) => p50Ms)} ms, p99 ${of(({ latency: { p99Ms } }) => p99Ms)} ms`
  return [`${name.padEnd(18)} at ${first.perSecond}/s: ${latency}; ${memory.join(', ')}`]
}

/** Where the disk is slow, the fastest answered write shows that each waited for it. */
function fastestWriteLine({ name, rounds }: PeerResult): string[] {
  if (!name.includes('slow-disk')) return []
  const writes = rounds.flatMap(({ steps }) => steps.filter((step) => step.name === 'submit'))
  return [
    `${name}: the fastest of all answered writes took ${Math.min(...writes.map(({ latency }) => latency.minMs))} ms`,
  ]
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
