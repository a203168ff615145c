import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  EMPTY_RECORD,
  EMPTY_ROUTE,
  LATENCY_BOUNDS_MS,
  latencyBucket,
  latencyQuantileMs,
  type MetricsRecord,
  mergeRecords,
  OTHER_ROUTES,
} from '../../src/features/monitor/metrics-record.ts'

const latencyOf = (durations: readonly number[]) => {
  const latency = new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0)
  for (const duration of durations) latency[latencyBucket(duration)] = (latency[latencyBucket(duration)] ?? 0) + 1
  return { latency }
}

/** Objects as the program makes them, not without a prototype. */
const PLAIN = { noNullPrototype: true }

describe('metrics record', () => {
  it('gives the same sum in whatever order records are added', () => {
    const gauge = fc.record({ sum: fc.nat(1000), count: fc.nat(50), max: fc.nat(1000) }, PLAIN)
    const route = fc.record(
      {
        count: fc.nat(100),
        errors: fc.nat(9),
        refused: fc.nat(9),
        bytesOut: fc.nat(1e6),
        latency: fc.array(fc.nat(9), { maxLength: 24 }),
      },
      PLAIN,
    )
    const call = fc.record(
      {
        count: fc.nat(100),
        errors: fc.nat(9),
        latency: fc.array(fc.nat(9), { maxLength: 24 }),
        memoryMaxBytes: fc.nat(1e9),
      },
      PLAIN,
    )
    const names = fc.constantFrom('a', 'b', 'c')
    const record: fc.Arbitrary<MetricsRecord> = fc.record(
      {
        durationMs: fc.nat(60_000),
        gauges: fc.dictionary(names, gauge, PLAIN),
        counters: fc.dictionary(names, fc.nat(1000), PLAIN),
        routes: fc.dictionary(names, route, PLAIN),
        functions: fc.dictionary(names, call, PLAIN),
      },
      PLAIN,
    )
    fc.assert(
      fc.property(record, record, record, (a, b, c) => {
        assert.deepEqual(mergeRecords(mergeRecords(a, b), c), mergeRecords(a, mergeRecords(b, c)))
        assert.deepEqual(mergeRecords(a, b), mergeRecords(b, a))
        assert.deepEqual(mergeRecords(EMPTY_RECORD, a), a)
      }),
    )
  })

  it('finds a quantile within its bucket', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 9_000, noNaN: true }), { minLength: 20, maxLength: 300 }),
        (all) => {
          const sorted = all.toSorted((a, b) => a - b)
          const exact = sorted[Math.ceil(0.95 * sorted.length) - 1] ?? 0
          const found = latencyQuantileMs(latencyOf(all), 0.95) ?? 0
          const bucket = latencyBucket(exact)
          assert.ok(found >= (LATENCY_BOUNDS_MS[bucket - 1] ?? 0) && found <= (LATENCY_BOUNDS_MS[bucket] ?? 0))
        },
      ),
    )
  })

  it('knows no latency without answers', () => {
    assert.equal(latencyQuantileMs(EMPTY_ROUTE, 0.95), undefined)
  })

  it('keeps the busiest routes and loses no count of the others', () => {
    const routes = Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`GET /${n}`, { ...EMPTY_ROUTE, count: n, bytesOut: 10 }]),
    )
    const merged = mergeRecords(EMPTY_RECORD, { ...EMPTY_RECORD, routes })
    assert.equal(Object.keys(merged.routes).length, 60)
    assert.ok(merged.routes['GET /199'])
    const total = Object.values(merged.routes).reduce((sum, { count }) => sum + count, 0)
    assert.equal(total, (199 * 200) / 2)
    assert.equal(merged.routes[OTHER_ROUTES]?.bytesOut, 141 * 10)
  })
})
