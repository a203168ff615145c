/**
 * From values to alarms: ok → warn → page → ok. A pure state machine with hysteresis: a level is reached after its
 * threshold was crossed for its time without a break, and left only when the value was good for a while.
 */
import type { AlarmRule } from './alarm-rules.ts'

export type AlarmLevel = 'ok' | 'warn' | 'page'

export type AlarmState = {
  readonly level: AlarmLevel
  /** When this level began. */
  readonly sinceMs: number
  readonly value: number
  /** Since when each threshold has been crossed without a break. */
  readonly warnSinceMs?: number | undefined
  readonly pageSinceMs?: number | undefined
  readonly clearSinceMs?: number | undefined
}

export type AlarmChange = 'fired' | 'escalated' | 'resolved'
export type AlarmStep = { readonly state: AlarmState; readonly change: AlarmChange | undefined }

export const OK_STATE: AlarmState = { level: 'ok', sinceMs: 0, value: 0 }

/** One look at one value. */
export function nextAlarmState(rule: AlarmRule, state: AlarmState, value: number, nowMs: number): AlarmStep {
  const isWorse = (limit: number) => (rule.bad === 'above' ? value > limit : value < limit)
  const isBetter = (limit: number) => (rule.bad === 'above' ? value <= limit : value >= limit)
  const since = (before: number | undefined, holds: boolean) => (holds ? (before ?? nowMs) : undefined)
  const lasted = (startMs: number | undefined, forMs: number) => startMs !== undefined && nowMs - startMs >= forMs

  const warnSinceMs = since(state.warnSinceMs, rule.warn !== undefined && isWorse(rule.warn.at))
  const pageSinceMs = since(state.pageSinceMs, rule.page !== undefined && isWorse(rule.page.at))
  const clearSinceMs = since(state.clearSinceMs, state.level !== 'ok' && isBetter(rule.clear.at))
  const timers = { value, warnSinceMs, pageSinceMs, clearSinceMs }

  const isPage = rule.page !== undefined && lasted(pageSinceMs, rule.page.forMs)
  const isWarn = rule.warn !== undefined && lasted(warnSinceMs, rule.warn.forMs)
  if (isPage && state.level !== 'page') {
    return { state: { ...timers, level: 'page', sinceMs: nowMs }, change: state.level === 'ok' ? 'fired' : 'escalated' }
  }
  if (isWarn && state.level === 'ok') return { state: { ...timers, level: 'warn', sinceMs: nowMs }, change: 'fired' }
  if (state.level !== 'ok' && lasted(clearSinceMs, rule.clear.forMs)) {
    return { state: { ...timers, level: 'ok', sinceMs: nowMs }, change: 'resolved' }
  }
  return { state: { ...state, ...timers }, change: undefined }
}
