import { type Errcode, Refusal } from './refusal.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** WeChat's day begins at midnight in Beijing. */
const BEIJING_OFFSET_MS = 8 * 60 * MINUTE_MS
/** Counters kept at once: enough for 100,000 users who log in within the same minute. */
const COUNTER_LIMIT = 200_000

type Quota = { readonly limit: number; readonly windowMs: number; readonly errcode: Errcode }

/** WeChat's quotas, as documented; a test makes one small to see what happens when it runs out. */
// biome-ignore format: a table keeps its columns
export const QUOTAS = {
  loginPerUser:       { limit: 100,       windowMs: MINUTE_MS, errcode: 45011 },
  token:              { limit: 2_000,     windowMs: DAY_MS,    errcode: 45009 },
  stableTokenMinute:  { limit: 10_000,    windowMs: MINUTE_MS, errcode: 45011 },
  stableTokenDay:     { limit: 500_000,   windowMs: DAY_MS,    errcode: 45009 },
  stableTokenForced:  { limit: 20,        windowMs: DAY_MS,    errcode: 45009 },
  textCheckMinute:    { limit: 4_000,     windowMs: MINUTE_MS, errcode: 45009 },
  textCheckDay:       { limit: 2_000_000, windowMs: DAY_MS,    errcode: 45009 },
  mediaCheckMinute:   { limit: 2_000,     windowMs: MINUTE_MS, errcode: 45009 },
  mediaCheckDay:      { limit: 200_000,   windowMs: DAY_MS,    errcode: 45009 },
  codeImageMinute:    { limit: 5_000,     windowMs: MINUTE_MS, errcode: 45009 },
  limitedCodeImages:  { limit: 100_000,   windowMs: Infinity,  errcode: 45029 },
  linksPerDay:        { limit: 500_000,   windowMs: DAY_MS,    errcode: 45009 },
  payCreateSecond:    { limit: 500,       windowMs: 1_000,     errcode: 45011 },
  messagesPerDay:     { limit: 3_000_000, windowMs: DAY_MS,    errcode: 45009 },
} as const satisfies Record<string, Quota>

export type QuotaName = keyof typeof QUOTAS

export type Quotas = {
  /** Counts one use. @throws {Refusal} when the quota of this window is used up */
  take(name: QuotaName, subject?: string): void
}

export function openQuotas(now: () => number, overrides: Partial<Record<QuotaName, number>> = {}): Quotas {
  const counters = new Map<string, { window: number; used: number }>()

  return {
    take(name, subject = '') {
      const { windowMs, errcode } = QUOTAS[name]
      const limit = overrides[name] ?? QUOTAS[name].limit
      const window = Math.floor((now() + BEIJING_OFFSET_MS) / windowMs)
      const key = `${name}:${subject}`
      const counter = counters.get(key)
      const used = counter?.window === window ? counter.used : 0
      if (used >= limit) throw new Refusal(errcode)

      counters.delete(key) // re-inserted at the end, so that the oldest counter is the first one
      counters.set(key, { window, used: used + 1 })
      if (counters.size > COUNTER_LIMIT) counters.delete(counters.keys().next().value ?? '')
    },
  }
}
