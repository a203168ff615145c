/** The monitor with everything that looks at it: alarms, forecast, advice, heartbeat. Opened once, given to the console. */
import type { Log } from '../../log.ts'
import { type AlarmSettings, type DeclaredAlarms, openAlarmSettings } from './alarm-settings.ts'
import { type Alarms, openAlarms, startHeartbeat } from './alarms.ts'
import { type BoxFacts, readBoxFacts } from './box-facts.ts'
import { type Forecast, forecast, monthOf } from './load-gauge.ts'
import { EMPTY_RECORD, type MetricsRecord, mergeRecords } from './metrics-record.ts'
import { type Monitor, openMonitor } from './monitor.ts'
import { type MonitorSettings, openMonitorSettings } from './monitor-settings.ts'
import { type Advice, adviseUpgrade } from './upgrade-advice.ts'

export interface Watch {
  readonly monitor: Monitor
  readonly settings: MonitorSettings
  readonly alarms: Alarms
  readonly alarmSettings: AlarmSettings
  boxFacts(): BoxFacts
  outlook(): Forecast
  advice(): readonly Advice[]
  /** The sum of the last minute's samples. */
  lastMinute(): MetricsRecord
  close(): Promise<void>
}

export type WatchNeeds = {
  readonly dataDir: string
  /** Where `sampan bench` may have left capacity.json, best first. */
  readonly capacityFiles: readonly string[]
  /** What the project's file says about alarms. */
  readonly declaredAlarms?: DeclaredAlarms | undefined
  /** How this server is called in messages. */
  readonly serverName: () => string
  readonly log: Log
  readonly now?: () => number
  /** 0: no timer; a test samples by hand. */
  readonly sampleEveryMs?: number
}

const DAY_MS = 24 * 3_600_000
const LAST_MINUTE_SAMPLES = 6
const FIVE_MINUTES_TIER = 1
const HOURS_TIER = 2
const DAYS_TIER = 3
/** Forecast and facts change slowly and cost a few milliseconds. */
const OUTLOOK_TTL_MS = 60_000
const ADVICE_TTL_MS = 3_600_000

export function openWatch(needs: WatchNeeds): Watch {
  const { log, now = Date.now } = needs
  const monitor = openMonitor(needs)
  const settings = openMonitorSettings(monitor.history)
  const alarmSettings = openAlarmSettings(settings, needs.declaredAlarms)
  const { db } = monitor.history
  const alarms = openAlarms({ db, settings, alarmSettings, serverName: needs.serverName, log, now })
  const heartbeat = startHeartbeat(alarmSettings, log)

  const boxFacts = () => readBoxFacts(settings, needs.capacityFiles)
  const list = (tier: number, fromMs: number, options = {}) => monitor.history.list(tier, fromMs, now() + 1, options)

  const outlook = kept(OUTLOOK_TTL_MS, now, () =>
    forecast(
      { days: list(DAYS_TIER, monthOf(now()).startMs), hours: list(HOURS_TIER, now() - 7 * DAY_MS) },
      boxFacts(),
      now(),
    ),
  )
  const advice = kept(ADVICE_TTL_MS, now, () =>
    adviseUpgrade({
      points: list(FIVE_MINUTES_TIER, now() - 7 * DAY_MS, { withRoutes: true }),
      facts: boxFacts(),
      forecast: outlook(),
      nowMs: now(),
    }),
  )
  const lastMinute = () =>
    monitor
      .recent()
      .slice(-LAST_MINUTE_SAMPLES)
      .map(({ record }) => record)
      .reduce(mergeRecords, EMPTY_RECORD)

  let checking: Promise<unknown> = Promise.resolve()
  let isChecking = false
  monitor.onSample(({ isLeader }) => {
    if (isChecking || !isLeader) return // a robot that hangs must not pile up checks
    isChecking = true
    const view = { record: lastMinute(), facts: boxFacts(), forecast: outlook(), nowMs: now() }
    checking = alarms
      .check(view)
      .catch((error: unknown) => log.warn({ err: error }, 'alarms could not be checked'))
      .finally(() => {
        isChecking = false
      })
  })

  return {
    monitor,
    settings,
    alarms,
    alarmSettings,
    boxFacts,
    outlook,
    advice,
    lastMinute,
    async close() {
      heartbeat.close()
      await checking
      await monitor.close()
    },
  }
}

/** Computes again only after this time. */
function kept<T>(ttlMs: number, now: () => number, compute: () => T): () => T {
  let last: { atMs: number; value: T } | undefined
  return () => {
    if (!last || now() - last.atMs >= ttlMs) last = { atMs: now(), value: compute() }
    return last.value
  }
}
