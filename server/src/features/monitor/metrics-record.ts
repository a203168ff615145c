/**
 * What was measured during one stretch of time. Records add up: ten-second samples make a minute, minutes an hour,
 * hours a day, by one merge that loses neither means, maxima nor the shape of the latencies.
 */

/** A level that was looked at now and then. */
export type GaugeSum = { readonly sum: number; readonly count: number; readonly max: number }

export type RouteRecord = {
  readonly count: number
  /** Answers with status 5xx. */
  readonly errors: number
  /** Answers with status 4xx. */
  readonly refused: number
  readonly bytesOut: number
  /** How many answers fell into each bucket of LATENCY_BOUNDS_MS, the last one being "longer". */
  readonly latency: readonly number[]
}

export type FunctionRecord = {
  readonly count: number
  /** Calls that ended with an error. */
  readonly errors: number
  readonly latency: readonly number[]
  /** The most that a worker used during a call. */
  readonly memoryMaxBytes: number
}

export type MetricsRecord = {
  readonly durationMs: number
  readonly gauges: Readonly<Record<string, GaugeSum>>
  /** What was counted during this time, such as bytes or commits. */
  readonly counters: Readonly<Record<string, number>>
  readonly routes: Readonly<Record<string, RouteRecord>>
  readonly functions: Readonly<Record<string, FunctionRecord>>
}

/** Upper bounds of the latency buckets; about 1.5 apart, so that a quantile is off by a fifth at most. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000,
]

/** Routes kept apart in one record; the quietest of the rest share one line. */
const ROUTES_MAX = 60
export const OTHER_ROUTES = 'other'

export const EMPTY_RECORD: MetricsRecord = { durationMs: 0, gauges: {}, counters: {}, routes: {}, functions: {} }

export const EMPTY_FUNCTION: FunctionRecord = { count: 0, errors: 0, latency: [], memoryMaxBytes: 0 }

export const EMPTY_ROUTE: RouteRecord = {
  count: 0,
  errors: 0,
  refused: 0,
  bytesOut: 0,
  latency: [],
}

export function mergeRecords(a: MetricsRecord, b: MetricsRecord): MetricsRecord {
  return {
    durationMs: a.durationMs + b.durationMs,
    gauges: mergeBy(a.gauges, b.gauges, (x, y) => ({
      sum: x.sum + y.sum,
      count: x.count + y.count,
      max: Math.max(x.max, y.max),
    })),
    counters: mergeBy(a.counters, b.counters, (x, y) => x + y),
    routes: keepBusiest(mergeBy(a.routes, b.routes, mergeRoutes)),
    functions: mergeBy(a.functions, b.functions, mergeFunctions),
  }
}

/** A project has as many functions as it has folders: no limit of ours is needed. */
const mergeFunctions = (a: FunctionRecord, b: FunctionRecord): FunctionRecord => ({
  count: a.count + b.count,
  errors: a.errors + b.errors,
  latency: mergeLatency(a.latency, b.latency),
  memoryMaxBytes: Math.max(a.memoryMaxBytes, b.memoryMaxBytes),
})

function mergeLatency(a: readonly number[], b: readonly number[]): readonly number[] {
  const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a]
  return longer.map((count, bucket) => count + (shorter[bucket] ?? 0))
}

export function mergeRoutes(a: RouteRecord, b: RouteRecord): RouteRecord {
  return {
    count: a.count + b.count,
    errors: a.errors + b.errors,
    refused: a.refused + b.refused,
    bytesOut: a.bytesOut + b.bytesOut,
    latency: mergeLatency(a.latency, b.latency),
  }
}

/** All routes as one. */
export const allRoutes = ({ routes }: MetricsRecord) => Object.values(routes).reduce(mergeRoutes, EMPTY_ROUTE)

/** The latency that this share of the answers stayed below, interpolated inside its bucket; undefined without answers. */
export function latencyQuantileMs({ latency }: Pick<RouteRecord, 'latency'>, share: number): number | undefined {
  const total = latency.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let seen = 0
  for (const [bucket, count] of latency.entries()) {
    if (seen + count >= share * total && count > 0) {
      const low = LATENCY_BOUNDS_MS[bucket - 1] ?? 0
      const high = LATENCY_BOUNDS_MS[bucket] ?? low
      return low + (high - low) * ((share * total - seen) / count)
    }
    seen += count
  }
  return LATENCY_BOUNDS_MS.at(-1)
}

export const latencyBucket = (durationMs: number) => {
  const bucket = LATENCY_BOUNDS_MS.findIndex((bound) => durationMs <= bound)
  return bucket < 0 ? LATENCY_BOUNDS_MS.length : bucket
}

export const meanOf = (gauge: GaugeSum | undefined) => (gauge?.count ? gauge.sum / gauge.count : undefined)

export const toGauges = (values: Readonly<Record<string, number>>): Record<string, GaugeSum> =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => [name, { sum: value, count: 1, max: value }]),
  )

function mergeBy<T>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>, add: (x: T, y: T) => T) {
  const merged: Record<string, T> = { ...a }
  for (const [key, value] of Object.entries(b)) {
    const before = merged[key]
    merged[key] = before === undefined ? value : add(before, value)
  }
  return merged
}

function keepBusiest(routes: Record<string, RouteRecord>): Record<string, RouteRecord> {
  const names = Object.keys(routes)
  if (names.length <= ROUTES_MAX) return routes
  const { [OTHER_ROUTES]: other = EMPTY_ROUTE, ...named } = routes
  const byCount = Object.entries(named).sort(([, a], [, b]) => b.count - a.count)
  const rest = byCount.slice(ROUTES_MAX - 1).reduce((sum, [, route]) => mergeRoutes(sum, route), other)
  return { ...Object.fromEntries(byCount.slice(0, ROUTES_MAX - 1)), [OTHER_ROUTES]: rest }
}
