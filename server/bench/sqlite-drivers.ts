/**
 * better-sqlite3 beside node:sqlite, the driver that would be left without it: the same file and settings, the same
 * statements, in turn.
 *
 *   node server/bench/sqlite-drivers.ts [--rounds 5] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import SqliteDriver from 'better-sqlite3'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, json: { type: 'boolean', default: false } },
})

const POSTS = 20_000
const CATEGORIES = 50
const READS = 20_000
const LISTS = 2_000
const BATCHES = 200
const BATCH_ROWS = 20
const TEXT = JSON.stringify({ title: '舢板', body: 'x'.repeat(900) })

type Statement = {
  run(...params: unknown[]): unknown
  get(...params: unknown[]): unknown
  all(...params: unknown[]): unknown[]
}
type Driver = { exec(sql: string): void; prepare(sql: string): Statement; close(): void }
type Work = { readonly name: string; readonly count: number; run(driver: Driver, round: number): void }

const WORKS: readonly Work[] = [
  {
    name: 'get by id',
    count: READS,
    run(driver) {
      const get = driver.prepare('SELECT doc FROM posts WHERE id = ?')
      for (let at = 0; at < READS; at += 1) get.get((at * 7_919) % POSTS)
    },
  },
  {
    name: 'list of 20',
    count: LISTS,
    run(driver) {
      const list = driver.prepare('SELECT doc FROM posts WHERE category = ? ORDER BY id DESC LIMIT 20')
      for (let at = 0; at < LISTS; at += 1) list.all(at % CATEGORIES)
    },
  },
  {
    name: `insert, ${BATCH_ROWS} a commit`,
    count: BATCHES * BATCH_ROWS,
    run(driver, round) {
      const insert = driver.prepare('INSERT INTO forms (id, doc) VALUES (?, ?)')
      for (let batch = 0; batch < BATCHES; batch += 1) {
        driver.exec('BEGIN IMMEDIATE')
        for (let row = 0; row < BATCH_ROWS; row += 1) insert.run(`${round}-${batch}-${row}`, TEXT)
        driver.exec('COMMIT')
      }
    },
  },
]

const folder = mkdtempSync(path.join(os.tmpdir(), 'sampan-drivers-'))
try {
  const drivers = {
    'better-sqlite3': seeded(new SqliteDriver(path.join(folder, 'better.db')) as unknown as Driver), // safe: the three methods above
    'node:sqlite': seeded(new DatabaseSync(path.join(folder, 'node.db')) as unknown as Driver), // safe: likewise
  }
  const figures = WORKS.map((work) => compare(work, drivers))
  process.stdout.write(options.json ? `${JSON.stringify(figures, null, 1)}\n` : `${figures.map(render).join('\n')}\n`)
  for (const driver of Object.values(drivers)) driver.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function seeded(driver: Driver): Driver {
  driver.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;
    CREATE TABLE posts (id INTEGER PRIMARY KEY, category INTEGER NOT NULL, doc TEXT NOT NULL);
    CREATE INDEX posts_category ON posts (category, id);
    CREATE TABLE forms (id TEXT PRIMARY KEY, doc TEXT NOT NULL); BEGIN`)
  const insert = driver.prepare('INSERT INTO posts (id, category, doc) VALUES (?, ?, ?)')
  for (let id = 0; id < POSTS; id += 1) insert.run(id, id % CATEGORIES, TEXT)
  driver.exec('COMMIT')
  return driver
}

/** CPU time, because the machine may have other work; both drivers take their turn in each round. */
function compare(work: Work, drivers: Readonly<Record<'better-sqlite3' | 'node:sqlite', Driver>>) {
  const cost = (driver: Driver, round: number) => {
    const before = process.cpuUsage()
    work.run(driver, round)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / work.count
  }
  const rounds = Array.from({ length: Number(options.rounds) + 1 }, (_, round) => ({
    better: cost(drivers['better-sqlite3'], round),
    node: cost(drivers['node:sqlite'], round),
  })).slice(1) // the first warms up
  return {
    name: work.name,
    betterSqlite3Us: median(rounds.map(({ better }) => better)),
    nodeSqliteUs: median(rounds.map(({ node }) => node)),
    ratio: median(rounds.map(({ better, node }) => node / better)),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function render({ name, betterSqlite3Us, nodeSqliteUs, ratio }: ReturnType<typeof compare>): string {
  const us = (value: number) => `${value.toFixed(1)} µs`.padStart(9)
  return `${name.padEnd(22)} better-sqlite3 ${us(betterSqlite3Us)}   node:sqlite ${us(nodeSqliteUs)}   node:sqlite takes ${ratio.toFixed(2)} ×`
}
