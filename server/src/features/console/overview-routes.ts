/** Is it healthy, how full is it, what next: the landing page's figures, and the charts. */
import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from '../../http/json-schema.ts'
import { chartPoint, perSecond, readLoad } from '../monitor/load-gauge.ts'
import {
  allRoutes,
  EMPTY_RECORD,
  latencyQuantileMs,
  type MetricsRecord,
  meanOf,
  mergeRecords,
} from '../monitor/metrics-record.ts'
import type { Monitor } from '../monitor/monitor.ts'
import type { Watch } from '../monitor/watch.ts'

export type OverviewNeeds = {
  readonly watch: Watch
  readonly version: string
  readonly now?: () => number
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const ROUTES_SHOWN = 100

/** Which tier answers which range: at most 370 points each. `now`: the samples in memory. */
// biome-ignore format: a table keeps its columns
const RANGES = {
  now:  { tier: undefined, spanMs: 5 * MINUTE_MS },
  hour: { tier: 0,         spanMs: HOUR_MS },
  day:  { tier: 1,         spanMs: DAY_MS },
  week: { tier: 2,         spanMs: 7 * DAY_MS },
  quarter: { tier: 3,      spanMs: 90 * DAY_MS },
  year: { tier: 3,         spanMs: 366 * DAY_MS },
} as const

const RangeQuery = Type.Object(
  { range: Type.Union((['now', 'hour', 'day', 'week', 'quarter', 'year'] as const).map((name) => Type.Literal(name))) },
  { additionalProperties: false },
)

export function overviewRoutes(needs: OverviewNeeds): FastifyPluginAsync {
  const { watch, now = Date.now } = needs
  const { monitor } = watch
  const startedAtMs = now()

  return async (app) => {
    app.get('/overview', { config: { role: 'viewer' } }, async () => {
      const nowMs = now()
      const facts = watch.boxFacts()
      const record = watch.lastMinute()
      const total = allRoutes(record)
      const outlook = watch.outlook()
      return {
        version: needs.version,
        uptimeMs: nowMs - startedAtMs,
        facts,
        load: readLoad(record, facts, outlook.monthBytes),
        forecast: outlook,
        now: {
          requestsPerSecond: perSecond(total.count, record.durationMs),
          errorShare: total.count ? total.errors / total.count : 0,
          ...quantiles(total),
          connections: meanOf(record.gauges['http.connections']) ?? 0,
          loopDelayP99Ms: meanOf(record.gauges['process.loopDelayP99Ms']) ?? 0,
          rssBytes: meanOf(record.gauges['process.rssBytes']) ?? 0,
        },
        alarms: watch.alarms.firing(),
        alarmChannels: watch.alarmSettings.channels().length,
        advice: watch.advice(),
      }
    })

    app.get<{ Querystring: Static<typeof RangeQuery> }>(
      '/metrics',
      { schema: { querystring: RangeQuery }, config: { role: 'viewer' } },
      async ({ query }) => ({ points: pointsOf(monitor, query.range, now()).map(chartPoint) }),
    )

    app.get<{ Querystring: Static<typeof RangeQuery> }>(
      '/metrics/routes',
      { schema: { querystring: RangeQuery }, config: { role: 'viewer' } },
      async ({ query }) => {
        const points = pointsOf(monitor, query.range, now(), { withRoutes: true })
        return { routes: describeRoutes(points.map(({ record }) => record).reduce(mergeRecords, EMPTY_RECORD)) }
      },
    )

    app.get<{ Querystring: Static<typeof RangeQuery> }>(
      '/metrics/functions',
      { schema: { querystring: RangeQuery }, config: { role: 'viewer' } },
      async ({ query }) => {
        const points = pointsOf(monitor, query.range, now())
        return { functions: describeFunctions(points.map(({ record }) => record).reduce(mergeRecords, EMPTY_RECORD)) }
      },
    )
  }
}

function pointsOf(monitor: Monitor, range: keyof typeof RANGES, nowMs: number, options: { withRoutes?: boolean } = {}) {
  const { tier, spanMs } = RANGES[range]
  if (tier !== undefined) return monitor.history.list(tier, nowMs - spanMs, nowMs + 1, options)
  return monitor.recent().map(({ atMs, record }) => ({ atMs, record, total: allRoutes(record) }))
}

const quantiles = (record: { readonly latency: readonly number[] }) => ({
  p50Ms: latencyQuantileMs(record, 0.5) ?? null,
  p95Ms: latencyQuantileMs(record, 0.95) ?? null,
  p99Ms: latencyQuantileMs(record, 0.99) ?? null,
})

const describeFunctions = ({ functions, durationMs }: MetricsRecord) =>
  Object.entries(functions)
    .map(([name, record]) => ({
      name,
      count: record.count,
      callsPerSecond: perSecond(record.count, durationMs),
      errors: record.errors,
      memoryMaxBytes: record.memoryMaxBytes,
      ...quantiles(record),
    }))
    .sort((a, b) => b.count - a.count)

function describeRoutes({ routes, durationMs }: MetricsRecord) {
  return Object.entries(routes)
    .map(([route, record]) => ({
      route,
      count: record.count,
      requestsPerSecond: perSecond(record.count, durationMs),
      errors: record.errors,
      refused: record.refused,
      bytesOut: record.bytesOut,
      ...quantiles(record),
    }))
    .sort((a, b) => b.count - a.count)
    .slice(0, ROUTES_SHOWN)
}
