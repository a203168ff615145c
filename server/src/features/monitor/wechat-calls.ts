/** What was asked of WeChat today, API by API: its quotas are counted per day in China, and 45009 means used up. */
import type { MetricsSource } from './monitor.ts'

/** One attempt, as the client reports it. */
export type WeChatCall = {
  readonly api: string
  readonly durationMs: number
  /** WeChat's code; 0: done; undefined: no usable answer. */
  readonly errcode: number | undefined
}
export type WeChatApiToday = {
  readonly api: string
  readonly calls: number
  readonly failures: number
  readonly slowestMs: number
  /** The last code that was not 0. */
  readonly lastErrcode: number | undefined
  readonly isQuotaUsed: boolean
}

const QUOTA_USED = 45009
const DAY_MS = 24 * 3_600_000
const CHINA_OFFSET_MS = 8 * 3_600_000
/** Paths of WeChat are few; a limit all the same. */
const APIS_MAX = 200

export function createWeChatCalls(now: () => number) {
  let day = dayOf(now())
  let today = new Map<string, WeChatApiToday>()
  const since = { calls: 0, failures: 0, quotaRefusals: 0 }

  function turnDay() {
    if (dayOf(now()) === day) return
    day = dayOf(now())
    today = new Map()
  }

  return {
    add({ api, durationMs, errcode }: WeChatCall) {
      turnDay()
      const isFailure = errcode !== 0
      since.calls += 1
      since.failures += Number(isFailure)
      since.quotaRefusals += Number(errcode === QUOTA_USED)
      const before = today.get(api)
      if (!before && today.size >= APIS_MAX) return
      today.set(api, {
        api,
        calls: (before?.calls ?? 0) + 1,
        failures: (before?.failures ?? 0) + Number(isFailure),
        slowestMs: Math.max(before?.slowestMs ?? 0, Math.round(durationMs)),
        lastErrcode: isFailure ? errcode : before?.lastErrcode,
        isQuotaUsed: errcode === QUOTA_USED || (before?.isQuotaUsed ?? false),
      })
    },
    /** Busiest first. */
    today(): WeChatApiToday[] {
      turnDay()
      return [...today.values()].toSorted((a, b) => b.calls - a.calls)
    },
    source: (): ReturnType<MetricsSource> => ({
      counters: {
        'wechat.calls': since.calls,
        'wechat.failures': since.failures,
        'wechat.quotaRefusals': since.quotaRefusals,
      },
    }),
  }
}

export type WeChatCalls = ReturnType<typeof createWeChatCalls>

const dayOf = (atMs: number) => Math.floor((atMs + CHINA_OFFSET_MS) / DAY_MS)
