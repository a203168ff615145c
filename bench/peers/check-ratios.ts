/**
 * Compares a fresh result with the newest kept one, by ratio to the peers of its own run: absolute figures drift with
 * the machine, ratios less so.
 *
 *   node bench/peers/check-ratios.ts fresh.json [kept.json]
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { medianRatio } from './compare.ts'
import { type Comparison, RESULTS_FOLDER } from './saved-results.ts'

/** A ratio may fall to this share of the kept one before the check fails: rounds of one run differ by 20 %. */
const TOLERATED_SHARE = 0.75

const [freshFile = '', keptFile = newestKept()] = process.argv.slice(2)
const fresh = ratiosOf(freshFile)
const kept = ratiosOf(keptFile)
let isWorse = false
for (const [pair, before] of kept) {
  const now = fresh.get(pair)
  if (now === undefined) continue
  const hasFallen = now < before * TOLERATED_SHARE
  isWorse ||= hasFallen
  process.stdout.write(`${hasFallen ? '✗' : '✓'} ${pair.padEnd(34)} ${before.toFixed(2)} → ${now.toFixed(2)}\n`)
}
process.exitCode = isWorse ? 1 : 0

function newestKept(): string {
  const newest = readdirSync(RESULTS_FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .at(-1)
  if (!newest) throw new Error('bench/results/ is empty: run npm run bench:peers -- --save first')
  return path.join(RESULTS_FOLDER, newest)
}

/** Requests per CPU-second of each Sampan by each other server of the run. */
function ratiosOf(file: string): Map<string, number> {
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as Comparison // safe: bench:peers wrote it
  const ours = results.filter(({ name }) => name.startsWith('sampan'))
  const theirs = results.filter(({ name }) => !name.startsWith('sampan'))
  return new Map(
    ours.flatMap((one) => theirs.map((other) => [`${one.name} / ${other.name}`, medianRatio(one, other)] as const)),
  )
}
