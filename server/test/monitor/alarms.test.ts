import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pino } from 'pino'
import { ALARM_RULES, type AlarmRule } from '../../src/features/monitor/alarm-rules.ts'
import { openAlarmSettings } from '../../src/features/monitor/alarm-settings.ts'
import { nextAlarmState, OK_STATE } from '../../src/features/monitor/alarm-state.ts'
import { openAlarms, startHeartbeat } from '../../src/features/monitor/alarms.ts'
import type { BoxFacts } from '../../src/features/monitor/box-facts.ts'
import { openMetricsHistory } from '../../src/features/monitor/metrics-history.ts'
import {
  EMPTY_RECORD,
  EMPTY_ROUTE,
  LATENCY_BOUNDS_MS,
  latencyBucket,
  type MetricsRecord,
  mergeRecords,
  toGauges,
} from '../../src/features/monitor/metrics-record.ts'
import { openMonitorSettings } from '../../src/features/monitor/monitor-settings.ts'
import { startRobot } from './vendor-robots.ts'

const log = pino({ level: 'silent' })
const START_MS = Date.parse('2026-11-22T12:00:00+08:00')
const MINUTE_MS = 60_000
const SAMPLE_MS = 10_000
const FACTS: BoxFacts = {
  cores: 2,
  memoryBytes: 2e9,
  requestsPerSecond: 700,
  capacitySource: 'reference',
  capacityAsOf: '2026-11',
  lineMbps: 5,
  lineKind: 'fixed',
  trafficGB: 100,
  bundle: undefined,
}
const FORECAST = { monthBytes: 0, monthEndBytes: undefined, quotaEndsAtMs: undefined, diskFullAtMs: undefined }

/** What a rule sees when its value is this: the other way round of `read`. */
const VIEWS: Record<string, (value: number) => object> = {
  cpu: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'host.cpu': value }) } }),
  'cpu-pressure': (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'host.cpuPressure': value }) } }),
  'cpu-steal': (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'host.cpuSteal': value }) } }),
  memory: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'host.memoryAvailable': value }) } }),
  oom: (value) => ({ record: { ...EMPTY_RECORD, counters: { 'host.outOfMemoryKills': value } } }),
  swap: (value) => ({
    record: { ...EMPTY_RECORD, durationMs: MINUTE_MS, counters: { 'host.swapInBytes': value * 60 } },
  }),
  line: (value) => ({
    record: { ...EMPTY_RECORD, durationMs: 8_000, counters: { 'host.networkOutBytes': value * 5e6 } },
  }),
  'quota-forecast': (value) => ({ forecast: { ...FORECAST, monthEndBytes: value * 100e9 } }),
  quota: (value) => ({ forecast: { ...FORECAST, monthBytes: value * 100e9 } }),
  disk: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'host.diskUsed': value }) } }),
  'disk-forecast': (value) => ({ forecast: { ...FORECAST, diskFullAtMs: value * 24 * 3_600_000 } }),
  inodes: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'host.inodesUsed': value }) } }),
  latency: (value) => {
    const latency = new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0)
    latency[latencyBucket(value)] = 100
    return { record: { ...EMPTY_RECORD, routes: { 'GET /': { ...EMPTY_ROUTE, count: 100, latency } } } }
  },
  errors: (value) => ({
    record: { ...EMPTY_RECORD, routes: { 'GET /': { ...EMPTY_ROUTE, count: 10_000, errors: value * 10_000 } } },
  }),
  'event-loop': (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'process.loopDelayP99Ms': value }) } }),
  database: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'database.isDown': value }) } }),
  'database-wait': (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'database.waitMs': value }) } }),
  'database-threads': (value) => ({
    record: { ...EMPTY_RECORD, gauges: toGauges({ 'database.threadsRunning': value * FACTS.cores }) },
  }),
  'slow-queries': (value) => ({
    record: { ...EMPTY_RECORD, durationMs: MINUTE_MS, counters: { 'database.slowQueries': value * 60 } },
  }),
  cache: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'cache.isDown': value }) } }),
  'cache-memory': (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'cache.memoryUsed': value }) } }),
  'cache-evictions': (value) => ({ record: { ...EMPTY_RECORD, counters: { 'cache.evictions': value } } }),
  'wechat-quota': (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'wechat.quotaUsed': value }) } }),
  jobs: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'jobs.deadLetters': value }) } }),
  payments: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'payments.mismatches': value }) } }),
  certificate: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'tls.certificateDaysLeft': value }) } }),
  backup: (value) => ({ record: { ...EMPTY_RECORD, gauges: toGauges({ 'backup.ageHours': value }) } }),
}

function viewOf(rule: AlarmRule, value: number, nowMs: number) {
  const facts = FACTS
  const nowForForecast = rule.id === 'disk-forecast' ? 0 : nowMs
  return { record: EMPTY_RECORD, facts, forecast: FORECAST, ...VIEWS[rule.id]?.(value), nowMs: nowForForecast }
}

/** The same rates, as a part of one minute's record. */
function perMinute(record: MetricsRecord): MetricsRecord {
  const factor = record.durationMs ? MINUTE_MS / record.durationMs : 1
  const counters = Object.entries(record.counters).map(([name, value]) => [name, value * factor] as const)
  return { ...record, durationMs: 0, counters: Object.fromEntries(counters) }
}

/** All signals at once, well beyond their worst threshold or well again. */
function everything(isBad: boolean, nowMs: number) {
  const values = ALARM_RULES.map((rule) => {
    const limit = rule.page ?? rule.warn ?? assert.fail(rule.id)
    const step = rule.unit === 'percent' ? 0.01 : Math.max(1, limit.at * 0.5)
    const bad = rule.bad === 'above' ? limit.at + step : limit.at - step
    const good = rule.bad === 'above' ? Math.max(0, rule.clear.at - step) : rule.clear.at + step
    return viewOf(rule, isBad ? bad : good, nowMs)
  })
  const days = ALARM_RULES.findIndex(({ id }) => id === 'disk-forecast')
  const left = values[days]?.forecast.diskFullAtMs
  return {
    facts: FACTS,
    nowMs,
    record: values
      .map(({ record }) => perMinute(record))
      .reduce(mergeRecords, { ...EMPTY_RECORD, durationMs: MINUTE_MS }),
    forecast: {
      monthBytes: Math.max(...values.map(({ forecast }) => forecast.monthBytes)),
      monthEndBytes: Math.max(...values.map(({ forecast }) => forecast.monthEndBytes ?? 0)),
      quotaEndsAtMs: undefined,
      diskFullAtMs: left === undefined ? undefined : nowMs + left,
    },
  }
}

async function startAlarms(t: TestContext) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-alarms-'))
  const clock = { nowMs: START_MS }
  const now = () => clock.nowMs
  const open = () => {
    const history = openMetricsHistory(path.join(dir, 'm.db'))
    const settings = openMonitorSettings(history)
    const alarmSettings = openAlarmSettings(settings)
    const alarms = openAlarms({ db: history.db, settings, alarmSettings, serverName: () => 'shop', log, now })
    return { alarms, settings: alarmSettings, close: () => history.close() }
  }
  let opened = open()
  t.after(async () => {
    opened.close()
    await rm(dir, { recursive: true, force: true })
  })
  return {
    clock,
    now,
    alarms: () => opened.alarms,
    settings: () => opened.settings,
    restart() {
      opened.close()
      opened = open()
    },
    /** Lets time pass with this value, a sample each ten seconds. */
    async pass(values: Record<string, number>, forMs: number) {
      for (const endMs = clock.nowMs + forMs; clock.nowMs < endMs; ) {
        clock.nowMs += SAMPLE_MS
        const gauges = toGauges(values)
        await opened.alarms.check({
          record: { ...EMPTY_RECORD, gauges },
          facts: FACTS,
          forecast: FORECAST,
          nowMs: clock.nowMs,
        })
      }
    },
  }
}

describe('alarm rules', () => {
  for (const rule of ALARM_RULES) {
    it(`${rule.id}: fires after its time, not before, and resolves only when it is well again`, () => {
      const threshold = rule.page ?? rule.warn
      assert.ok(threshold)
      const step = rule.unit === 'percent' ? 0.01 : Math.max(1, threshold.at * 0.5)
      const bad = rule.bad === 'above' ? threshold.at + step : threshold.at - step
      const good = rule.bad === 'above' ? Math.min(rule.clear.at, rule.clear.at - step / 10) : rule.clear.at + step / 10
      const read = (value: number) => {
        const seen = rule.read(viewOf(rule, value, START_MS))
        assert.ok(seen !== undefined, 'the rule does not read this view')
        return seen
      }
      let state = nextAlarmState(rule, OK_STATE, read(bad), 0).state
      if (threshold.forMs > 0) {
        state = nextAlarmState(rule, state, read(bad), threshold.forMs - 1).state
        assert.notEqual(state.level, rule.page ? 'page' : 'warn')
        const paused = nextAlarmState(rule, state, read(Math.max(0, good)), threshold.forMs - 1).state
        assert.notEqual(
          nextAlarmState(rule, paused, read(bad), threshold.forMs).state.level,
          rule.page ? 'page' : 'warn',
        )
        state = nextAlarmState(rule, state, read(bad), threshold.forMs).state
      }
      assert.equal(state.level, rule.page ? 'page' : 'warn')

      const well = threshold.forMs + 1
      state = nextAlarmState(rule, state, read(Math.max(0, good)), well).state
      if (rule.clear.forMs > 0) assert.notEqual(state.level, 'ok')
      const resolved = nextAlarmState(rule, state, read(Math.max(0, good)), well + rule.clear.forMs)
      assert.equal(resolved.state.level, 'ok')
      assert.equal(resolved.change, 'resolved')
    })
  }

  it('does not flap between the threshold and the clearing value', async (t) => {
    const world = await startAlarms(t)
    await world.pass({ 'host.cpu': 0.9 }, 6 * MINUTE_MS)
    for (let turn = 0; turn < 10; turn += 1) {
      await world.pass({ 'host.cpu': 0.75 }, 8 * MINUTE_MS) // below the alarm, above what clears it
      await world.pass({ 'host.cpu': 0.85 }, 2 * MINUTE_MS)
    }
    assert.deepEqual(
      world
        .alarms()
        .events(10)
        .map(({ change }) => change),
      ['fired'],
    )
  })

  it('says nothing about latency and failures while hardly anybody asks', () => {
    const rule = ALARM_RULES.find(({ id }) => id === 'errors')
    const record = { ...EMPTY_RECORD, routes: { 'GET /': { ...EMPTY_ROUTE, count: 3, errors: 3 } } }
    assert.equal(rule?.read({ record, facts: FACTS, forecast: FORECAST, nowMs: 0 }), undefined)
  })
})

describe('alarms', () => {
  it('sends one message for what happens together, and one when all is well', async (t) => {
    const world = await startAlarms(t)
    const robot = await startRobot(t, 'wecom', world.now)
    world.settings().setChannels([robot.channel])
    const trouble = {
      'host.cpu': 0.95,
      'process.loopDelayP99Ms': 900,
      'host.diskUsed': 0.95,
      'host.memoryAvailable': 0.5,
    }
    await world.pass(trouble, 10 * MINUTE_MS)
    const text = robot.received.map((message) => message.text)
    assert.ok(text[0]?.startsWith('[shop] 🔴'), text[0])
    assert.ok(robot.received.length <= 4, `${robot.received.length} messages`)
    for (const name of ['CPU busy', 'process is blocked', 'Disk nearly full']) {
      assert.equal(text.filter((one) => one.includes(name)).length, name === 'CPU busy' ? 1 : 1, name)
    }
    const before = robot.received.length
    await world.pass(
      { 'host.cpu': 0.1, 'process.loopDelayP99Ms': 5, 'host.diskUsed': 0.3, 'host.memoryAvailable': 0.5 },
      10 * MINUTE_MS,
    )
    const after = robot.received.slice(before)
    assert.equal(after.length, 1)
    assert.equal((after[0]?.text.match(/resolved/g) ?? []).length, 3)
    assert.deepEqual(world.alarms().firing(), [])
  })

  it('drives every threshold over and back: each rule fires once, gets worse at most once, and resolves once', async (t) => {
    const world = await startAlarms(t)
    const robot = await startRobot(t, 'wecom', world.now)
    world.settings().setChannels([robot.channel])
    const pass = async (isBad: boolean, forMs: number) => {
      for (const endMs = world.clock.nowMs + forMs; world.clock.nowMs < endMs; ) {
        world.clock.nowMs += SAMPLE_MS
        await world.alarms().check(everything(isBad, world.clock.nowMs))
      }
    }
    await pass(false, 2 * MINUTE_MS)
    await pass(true, 70 * MINUTE_MS)
    assert.deepEqual(
      world
        .alarms()
        .firing()
        .map(({ rule }) => rule),
      ALARM_RULES.map(({ id }) => id),
    )
    await pass(false, 70 * MINUTE_MS)
    assert.deepEqual(world.alarms().firing(), [])

    const changes = Map.groupBy(world.alarms().events(500), ({ rule }) => rule)
    for (const { id, warn, page } of ALARM_RULES) {
      const seen = (changes.get(id) ?? []).map(({ change }) => change).toReversed()
      const isOne = seen.join() === 'fired,resolved'
      const isTwo = warn && page && seen.join() === 'fired,escalated,resolved'
      assert.ok(isOne || isTwo, `${id}: ${seen.join()}`)
    }
    const lines = robot.received.flatMap(({ text }) => text.split('\n').slice(1))
    const resolved = lines.filter((line) => line.includes('resolved'))
    assert.equal(resolved.length, ALARM_RULES.length, resolved.join('\n'))
    const news = world.alarms().events(500).length
    assert.ok(robot.received.length < news / 2, `${robot.received.length} messages for ${news} changes`)
  })

  it('tells within a minute after the threshold held for its time', async (t) => {
    const world = await startAlarms(t)
    const robot = await startRobot(t, 'wecom', world.now)
    world.settings().setChannels([robot.channel])
    await world.pass({ 'host.cpu': 0.95 }, 6 * MINUTE_MS)
    assert.equal(robot.received.length, 1)
  })

  it('uses the second channel when the first refuses with HTTP 200, or is down', async (t) => {
    const refusals = [
      { errcode: 45009, errmsg: 'api freq out of limit' },
      { errcode: 93000, errmsg: 'x' },
      'down',
    ] as const
    for (const refusal of refusals) {
      const world = await startAlarms(t)
      const first = await startRobot(t, 'wecom', world.now)
      const second = await startRobot(t, 'feishu', world.now)
      first.refuse(refusal)
      world.settings().setChannels([first.channel, second.channel])
      await world.pass({ 'host.cpu': 0.95 }, 7 * MINUTE_MS)
      assert.equal(second.received.length, 1)
      assert.equal(world.alarms().waiting(), 0)
    }
  })

  it('keeps what nobody took, also over a restart, and delivers it once', async (t) => {
    const world = await startAlarms(t)
    const robot = await startRobot(t, 'dingtalk', world.now)
    world.settings().setChannels([robot.channel])
    robot.refuse('down')
    await world.pass({ 'host.cpu': 0.95 }, 7 * MINUTE_MS)
    assert.equal(world.alarms().waiting(), 1)
    world.restart()
    robot.refuse(undefined)
    await world.pass({ 'host.cpu': 0.95 }, 20 * MINUTE_MS)
    assert.equal(robot.received.length, 1)
    assert.equal(world.alarms().waiting(), 0)
    assert.equal(world.alarms().firing()[0]?.rule, 'cpu')
  })

  it('does not fire again after a restart for what fired before', async (t) => {
    const world = await startAlarms(t)
    await world.pass({ 'host.diskUsed': 0.95 }, 2 * MINUTE_MS)
    world.restart()
    await world.pass({ 'host.diskUsed': 0.95 }, 10 * MINUTE_MS)
    assert.equal(world.alarms().events(10).length, 1)
  })

  it('does not count the time in which nobody looked', async (t) => {
    const world = await startAlarms(t)
    await world.pass({ 'host.cpu': 0.95 }, 2 * MINUTE_MS)
    world.clock.nowMs += 30 * MINUTE_MS
    await world.pass({ 'host.cpu': 0.95 }, 2 * MINUTE_MS)
    assert.deepEqual(world.alarms().firing(), [])
  })

  it('sends nothing about a silenced rule, yet shows it', async (t) => {
    const world = await startAlarms(t)
    const robot = await startRobot(t, 'wecom', world.now)
    world.settings().setChannels([robot.channel])
    world.alarms().silence('cpu', START_MS + 60 * MINUTE_MS)
    world.restart()
    await world.pass({ 'host.cpu': 0.95 }, 10 * MINUTE_MS)
    assert.equal(robot.received.length, 0)
    assert.equal(world.alarms().firing()[0]?.rule, 'cpu')
  })

  it('reminds after four hours', async (t) => {
    const world = await startAlarms(t)
    const robot = await startRobot(t, 'wecom', world.now)
    world.settings().setChannels([robot.channel])
    await world.pass({ 'host.cpu': 0.95 }, 4 * 60 * MINUTE_MS + 10 * MINUTE_MS)
    assert.equal(robot.received.length, 2)
  })

  it('stays within the limits of a channel however often it is asked', async (t) => {
    const world = await startAlarms(t)
    const robot = await startRobot(t, 'wecom', world.now)
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => world.alarms().test(robot.channel)))
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 15)
    assert.equal(robot.received.length, 15)
  })

  it('sends a heartbeat to the address outside', async (t) => {
    const world = await startAlarms(t)
    const outside = await startRobot(t, 'webhook', world.now)
    world.settings().setHeartbeatUrl(outside.channel.url)
    const heartbeat = startHeartbeat(world.settings(), log)
    t.after(() => heartbeat.close())
    await heartbeat.beat()
    assert.equal(outside.received.length, 1)
  })
})
