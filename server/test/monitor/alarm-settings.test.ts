import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pino } from 'pino'
import { type AlarmNote, openAlarmOutbox } from '../../src/features/monitor/alarm-outbox.ts'
import { ALARM_RULES } from '../../src/features/monitor/alarm-rules.ts'
import {
  type DeclaredAlarms,
  openAlarmSettings,
  toChannel,
  tuneRule,
} from '../../src/features/monitor/alarm-settings.ts'
import { openMetricsHistory } from '../../src/features/monitor/metrics-history.ts'
import { openMonitorSettings } from '../../src/features/monitor/monitor-settings.ts'
import { isQuiet, type QuietHours } from '../../src/features/monitor/quiet-hours.ts'
import { startRobot } from './vendor-robots.ts'

const ROBOT = 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1'
const NIGHT: QuietHours = { from: '23:00', to: '08:00', breaksThrough: 'page' }
const chinaTime = (time: string) => Date.parse(`2026-11-22T${time}+08:00`)
const MINUTE_MS = 60_000

async function openFile(t: TestContext) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'watch-settings-'))
  const history = openMetricsHistory(path.join(dir, 'm.db'))
  t.after(async () => {
    history.close()
    await rm(dir, { recursive: true, force: true })
  })
  return history
}

const openSettings = async (t: TestContext, declared?: DeclaredAlarms) =>
  openAlarmSettings(openMonitorSettings(await openFile(t)), declared)

describe('quiet hours', () => {
  // biome-ignore format: a table keeps its columns
  const CLOCK: [string, string, string, boolean][] = [
    ['23:00', '08:00', '22:59', false],
    ['23:00', '08:00', '23:00', true],
    ['23:00', '08:00', '03:30', true],
    ['23:00', '08:00', '08:00', false],
    ['12:30', '14:00', '13:59', true],
    ['12:30', '14:00', '14:00', false],
    ['08:00', '08:00', '08:00', false],
  ]
  for (const [from, to, at, expected] of CLOCK) {
    it(`${from}–${to}: ${at} in China is ${expected ? 'quiet' : 'not'}`, () => {
      assert.equal(isQuiet({ from, to }, chinaTime(`${at}:00`)), expected)
    })
  }

  const note = (level: AlarmNote['level'], urgency: AlarmNote['urgency'], atMs: number): AlarmNote => ({
    atMs,
    level,
    urgency,
    line: `${level} ${urgency}`,
  })

  async function sleepWith(t: TestContext, hours: QuietHours) {
    const robot = await startRobot(t, 'wecom', () => clock.nowMs)
    const clock = { nowMs: chinaTime('02:00:00') }
    const outbox = openAlarmOutbox({
      db: (await openFile(t)).db,
      channels: () => [robot.channel],
      quietHours: () => hours,
      serverName: () => 'shop',
      log: pino({ level: 'silent' }),
      now: () => clock.nowMs,
    })
    return { robot, clock, outbox }
  }

  it('tells at night what is red and when that ends, and the rest together in the morning', async (t) => {
    const { robot, clock, outbox } = await sleepWith(t, NIGHT)
    for (const [level, urgency] of [
      ['warn', 'warn'],
      ['page', 'page'],
      ['resolved', 'page'],
      ['resolved', 'warn'],
    ] as const) {
      outbox.add(note(level, urgency, clock.nowMs))
    }
    clock.nowMs += MINUTE_MS
    await outbox.flush()
    assert.equal(robot.received.length, 1)
    assert.match(robot.received[0]?.text ?? '', /page page\nresolved page$/)
    assert.equal(outbox.waiting(), 2)

    clock.nowMs = chinaTime('08:00:30')
    await outbox.flush()
    assert.equal(robot.received.length, 2)
    assert.match(robot.received[1]?.text ?? '', /warn warn\nresolved warn$/)
    assert.equal(outbox.waiting(), 0)
  })

  it('tells nothing at all at night when nothing breaks through', async (t) => {
    const { robot, clock, outbox } = await sleepWith(t, { ...NIGHT, breaksThrough: 'nothing' })
    outbox.add(note('page', 'page', clock.nowMs))
    clock.nowMs += MINUTE_MS
    await outbox.flush()
    assert.equal(robot.received.length, 0)
    clock.nowMs = chinaTime('08:00:30')
    await outbox.flush()
    assert.equal(robot.received.length, 1)
  })
})

describe('settings of alarms', () => {
  it('asks the channels of the file first, then those of the console', async (t) => {
    const settings = await openSettings(t, { channels: [{ kind: 'wecom', url: ROBOT }] })
    settings.setChannels([
      toChannel({ kind: 'webhook', url: 'https://own.example' }),
      toChannel({ kind: 'wecom', url: ROBOT }),
    ])
    assert.deepEqual(
      settings.channels().map(({ kind, from }) => [kind, from]),
      [
        ['wecom', 'config'],
        ['webhook', 'console'],
      ],
    )
  })

  it('takes quiet hours, heartbeat and thresholds from the file before the console’s', async (t) => {
    const settings = await openSettings(t, {
      quietHours: NIGHT,
      heartbeat: 'https://up.example/file',
      rules: { cpu: { page: { at: 0.95, forMinutes: 1 } }, swap: 'off' },
    })
    settings.setQuietHours({ from: '01:00', to: '02:00', breaksThrough: 'nothing' })
    settings.setHeartbeatUrl('https://up.example/console')
    settings.setRule('cpu', 'off')
    settings.setRule('latency', { warn: { at: 800, forMinutes: 5 } })
    const rules = new Map(settings.rules().map((rule) => [rule.id, rule]))
    assert.deepEqual(settings.quietHours(), NIGHT)
    assert.equal(settings.heartbeatUrl(), 'https://up.example/file')
    assert.deepEqual(rules.get('cpu')?.page, { at: 0.95, forMs: MINUTE_MS })
    assert.equal(rules.get('cpu')?.isOff, false)
    assert.equal(rules.get('swap')?.isOff, true)
    assert.deepEqual(rules.get('latency')?.warn, { at: 800, forMs: 5 * MINUTE_MS })
    assert.equal(rules.get('latency')?.tunedIn, 'console')
    settings.setRule('latency', undefined)
    assert.equal(settings.rules().find(({ id }) => id === 'latency')?.tunedIn, undefined)
  })

  it('moves the clearing value along with the threshold, so that no rule flaps or stays for ever', () => {
    for (const rule of ALARM_RULES) {
      const low = rule.warn ?? rule.page
      assert.ok(low)
      for (const factor of [0.5, 1, 1.1]) {
        const at = low.at === 0 ? factor : low.at * factor
        const tuned = tuneRule(rule, { [rule.warn ? 'warn' : 'page']: { at, forMinutes: 1 } })
        const isBetter = rule.bad === 'above' ? tuned.clear.at <= at : tuned.clear.at >= at
        assert.ok(isBetter, `${rule.id}: fires at ${at}, clears at ${tuned.clear.at}`)
      }
    }
  })

  it('are documented rule by rule, in both languages', () => {
    for (const page of ['alarms.md', 'alarms.zh-CN.md']) {
      const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), 'utf8')
      const named = [...text.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, id]) => id)
      assert.deepEqual(named.toSorted(), ALARM_RULES.map(({ id }) => id).toSorted(), page)
    }
  })

  it('refuses an address that does not fit the channel, without repeating it', () => {
    for (const input of [
      { kind: 'wecom', url: 'smtps://a%40b.cn@smtp.qq.com?to=secret-name@b.cn' },
      { kind: 'email', url: 'https://mail.example/secret-name' },
    ] as const) {
      assert.throws(
        () => toChannel(input),
        (error: Error) => !error.message.includes('secret-name'),
      )
    }
  })
})
