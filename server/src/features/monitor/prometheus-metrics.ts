/** The same figures for Prometheus, in a registry that the caller serves at `/metrics`. */
import { Counter, Gauge, Registry } from 'prom-client'
import { LATENCY_BOUNDS_MS, latencyQuantileMs, meanOf, type RouteRecord } from './metrics-record.ts'
import type { Monitor } from './monitor.ts'

const MS_PER_SECOND = 1000

/** What is asked for is read at that moment, so that the registry may be made at any time. */
export function openRegistry(monitor: Monitor): Registry {
  const registry = new Registry()
  publishSamples(monitor, registry)
  publishRoutes(monitor, registry)
  publishFunctions(monitor, registry)
  return registry
}

/** Names follow Prometheus' rules: `host.cpu` becomes `sampan_host_cpu`. */
function publishSamples(monitor: Monitor, registry: Registry) {
  const gauges = new Map<string, Gauge>()
  const counters = new Map<string, Counter>()

  const readLast = () => {
    for (const [name, gauge] of Object.entries(monitor.recent().at(-1)?.record.gauges ?? {})) {
      const metric = gauges.get(name) ?? new Gauge({ name: promName(name), help: name, registers: [registry] })
      gauges.set(name, metric)
      metric.set(meanOf(gauge) ?? 0)
    }
    for (const [name, total] of Object.entries(monitor.sinceStart().counters)) {
      const metric =
        counters.get(name) ?? new Counter({ name: `${promName(name)}_total`, help: name, registers: [registry] })
      counters.set(name, metric)
      metric.reset()
      metric.inc(total)
    }
  }
  readLast()
  const samples = new Gauge({
    name: 'sampan_last_sample_seconds',
    help: 'When the figures were read, in seconds since 1970',
    registers: [registry],
    collect() {
      readLast()
      samples.set((monitor.recent().at(-1)?.atMs ?? 0) / MS_PER_SECOND)
    },
  })
}

function publishFunctions(monitor: Monitor, registry: Registry) {
  const add = (name: string, help: string, collect?: () => void) =>
    new Gauge({ name, help, labelNames: ['function'], registers: [registry], ...(collect && { collect }) })

  // Registered first, for the reason below.
  const calls = add('sampan_function_calls', 'Calls since the start', () => {
    for (const [name, record] of Object.entries(monitor.sinceStart().functions)) {
      const label = { function: name }
      calls.set(label, record.count)
      errors.set(label, record.errors)
      slow.set(label, (latencyQuantileMs(record, 0.95) ?? 0) / MS_PER_SECOND)
      memory.set(label, record.memoryMaxBytes)
    }
  })
  const errors = add('sampan_function_errors', 'Calls that ended with an error since the start')
  const slow = add('sampan_function_duration_seconds_p95', '95 % of the calls since the start took at most this')
  const memory = add('sampan_function_memory_max_bytes', 'The most memory that a worker used during a call')
}

/** Histogram text is made when it is asked for: requests only count into the monitor's own buckets. */
function publishRoutes(monitor: Monitor, registry: Registry) {
  const add = (name: string, help: string, labelNames: string[], collect?: () => void) =>
    new Gauge({ name, help, labelNames, registers: [registry], ...(collect && { collect }) })

  // Registered first, so that its `collect` has filled the others before the registry reads them.
  const buckets = add(
    'sampan_http_duration_seconds_bucket',
    'Answers that took at most `le` seconds, since the start',
    ['route', 'le'],
    () => {
      for (const [route, record] of Object.entries(monitor.sinceStart().routes)) fill(route, record)
    },
  )
  const count = add('sampan_http_requests', 'Answers since the start', ['route'])
  const errors = add('sampan_http_errors', 'Answers with status 5xx since the start', ['route'])
  const bytes = add('sampan_http_sent_bytes', 'Bytes of bodies sent since the start', ['route'])

  function fill(route: string, record: RouteRecord) {
    count.set({ route }, record.count)
    errors.set({ route }, record.errors)
    bytes.set({ route }, record.bytesOut)
    let sum = 0
    for (const [bucket, bound] of LATENCY_BOUNDS_MS.entries()) {
      sum += record.latency[bucket] ?? 0
      buckets.set({ route, le: String(bound / MS_PER_SECOND) }, sum)
    }
    buckets.set({ route, le: '+Inf' }, record.count)
  }
}

const promName = (name: string) =>
  `sampan_${name
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()}`
