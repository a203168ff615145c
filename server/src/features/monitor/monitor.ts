/** Looks at everything each ten seconds, remembers it, and tells whoever asks: console, alarms, Prometheus. */
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Log } from '../../log.ts'
import { createFunctionMetrics, type SeenCall } from './function-metrics.ts'
import { createHostSampler, differences, type Sample } from './host-sampler.ts'
import { type MetricsHistory, openMetricsHistory, startOfStep } from './metrics-history.ts'
import { EMPTY_RECORD, type MetricsRecord, mergeRecords, toGauges } from './metrics-record.ts'
import { openMonitorLease } from './monitor-lease.ts'
import { openProcessSampler } from './process-sampler.ts'
import { createRequestMetrics } from './request-metrics.ts'

/** What a part of the server tells about itself: levels as they are, counters since it was opened. */
export type MetricsSource = () => {
  readonly gauges?: Readonly<Record<string, number>>
  readonly counters?: Readonly<Record<string, number>>
}

export type LiveSample = {
  readonly atMs: number
  readonly record: MetricsRecord
  /** Whether this process speaks for the machine. */
  readonly isLeader: boolean
}
export type SampleListener = (sample: LiveSample) => void

export interface Monitor {
  readonly history: MetricsHistory
  /** Counts what this server answers. */
  observe(app: FastifyInstance): void
  /** Counts a call of a function. */
  countCall(call: SeenCall): void
  /** Another part of the server that tells about itself, such as the database. */
  addSource(source: MetricsSource): void
  /** Called after each sample. */
  onSample(listener: SampleListener): void
  /** The last samples, oldest first: five minutes' worth. */
  recent(): readonly LiveSample[]
  /** Every route, function and counter since the start, for Prometheus. */
  sinceStart(): Pick<MetricsRecord, 'routes' | 'functions' | 'counters'>
  /** Takes a sample now; a timer does so by itself. */
  sample(): Promise<LiveSample>
  close(): Promise<void>
}

export type MonitorNeeds = {
  readonly dataDir: string
  readonly log: Log
  readonly now?: () => number
  /** 0: no timer; a test calls `sample()`. */
  readonly sampleEveryMs?: number
}

const SAMPLE_EVERY_MS = 10_000
const FIRST_DIFFERENCE_MS = 2_000
const RECENT_SAMPLES = 30
const MINUTE_MS = 60_000
export const MONITOR_FILE = 'monitor.db'

export function openMonitor({ dataDir, log, now = Date.now, sampleEveryMs = SAMPLE_EVERY_MS }: MonitorNeeds): Monitor {
  const history = openMetricsHistory(path.join(dataDir, MONITOR_FILE))
  const lease = openMonitorLease(history, now)
  const sampleHost = createHostSampler({ dataDir })
  const ownProcess = openProcessSampler()
  const requests = createRequestMetrics()
  const calls = createFunctionMetrics()
  const sources: { read: MetricsSource; before: Readonly<Record<string, number>> }[] = []
  const listeners: SampleListener[] = []
  const recent: LiveSample[] = []
  let sinceStart: MetricsRecord = EMPTY_RECORD
  let minute: { startMs: number; record: MetricsRecord } | undefined
  let lastAtMs = now()

  function readSources(): Sample {
    const gauges: Record<string, number> = {}
    const counters: Record<string, number> = {}
    for (const source of sources) {
      const told = source.read()
      Object.assign(gauges, told.gauges)
      Object.assign(counters, differences(source.before, told.counters ?? {}))
      source.before = told.counters ?? {}
    }
    return { gauges, counters }
  }

  function remember(sample: LiveSample) {
    recent.push(sample)
    if (recent.length > RECENT_SAMPLES) recent.shift()
    const { routes, functions, counters } = sample.record
    sinceStart = mergeRecords(sinceStart, { ...EMPTY_RECORD, routes, functions, counters })
    const startMs = startOfStep(sample.atMs, MINUTE_MS)
    if (minute && minute.startMs !== startMs) flush()
    const kept = sample.isLeader ? sample.record : withoutHost(sample.record)
    minute = { startMs, record: minute ? mergeRecords(minute.record, kept) : kept }
  }

  function flush() {
    if (!minute) return
    const { startMs, record } = minute
    minute = undefined
    try {
      history.add(startMs, record)
    } catch (error) {
      log.warn({ err: error }, 'metrics of one minute could not be kept')
    }
  }

  async function sample(): Promise<LiveSample> {
    const [host, own, told] = [await sampleHost(), ownProcess.sample(), readSources()]
    const atMs = now()
    const record: MetricsRecord = {
      durationMs: Math.max(1, atMs - lastAtMs),
      gauges: toGauges({ ...host.gauges, ...own.gauges, ...told.gauges, 'http.connections': requests.connections() }),
      counters: { ...host.counters, ...told.counters },
      routes: requests.take(),
      functions: calls.take(),
    }
    lastAtMs = atMs
    const live = { atMs, record, isLeader: lease.holds() }
    remember(live)
    for (const listener of listeners) listener(live)
    return live
  }

  let running: Promise<unknown> = Promise.resolve()
  const timer =
    sampleEveryMs > 0
      ? setInterval(() => {
          running = sample().catch((error: unknown) => log.warn({ err: error }, 'a sample failed'))
        }, sampleEveryMs)
      : undefined
  timer?.unref()
  // Differences need two looks: the first figures are there seconds after the start, not half a minute later.
  const early =
    timer && [0, FIRST_DIFFERENCE_MS].map((delayMs) => setTimeout(() => void sample().catch(() => undefined), delayMs))
  for (const first of early ?? []) first.unref()

  return {
    history,
    observe: (app) => requests.observe(app),
    countCall: (call) => calls.count(call),
    addSource: (read) => void sources.push({ read, before: {} }),
    onSample: (listener) => void listeners.push(listener),
    recent: () => recent,
    sinceStart: () => sinceStart,
    sample,
    async close() {
      clearInterval(timer)
      for (const first of early ?? []) clearTimeout(first)
      await running
      flush()
      ownProcess.close()
      lease.release()
      history.close()
    },
  }
}

/** Another process writes these already; its time counts, ours would stretch the rates. */
function withoutHost({ gauges, counters, routes, functions }: MetricsRecord): MetricsRecord {
  const own = <T>(values: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith('host.')))
  return { durationMs: 0, gauges: own(gauges), counters: own(counters), routes, functions }
}
