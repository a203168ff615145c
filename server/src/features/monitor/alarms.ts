/** Watches each sample against the rules, remembers what fires, and tells people. Survives a restart. */
import type { Log } from '../../log.ts'
import type { AlarmChannel } from './alarm-channels.ts'
import { type AlarmOutbox, openAlarmOutbox } from './alarm-outbox.ts'
import { type AlarmRule, type AlarmView, formatAlarmValue } from './alarm-rules.ts'
import type { AlarmSettings, TunedRule } from './alarm-settings.ts'
import { type AlarmChange, type AlarmState, nextAlarmState, OK_STATE } from './alarm-state.ts'
import type { MetricsHistory } from './metrics-history.ts'
import type { MonitorSettings } from './monitor-settings.ts'

/** In the file, not in memory: of several processes one looks, and each may be asked. */
const STATES_SETTING = 'alarm-states'

export type FiringAlarm = {
  readonly rule: string
  readonly level: 'warn' | 'page'
  readonly title: AlarmRule['title']
  readonly advice: AlarmRule['advice']
  readonly value: string
  readonly sinceMs: number
  readonly silencedUntilMs: number | undefined
}
export type AlarmEvent = {
  readonly atMs: number
  readonly rule: string
  readonly change: AlarmChange | 'reminded'
  readonly level: string
  readonly value: string
}

/** Whoever was told and did nothing is told again. */
const REMIND_AFTER_MS = 4 * 3_600_000
const EVENTS_KEPT = 1_000
const HEARTBEAT_EVERY_MS = 60_000
const HEARTBEAT_TIMEOUT_MS = 5_000
/** A pause of the server (a restart, a suspended machine) breaks "without a break". */
const GAP_MS = 90_000

type Needs = {
  readonly db: MetricsHistory['db']
  readonly settings: MonitorSettings
  readonly alarmSettings: AlarmSettings
  readonly serverName: () => string
  readonly log: Log
  readonly now?: () => number
}
type News = { readonly change: AlarmEvent['change']; readonly urgency: 'page' | 'warn' }
type StoredState = AlarmState & { lastSeenMs: number; remindedAtMs: number }

export type Alarms = ReturnType<typeof openAlarms>

export function openAlarms({ db, settings, alarmSettings, serverName, log, now = Date.now }: Needs) {
  db.exec(`
    CREATE TABLE IF NOT EXISTS alarm_silences (rule TEXT NOT NULL PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS alarm_events (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,
      rule TEXT NOT NULL, change TEXT NOT NULL, level TEXT NOT NULL, value TEXT NOT NULL)`)
  const putSilence = db.prepare('INSERT OR REPLACE INTO alarm_silences (rule, until_ms) VALUES (?, ?)')
  const addEvent = db.prepare('INSERT INTO alarm_events (at_ms, rule, change, level, value) VALUES (?, ?, ?, ?, ?)')
  const dropEvents = db.prepare('DELETE FROM alarm_events WHERE id <= ?')
  const listEvents = db.prepare<[number], { at_ms: number } & Omit<AlarmEvent, 'atMs'>>(
    'SELECT at_ms, rule, change, level, value FROM alarm_events ORDER BY id DESC LIMIT ?',
  )
  const findSilence = db.prepare<[string], { until_ms: number }>('SELECT until_ms FROM alarm_silences WHERE rule = ?')
  const { channels, quietHours } = alarmSettings
  const rules = () => alarmSettings.rules().filter(({ isOff }) => !isOff)
  const outbox: AlarmOutbox = openAlarmOutbox({ db, channels, quietHours, serverName, log, now })

  const silencedUntilMs = (rule: string) => {
    const untilMs = findSilence.get(rule)?.until_ms
    return untilMs !== undefined && untilMs > now() ? untilMs : undefined
  }

  function look(rule: AlarmRule, before: StoredState | undefined, view: AlarmView): StoredState | undefined {
    const value = rule.read(view)
    if (value === undefined || !Number.isFinite(value)) return before
    const known = before && view.nowMs - before.lastSeenMs > GAP_MS ? withoutTimers(before) : (before ?? OK_STATE)
    const { state, change } = nextAlarmState(rule, known, value, view.nowMs)
    const isReminder = !change && state.level === 'page' && view.nowMs - remindedAt(before, state) >= REMIND_AFTER_MS
    const urgency = (state.level === 'ok' ? known.level : state.level) === 'page' ? 'page' : 'warn'
    if (change) tell(rule, state, { change, urgency })
    else if (isReminder) tell(rule, state, { change: 'reminded', urgency })
    const remindedAtMs = change || isReminder ? view.nowMs : (before?.remindedAtMs ?? view.nowMs)
    return { ...state, lastSeenMs: view.nowMs, remindedAtMs }
  }

  function tell(rule: AlarmRule, { level, value, sinceMs }: AlarmState, { change, urgency }: News) {
    const shown = formatAlarmValue(rule.unit, value)
    const { lastInsertRowid } = addEvent.run(now(), rule.id, change, level, shown)
    dropEvents.run(Number(lastInsertRowid) - EVENTS_KEPT)
    if (silencedUntilMs(rule.id)) return
    const mark = level === 'page' ? '🔴' : level === 'warn' ? '🟡' : '🟢'
    const words =
      change === 'resolved' ? '已恢复 resolved' : change === 'reminded' ? `仍未恢复 since ${clock(sinceMs)}` : ''
    const advice = change === 'resolved' ? '' : `\n   ${rule.advice.zh}`
    const line = `${mark} ${rule.title.zh} ${rule.title.en}: ${shown} ${words}`.trimEnd() + advice
    outbox.add({ atMs: now(), level: level === 'ok' ? 'resolved' : level, urgency, line })
  }

  return {
    /** One look at everything; then sends what is due. */
    async check(view: AlarmView) {
      const before = readStates(settings)
      const after = rules().map((rule) => [rule.id, look(rule, before[rule.id], view)] as const)
      settings.put(STATES_SETTING, Object.fromEntries(after))
      await outbox.flush()
    },

    firing(): FiringAlarm[] {
      const states = readStates(settings)
      return rules().flatMap((rule) => {
        const state = states[rule.id]
        if (!state || state.level === 'ok') return []
        const { id, title, advice, unit } = rule
        const value = formatAlarmValue(unit, state.value)
        return [
          {
            rule: id,
            title,
            advice,
            value,
            level: state.level,
            sinceMs: state.sinceMs,
            silencedUntilMs: silencedUntilMs(id),
          },
        ]
      })
    },

    /** Every rule with its state, for the table in the console. */
    list() {
      const states = readStates(settings)
      return alarmSettings.rules().map((rule: TunedRule) => {
        const { id, title, advice, unit, bad, warn, page, clear, isOff, tunedIn } = rule
        const state = isOff ? undefined : states[id]
        return {
          id,
          title,
          advice,
          unit,
          bad,
          warn,
          page,
          clear,
          isOff,
          tunedIn,
          level: state?.level ?? 'ok',
          /** A threshold is crossed, but not for long enough yet. */
          isPending: state?.warnSinceMs !== undefined || state?.pageSinceMs !== undefined,
          value: state && formatAlarmValue(unit, state.value),
          sinceMs: state?.sinceMs,
          silencedUntilMs: silencedUntilMs(id),
        }
      })
    },

    events: (limit: number): AlarmEvent[] =>
      listEvents.all(limit).map(({ at_ms, ...rest }) => ({ atMs: at_ms, ...rest })),

    /** Nothing is sent about this rule until then; it is still watched. */
    silence(rule: string, untilMs: number) {
      putSilence.run(rule, untilMs)
    },

    test: (channel: AlarmChannel) => outbox.test(channel),
    waiting: () => outbox.waiting(),
  }
}

/** "I live" to an outside address each minute: a dead server cannot tell that it is dead. */
export function startHeartbeat({ heartbeatUrl }: Pick<AlarmSettings, 'heartbeatUrl'>, log: Log) {
  const beat = async () => {
    const url = heartbeatUrl()
    if (!url) return
    await fetch(url, { signal: AbortSignal.timeout(HEARTBEAT_TIMEOUT_MS) }).catch(() => {
      log.warn({}, 'the heartbeat address could not be reached')
    })
  }
  const timer = setInterval(beat, HEARTBEAT_EVERY_MS)
  timer.unref()
  return { beat, close: () => clearInterval(timer) }
}

const remindedAt = (before: StoredState | undefined, state: AlarmState) => before?.remindedAtMs ?? state.sinceMs

const withoutTimers = (state: AlarmState): AlarmState => ({
  ...state,
  warnSinceMs: undefined,
  pageSinceMs: undefined,
  clearSinceMs: undefined,
})

const clock = (atMs: number) => new Date(atMs + 8 * 3_600_000).toISOString().slice(5, 16).replace('T', ' ')

function readStates(settings: MonitorSettings): Readonly<Record<string, StoredState | undefined>> {
  const stored = settings.find(STATES_SETTING)
  return typeof stored === 'object' && stored !== null ? (stored as Record<string, StoredState>) : {} // safe: `check` wrote it
}
