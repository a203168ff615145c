/** How full this server is, resource by resource, and when what fills up slowly will be full. Pure functions. */
import type { BoxFacts } from './box-facts.ts'
import type { HistoryPoint } from './metrics-history.ts'
import { allRoutes, latencyQuantileMs, type MetricsRecord, meanOf } from './metrics-record.ts'

export type Resource = 'cpu' | 'requests' | 'memory' | 'line' | 'quota' | 'disk'

export type Reading = {
  readonly resource: Resource
  readonly used: number
  /** Absent: not known yet. */
  readonly limit?: number
  readonly unit: 'share' | 'perSecond' | 'mbps' | 'bytes'
  /** Part of the limit in use, 0 to 1 and beyond. */
  readonly share?: number
  /** Where the limit comes from. */
  readonly source: 'kernel' | 'measured' | 'reference' | 'bundle' | 'unknown'
}

export type Forecast = {
  /** Bytes sent this month so far, and by its end if it goes on like this. */
  readonly monthBytes: number
  readonly monthEndBytes: number | undefined
  readonly quotaEndsAtMs: number | undefined
  readonly diskFullAtMs: number | undefined
}

const MS_PER_SECOND = 1000
const BITS = 8
const MEGA = 1e6
const GIGA = 1e9
const DAY_MS = 24 * 3_600_000
const CHINA_OFFSET_MS = 8 * 3_600_000
/** A trend needs this much past. */
const TREND_MIN_MS = 6 * 3_600_000
/** A disk that fills in more than ten years does not fill. */
const HORIZON_MS = 3650 * DAY_MS

export const megabitsPerSecond = (bytes: number, durationMs: number) =>
  durationMs > 0 ? (bytes * BITS) / MEGA / (durationMs / MS_PER_SECOND) : 0

export const perSecond = (count: number, durationMs: number) =>
  durationMs > 0 ? count / (durationMs / MS_PER_SECOND) : 0

/** @param record the last minute or so */
export function readLoad(record: MetricsRecord, facts: BoxFacts, monthBytes: number): Reading[] {
  const gauge = (name: string) => meanOf(record.gauges[name])
  const readings: (Reading | undefined)[] = [
    shareOf('cpu', gauge('host.cpu')),
    {
      resource: 'requests',
      used: perSecond(allRoutes(record).count, record.durationMs),
      limit: facts.requestsPerSecond,
      unit: 'perSecond',
      share: perSecond(allRoutes(record).count, record.durationMs) / facts.requestsPerSecond,
      source: facts.capacitySource,
    },
    memoryReading(gauge('host.memoryAvailable'), facts.memoryBytes),
    lineReading(record, facts),
    quotaReading(monthBytes, facts),
    shareOf('disk', gauge('host.diskUsed')),
  ]
  return readings.filter((reading) => reading !== undefined)
}

const shareOf = (resource: Resource, share: number | undefined): Reading | undefined =>
  share === undefined ? undefined : { resource, used: share, limit: 1, unit: 'share', share, source: 'kernel' }

function memoryReading(available: number | undefined, total: number): Reading | undefined {
  if (available === undefined) return undefined
  const share = 1 - available
  return { resource: 'memory', used: share * total, limit: total, unit: 'bytes', share, source: 'kernel' }
}

function lineReading(record: MetricsRecord, { lineMbps, lineKind }: BoxFacts): Reading {
  const used = megabitsPerSecond(record.counters['host.networkOutBytes'] ?? 0, record.durationMs)
  if (lineMbps === undefined) return { resource: 'line', used, unit: 'mbps', source: 'unknown' }
  const source = lineKind === 'measured' ? 'measured' : 'bundle'
  return { resource: 'line', used, limit: lineMbps, unit: 'mbps', share: used / lineMbps, source }
}

function quotaReading(monthBytes: number, { trafficGB }: BoxFacts): Reading | undefined {
  if (trafficGB === null) return undefined
  if (trafficGB === undefined) return { resource: 'quota', used: monthBytes, unit: 'bytes', source: 'unknown' }
  const limit = trafficGB * GIGA
  return { resource: 'quota', used: monthBytes, limit, unit: 'bytes', share: monthBytes / limit, source: 'bundle' }
}

/** @param days tier "days" of at least this month @param hours tier "hours" of the last week */
export function forecast(
  { days, hours }: { days: readonly HistoryPoint[]; hours: readonly HistoryPoint[] },
  facts: Pick<BoxFacts, 'trafficGB'>,
  nowMs: number,
): Forecast {
  const month = monthOf(nowMs)
  const thisMonth = days.filter(({ atMs }) => atMs >= month.startMs)
  const sent = (points: readonly HistoryPoint[]) =>
    points.reduce((sum, { record }) => sum + (record.counters['host.networkOutBytes'] ?? 0), 0)
  const monthBytes = sent(thisMonth)

  // The last week tells tomorrow better than the whole month: a launch or a holiday changes the level.
  const weekMs = hours.reduce((sum, { record }) => sum + record.durationMs, 0)
  const bytesPerMs = weekMs >= TREND_MIN_MS ? sent(hours) / weekMs : undefined
  const monthEndBytes = bytesPerMs === undefined ? undefined : monthBytes + bytesPerMs * (month.endMs - nowMs)
  const leftBytes = facts.trafficGB ? facts.trafficGB * GIGA - monthBytes : undefined
  const quotaEndsAtMs = bytesPerMs && leftBytes !== undefined ? nowMs + Math.max(0, leftBytes) / bytesPerMs : undefined
  return {
    monthBytes,
    monthEndBytes,
    quotaEndsAtMs: quotaEndsAtMs !== undefined && quotaEndsAtMs < month.endMs ? quotaEndsAtMs : undefined,
    diskFullAtMs: fullAtMs(hours, nowMs),
  }
}

/** When the disk is full if it goes on filling as in these points: least squares through their means. */
export function fullAtMs(points: readonly HistoryPoint[], nowMs: number): number | undefined {
  const levels = points.flatMap(({ atMs, record }) => {
    const used = meanOf(record.gauges['host.diskUsed'])
    return used === undefined ? [] : [{ x: atMs - nowMs, y: used }]
  })
  const first = levels[0]
  if (!first || -first.x < TREND_MIN_MS) return undefined
  const meanX = mean(levels.map(({ x }) => x))
  const meanY = mean(levels.map(({ y }) => y))
  const spread = levels.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  const slope = levels.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread
  if (!(slope > 0)) return undefined
  const inMs = (1 - (meanY - slope * meanX)) / slope
  return inMs < HORIZON_MS ? nowMs + Math.max(0, inMs) : undefined
}

/** The month that quotas count: calendar months in China. */
export function monthOf(nowMs: number) {
  const local = new Date(nowMs + CHINA_OFFSET_MS)
  const startOf = (month: number) => Date.UTC(local.getUTCFullYear(), month, 1) - CHINA_OFFSET_MS
  return { startMs: startOf(local.getUTCMonth()), endMs: startOf(local.getUTCMonth() + 1) }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/** One point of the charts. */
export function chartPoint({ atMs, record, total }: HistoryPoint) {
  const gauge = (name: string) => meanOf(record.gauges[name]) ?? null
  const quantile = (share: number) => latencyQuantileMs(total, share) ?? null
  return {
    atMs,
    requestsPerSecond: perSecond(total.count, record.durationMs),
    errorsPerSecond: perSecond(total.errors, record.durationMs),
    refusedPerSecond: perSecond(total.refused, record.durationMs),
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
    cpu: gauge('host.cpu'),
    memoryUsed: record.gauges['host.memoryAvailable'] ? 1 - (gauge('host.memoryAvailable') ?? 0) : null,
    diskUsed: gauge('host.diskUsed'),
    outMbps: megabitsPerSecond(record.counters['host.networkOutBytes'] ?? 0, record.durationMs),
    connections: gauge('http.connections'),
    loopDelayP99Ms: record.gauges['process.loopDelayP99Ms']?.max ?? null,
    rssBytes: gauge('process.rssBytes'),
  }
}

export type ChartPoint = ReturnType<typeof chartPoint>
