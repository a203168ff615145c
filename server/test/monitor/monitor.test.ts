import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import fastify from 'fastify'
import { pino } from 'pino'
import { openMetricsHistory, TIERS } from '../../src/features/monitor/metrics-history.ts'
import { EMPTY_RECORD, latencyQuantileMs, toGauges } from '../../src/features/monitor/metrics-record.ts'
import { MONITOR_FILE, openMonitor } from '../../src/features/monitor/monitor.ts'
import { openRegistry } from '../../src/features/monitor/prometheus-metrics.ts'

const log = pino({ level: 'silent' })
const MIDNIGHT_IN_CHINA_MS = Date.parse('2026-11-22T00:00:00+08:00')
const MINUTE_MS = 60_000

async function temporaryDir(t: TestContext) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-monitor-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

describe('metrics history', () => {
  it('keeps minutes for a day, five minutes for a week, hours for a quarter and days for a year', async (t) => {
    const history = openMetricsHistory(path.join(await temporaryDir(t), 'm.db'))
    t.after(() => history.close())
    const record = { ...EMPTY_RECORD, durationMs: MINUTE_MS, counters: { n: 1 } }
    const hours = 400 * 24
    for (let hour = 0; hour < hours; hour += 1) history.add(MIDNIGHT_IN_CHINA_MS + hour * 60 * MINUTE_MS, record)

    const kept = TIERS.map((_, tier) => history.list(tier, 0, Number.MAX_SAFE_INTEGER))
    assert.deepEqual(
      kept.map((points) => points.length),
      [25, 7 * 24 + 1, 90 * 24 + 1, 367],
    )
    assert.equal(kept[3]?.[0]?.record.counters['n'], 24)
  })

  it('starts days at midnight in China', async (t) => {
    const history = openMetricsHistory(path.join(await temporaryDir(t), 'm.db'))
    t.after(() => history.close())
    history.add(MIDNIGHT_IN_CHINA_MS - MINUTE_MS, { ...EMPTY_RECORD, counters: { n: 1 } })
    history.add(MIDNIGHT_IN_CHINA_MS, { ...EMPTY_RECORD, counters: { n: 2 } })
    const days = history.list(3, 0, Number.MAX_SAFE_INTEGER)
    assert.deepEqual(
      days.map(({ atMs, record }) => [atMs, record.counters['n']]),
      [
        [MIDNIGHT_IN_CHINA_MS - 24 * 60 * MINUTE_MS, 1],
        [MIDNIGHT_IN_CHINA_MS, 2],
      ],
    )
  })

  it('adds to the row of a minute that was begun before a restart', async (t) => {
    const file = path.join(await temporaryDir(t), 'm.db')
    for (const value of [0.2, 0.6]) {
      const history = openMetricsHistory(file)
      history.add(MIDNIGHT_IN_CHINA_MS, { ...EMPTY_RECORD, gauges: toGauges({ 'host.cpu': value }) })
      history.close()
    }
    const history = openMetricsHistory(file)
    t.after(() => history.close())
    const [point] = history.list(0, 0, Number.MAX_SAFE_INTEGER)
    assert.deepEqual(point?.record.gauges['host.cpu'], { sum: 0.8, count: 2, max: 0.6 })
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })
})

describe('monitor', () => {
  it('counts answers by route, with unknown addresses on one line', async (t) => {
    const monitor = openMonitor({ dataDir: await temporaryDir(t), log, sampleEveryMs: 0 })
    const app = fastify()
    monitor.observe(app)
    app.get('/things/:id', () => ({ text: 'x'.repeat(1000) }))
    app.get('/broken', () => {
      throw new Error('broken')
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    t.after(async () => {
      await app.close()
      await monitor.close()
    })
    for (const where of ['/things/1', '/things/2', '/broken', '/wp-admin', '/.env'])
      await (await fetch(url + where)).text()

    const { record } = await monitor.sample()
    assert.equal(record.routes['GET /things/:id']?.count, 2)
    assert.ok((record.routes['GET /things/:id']?.bytesOut ?? 0) > 2000)
    assert.equal(record.routes['GET /broken']?.errors, 1)
    assert.equal(record.routes['other']?.refused, 2)
    assert.ok((latencyQuantileMs(record.routes['GET /things/:id'] ?? { latency: [] }, 0.5) ?? 0) > 0)
    assert.deepEqual((await monitor.sample()).record.routes, {})
  })

  it('writes each minute when the next begins, and the last one when it is closed', async (t) => {
    const dataDir = await temporaryDir(t)
    let nowMs = MIDNIGHT_IN_CHINA_MS
    const monitor = openMonitor({ dataDir, log, now: () => nowMs, sampleEveryMs: 0 })
    let commits = 0
    monitor.addSource(() => ({ gauges: { 'database.queuedWrites': 3 }, counters: { 'database.commits': commits } }))
    for (let second = 0; second <= 70; second += 10) {
      nowMs = MIDNIGHT_IN_CHINA_MS + second * 1000
      commits += 5
      await monitor.sample()
    }
    assert.equal(monitor.history.list(0, 0, nowMs + 1).length, 1)
    await monitor.close()

    const history = openMetricsHistory(path.join(dataDir, MONITOR_FILE))
    t.after(() => history.close())
    const points = history.list(0, 0, Number.MAX_SAFE_INTEGER)
    assert.deepEqual(
      points.map(({ record }) => record.counters['database.commits']),
      [25, 10],
    )
    assert.equal(points[0]?.record.gauges['database.queuedWrites']?.max, 3)
  })

  it('tells Prometheus the same figures', async (t) => {
    const monitor = openMonitor({ dataDir: await temporaryDir(t), log, sampleEveryMs: 0 })
    const app = fastify()
    monitor.observe(app)
    app.get('/hello', () => 'hello')
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    t.after(async () => {
      await app.close()
      await monitor.close()
    })
    await (await fetch(`${url}/hello`)).text()
    await monitor.sample()
    const text = await openRegistry(monitor).metrics()
    assert.match(text, /^sampan_http_requests\{route="GET \/hello"\} 1$/m)
    assert.match(text, /^sampan_http_duration_seconds_bucket\{route="GET \/hello",le="\+Inf"\} 1$/m)
    assert.match(text, /^sampan_process_rss_bytes \d+$/m)
  })
})

describe('two processes on one machine', () => {
  it('count the machine once and everybody’s requests', async (t) => {
    const dataDir = await temporaryDir(t)
    let nowMs = MIDNIGHT_IN_CHINA_MS
    const open = () => openMonitor({ dataDir, log, now: () => nowMs, sampleEveryMs: 0 })
    const [first, second] = [open(), open()]
    const leaders: boolean[][] = []
    for (let second10 = 0; second10 < 3; second10 += 1) {
      nowMs += 10_000
      leaders.push([(await first.sample()).isLeader, (await second.sample()).isLeader])
    }
    assert.deepEqual(leaders, [
      [true, false],
      [true, false],
      [true, false],
    ])

    await first.close()
    nowMs += 10_000
    assert.equal((await second.sample()).isLeader, true)
    await second.close()
    const history = openMetricsHistory(path.join(dataDir, MONITOR_FILE))
    t.after(() => history.close())
    const [minute] = history.list(0, 0, Number.MAX_SAFE_INTEGER)
    assert.equal(minute?.record.gauges['host.load1']?.count, 4)
    assert.equal(minute?.record.gauges['process.rssBytes']?.count, 7)
  })

  it('follow a leader that was killed', async (t) => {
    const dataDir = await temporaryDir(t)
    let nowMs = MIDNIGHT_IN_CHINA_MS
    const open = () => openMonitor({ dataDir, log, now: () => nowMs, sampleEveryMs: 0 })
    const [killed, follower] = [open(), open()]
    t.after(() => Promise.all([killed.close(), follower.close()]))
    await killed.sample()
    nowMs += 20_000
    assert.equal((await follower.sample()).isLeader, false)
    nowMs += 20_000
    assert.equal((await follower.sample()).isLeader, true)
  })
})
