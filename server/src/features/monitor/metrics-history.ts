/**
 * The past, in a file of its own: minutes for a day, five minutes for a week, hours for a quarter, days for a year.
 * Apart from the application's database, so that history and alarms go on when that one is slow, full or gone.
 *
 * Each minute is added to the current row of every tier. So no tier has to be computed from another later, and a
 * restart loses a minute at most.
 */
import { chmodSync } from 'node:fs'
import Driver from 'better-sqlite3'
import { allRoutes, EMPTY_RECORD, type MetricsRecord, mergeRecords, type RouteRecord } from './metrics-record.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 3_600_000
/** Days begin at midnight in China, as quotas do. */
const DAY_OFFSET_MS = 8 * 3_600_000

// biome-ignore format: a table keeps its columns
export const TIERS = [
  { name: 'minutes',      stepMs: MINUTE_MS,      keepMs: DAY_MS },
  { name: 'five minutes', stepMs: 5 * MINUTE_MS,  keepMs: 7 * DAY_MS },
  { name: 'hours',        stepMs: 60 * MINUTE_MS, keepMs: 90 * DAY_MS },
  { name: 'days',         stepMs: DAY_MS,         keepMs: 366 * DAY_MS },
] as const

export type HistoryPoint = { readonly atMs: number; readonly record: MetricsRecord; readonly total: RouteRecord }
export type MetricsHistory = ReturnType<typeof openMetricsHistory>

type StoredRow = { at_ms: number; totals: string; routes: string }
type StoredTotals = Omit<MetricsRecord, 'routes'> & { total: RouteRecord }

const PAGE_CACHE_KIB = 512
/** Another process of this server may be writing its minute. */
const BUSY_TIMEOUT_MS = 500

export function openMetricsHistory(file: string) {
  const db = new Driver(file, { timeout: BUSY_TIMEOUT_MS })
  chmodSync(file, 0o600) // alarm channels' addresses are in here too, and they are keys
  db.pragma('journal_mode = WAL')
  // A power cut may cost the last minutes of history; an fsync a minute would cost the disk more than that is worth.
  db.pragma('synchronous = NORMAL')
  db.pragma(`cache_size = -${PAGE_CACHE_KIB}`)
  db.exec(`CREATE TABLE IF NOT EXISTS metrics (
    tier INTEGER NOT NULL, at_ms INTEGER NOT NULL, totals TEXT NOT NULL, routes TEXT NOT NULL,
    PRIMARY KEY (tier, at_ms)) WITHOUT ROWID`)

  const find = db.prepare<[number, number], StoredRow>('SELECT * FROM metrics WHERE tier = ? AND at_ms = ?')
  const put = db.prepare('INSERT OR REPLACE INTO metrics (tier, at_ms, totals, routes) VALUES (?, ?, ?, ?)')
  const drop = db.prepare('DELETE FROM metrics WHERE tier = ? AND at_ms < ?')
  const range = db.prepare<[number, number, number], StoredRow>(
    'SELECT at_ms, totals, routes FROM metrics WHERE tier = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms',
  )
  const rangeOfTotals = db.prepare<[number, number, number], StoredRow>(
    "SELECT at_ms, totals, '{}' AS routes FROM metrics WHERE tier = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms",
  )

  return {
    /** For what else must survive beside the history: alarms. */
    db,

    add: db.transaction((atMs: number, record: MetricsRecord) => {
      for (const [tier, { stepMs, keepMs }] of TIERS.entries()) {
        const startMs = startOfStep(atMs, stepMs)
        const before = find.get(tier, startMs)
        const merged = before ? mergeRecords(toPoint(before).record, record) : record
        const { routes, ...rest } = merged
        put.run(tier, startMs, JSON.stringify({ ...rest, total: allRoutes(merged) }), JSON.stringify(routes))
        if (!before) drop.run(tier, atMs - keepMs)
      }
    }),

    /** Rows of one tier, oldest first. `withRoutes`: each route, not only their sum. */
    list(tier: number, fromMs: number, toMs: number, { withRoutes = false } = {}): HistoryPoint[] {
      return (withRoutes ? range : rangeOfTotals).all(tier, fromMs, toMs).map(toPoint)
    },

    close: () => void db.close(),
  }
}

export const startOfStep = (atMs: number, stepMs: number) =>
  Math.floor((atMs + DAY_OFFSET_MS) / stepMs) * stepMs - DAY_OFFSET_MS

function toPoint(row: StoredRow): HistoryPoint {
  const { total, ...rest } = JSON.parse(row.totals) as StoredTotals // safe: `add` wrote it
  const routes = JSON.parse(row.routes) as MetricsRecord['routes'] // safe: as above
  return { atMs: row.at_ms, record: { ...EMPTY_RECORD, ...rest, routes }, total }
}
