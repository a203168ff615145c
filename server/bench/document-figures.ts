/**
 * The document engine through the full server against the same done by hand, on one core: get by id, list of 20 with an
 * index, durable inserts under 64 clients. Each must reach half of bare Fastify with hand-written SQL.
 *
 *   node server/bench/document-figures.ts [--rounds 3] [--seconds 2] [--databases sqlite,mariadb,postgres] [--json]
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { medianRatio, type PeerResult } from '../../bench/peers/compare.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    databases: { type: 'string', default: 'sqlite' },
    json: { type: 'boolean', default: false },
  },
})

const WANTED = 0.5
const PEERS = path.resolve(import.meta.dirname, '../../bench/peers/main.ts')
// biome-ignore format: a table keeps its columns
const PAIRS: Readonly<Record<string, readonly [ours: string, byHand: string]>> = {
  sqlite:   ['sampan', 'fastify'],
  mariadb:  ['sampan-mariadb', 'fastify-mariadb'],
  postgres: ['sampan-postgres', 'fastify-postgres'],
}
// biome-ignore format: a table keeps its columns
const STEPS = { detail: 'get by id', list: 'list of 20 with index', submit: 'durable insert, 64 clients' } as const

const figures = options.databases
  .split(',')
  .flatMap((database) =>
    Object.entries(STEPS).map(([step, label]) => ({ database, label, ...measurePair(database, step) })),
  )
if (options.json) process.stdout.write(`${JSON.stringify(figures, null, 1)}\n`)
else for (const figure of figures) process.stdout.write(`${render(figure)}\n`)
process.exitCode = figures.every(({ ratio }) => ratio >= WANTED) ? 0 : 1

function measurePair(database: string, step: string) {
  const [ours, byHand] = PAIRS[database] ?? []
  if (!ours || !byHand) throw new Error(`unknown database "${database}": use ${Object.keys(PAIRS).join(', ')}`)
  const { rounds, seconds } = options
  const only = ['--only', `${ours},${byHand}`, '--step', step, '--rounds', rounds, '--seconds', seconds]
  const run = spawnSync(process.execPath, [PEERS, '--json', ...only], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  const { results } = JSON.parse(run.stdout) as { results: PeerResult[] } // safe: our own command printed it
  const find = (name: string) => results.find((result) => result.name === name)
  const [mine, theirs] = [find(ours), find(byHand)]
  if (!mine || !theirs) return { perCpuSecond: Number.NaN, byHandPerCpuSecond: Number.NaN, ratio: Number.NaN }
  const [perCpuSecond, byHandPerCpuSecond] = [mine.median.perCpuSecond, theirs.median.perCpuSecond]
  return { perCpuSecond, byHandPerCpuSecond, ratio: medianRatio(mine, theirs) }
}

function render({ database, label, perCpuSecond, byHandPerCpuSecond, ratio }: (typeof figures)[number]): string {
  const rates = `${perCpuSecond.toFixed(0).padStart(7)} of ${byHandPerCpuSecond.toFixed(0).padStart(7)} per CPU-second`
  return `${ratio >= WANTED ? '✓' : '✗'} ${database.padEnd(9)} ${label.padEnd(28)} ${rates}  ${ratio.toFixed(2)} × by hand`
}
