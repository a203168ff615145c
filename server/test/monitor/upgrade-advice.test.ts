import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BUNDLES } from '@sampan/planner/catalogue/bundles'
import type { BoxFacts } from '../../src/features/monitor/box-facts.ts'
import type { HistoryPoint } from '../../src/features/monitor/metrics-history.ts'
import {
  EMPTY_RECORD,
  EMPTY_ROUTE,
  LATENCY_BOUNDS_MS,
  latencyBucket,
  toGauges,
} from '../../src/features/monitor/metrics-record.ts'
import { adviseUpgrade, nextBundle } from '../../src/features/monitor/upgrade-advice.ts'

const NOW_MS = Date.parse('2026-11-22T00:00:00+08:00')
const STEP_MS = 300_000
const DAY_MS = 24 * 3_600_000
const bundle = BUNDLES.find(
  (row) => row.vendor === 'tencent' && row.cores === 2 && row.memoryGB === 2 && !row.isSuperseded,
)
const FACTS: BoxFacts = {
  cores: 2,
  memoryBytes: 2e9,
  requestsPerSecond: 700,
  capacitySource: 'measured',
  capacityAsOf: '2026-11',
  lineMbps: 5,
  lineKind: 'fixed',
  trafficGB: 100,
  bundle,
}
const FORECAST = { monthBytes: 0, monthEndBytes: 10e9, quotaEndsAtMs: undefined, diskFullAtMs: undefined }

type Load = { cpu?: number; memory?: number; mbps?: number; p95Ms?: number; fileBytes?: number }

/** A week of five-minute rows: `busy` from 20 to 21 o'clock on the given days, idle otherwise. */
function week(busyDays: number, busy: Load, days = 7): HistoryPoint[] {
  return Array.from({ length: (days * DAY_MS) / STEP_MS }, (_, step) => {
    const atMs = NOW_MS - days * DAY_MS + step * STEP_MS
    const day = Math.floor((step * STEP_MS) / DAY_MS)
    const isBusy = day < busyDays && Math.floor((step * STEP_MS) / 3_600_000) % 24 === 20
    const load = isBusy ? busy : {}
    const latency = new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0)
    latency[latencyBucket(load.p95Ms ?? 20)] = 500
    const route = { ...EMPTY_ROUTE, count: 500, latency, bytesOut: 1_000 }
    const record = {
      ...EMPTY_RECORD,
      durationMs: STEP_MS,
      gauges: toGauges({ 'host.cpu': load.cpu ?? 0.1, 'host.memoryAvailable': load.memory ?? 0.5 }),
      counters: { 'host.networkOutBytes': ((load.mbps ?? 0.1) * 1e6 * 300) / 8 },
      routes: {
        'POST /v1/documents/find': route,
        'GET /cloud/*': { ...EMPTY_ROUTE, count: 1, bytesOut: load.fileBytes ?? 0 },
      },
    }
    return { atMs, record, total: route }
  })
}

const advise = (points: HistoryPoint[], forecast = FORECAST) =>
  adviseUpgrade({ points, facts: FACTS, forecast, nowMs: NOW_MS })

describe('upgrade advice', () => {
  it('waits for a week of history', () => {
    assert.equal(advise(week(3, { cpu: 0.99 }, 3))[0]?.kind, 'learning')
    assert.equal(advise([])[0]?.kind, 'learning')
  })

  it('names the resource, the next size and its price when CPU was busy on three days', () => {
    const [advice, ...more] = advise(week(3, { cpu: 0.8 }))
    assert.deepEqual([advice?.kind, advice?.resource, more.length], ['grow', 'cpu', 0])
    assert.ok((advice?.next?.bundle.cores ?? 0) > 2)
    assert.equal(advice?.next?.bundle.vendor, 'tencent')
    assert.ok((advice?.next?.extraYuanPerMonth ?? 0) > 0)
    assert.match(advice?.text.zh ?? '', /¥/)
  })

  it('is silent about two busy days', () => {
    assert.equal(advise(week(2, { cpu: 0.99 }))[0]?.kind, 'fine')
  })

  it('leads to the routes when answers are slow and nothing is full', () => {
    const [advice] = advise(week(4, { p95Ms: 3_000 }))
    assert.equal(advice?.kind, 'tune')
    assert.match(advice?.text.en ?? '', /POST \/v1\/documents\/find/)
  })

  it('does not blame the routes when a resource is full as well', () => {
    assert.deepEqual(
      advise(week(4, { p95Ms: 3_000, cpu: 0.9 })).map(({ resource }) => resource),
      ['cpu'],
    )
  })

  it('blames the resource that was full whenever answers were slow, even on too few days to be full by itself', () => {
    const two = week(2, { p95Ms: 3_000, cpu: 0.95 })
    const third = week(3, { p95Ms: 3_000 })
    const dayOf = (point: HistoryPoint) => Math.floor((point.atMs - (NOW_MS - 7 * DAY_MS)) / DAY_MS)
    const mixed = two.map((point, index) => (dayOf(point) === 2 ? (third[index] ?? point) : point))
    const [advice] = advise(mixed)
    assert.deepEqual([advice?.kind, advice?.resource], ['grow', 'cpu'])
    assert.match(advice?.text.en ?? '', /more than a second/)
  })

  it('takes no single slow answer of the night for a slow hour', () => {
    const quiet = week(5, { p95Ms: 3_000 }).map((point) => {
      const latency = point.total.latency.map((count) => (count > 0 ? 1 : 0))
      const total = { ...point.total, latency, count: 1 }
      return { ...point, total, record: { ...point.record, routes: { 'GET /': total } } }
    })
    assert.equal(advise(quiet)[0]?.kind, 'fine')
  })

  it('advises object storage, not a bigger line, when files fill it', () => {
    const [advice] = advise(week(5, { mbps: 4.8, fileBytes: 1e9 }))
    assert.equal(advice?.resource, 'line')
    assert.match(advice?.title.en ?? '', /COS/)
    assert.equal(advice?.next, undefined)
  })

  it('sees memory, quota and disk', () => {
    assert.equal(advise(week(4, { memory: 0.05 }))[0]?.resource, 'memory')
    assert.equal(advise(week(0, {}), { ...FORECAST, monthEndBytes: 120e9 })[0]?.resource, 'quota')
    const full = { ...FORECAST, diskFullAtMs: NOW_MS + 10 * DAY_MS }
    assert.equal(
      adviseUpgrade({ points: week(0, {}), facts: FACTS, forecast: full as never, nowMs: NOW_MS })[0]?.resource,
      'disk',
    )
  })

  it('never proposes a bundle with fewer cores or less memory', () => {
    for (const resource of ['cpu', 'memory', 'line', 'quota', 'disk'] as const) {
      for (const row of BUNDLES) {
        const next = nextBundle(resource, { ...FACTS, bundle: row })
        assert.ok(!next || (next.cores >= row.cores && next.memoryGB >= row.memoryGB && next.id !== row.id))
      }
    }
  })
})
