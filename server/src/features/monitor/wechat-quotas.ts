/** How much of WeChat's daily quotas is used: asked of WeChat itself for the APIs that this server calls most. */
import type { MetricsSource } from './monitor.ts'
import { rememberedSource } from './remembered-source.ts'
import type { WeChatCalls } from './wechat-calls.ts'

export type WeChatQuota = { readonly limit: number; readonly used: number }
/** The answer of `POST /cgi-bin/openapi/quota/get`, as WeChat's client gives it. */
type AskQuota = (apiPath: string) => Promise<{ readonly json?: Record<string, unknown> }>
type Needs = { readonly ask: AskQuota; readonly calls: Pick<WeChatCalls, 'today'>; readonly now: () => number }

export const QUOTA_API = '/cgi-bin/openapi/quota/get'
/** The question has a quota of its own: 10,000 a day. */
const ASK_EVERY_MS = 10 * 60_000
const APIS_ASKED = 10
/** WeChat counts per day; this many calls are no reason to ask. */
const CALLS_MIN = 20

export function createWeChatQuotas({ ask, calls, now }: Needs) {
  let known: ReadonlyMap<string, WeChatQuota> = new Map()

  async function look() {
    const busiest = calls.today().filter(({ api, calls: count }) => api !== QUOTA_API && count >= CALLS_MIN)
    const found = new Map<string, WeChatQuota>()
    for (const { api } of busiest.slice(0, APIS_ASKED)) {
      const quota = await ask(api).then(readQuota, () => undefined) // not every API has one
      if (quota) found.set(api, quota)
    }
    known = found
    return {}
  }
  const askNowAndThen = rememberedSource({ look, everyMs: ASK_EVERY_MS, now })

  return {
    find: (api: string) => known.get(api),
    /** The share of the quota that is used most; 1 if one is used up. */
    source: (): ReturnType<MetricsSource> => {
      askNowAndThen()
      const shares = calls
        .today()
        .map(({ api, isQuotaUsed }) => (isQuotaUsed ? 1 : shareOf(known.get(api))))
        .filter((share) => share !== undefined)
      return { gauges: calls.today().length ? { 'wechat.quotaUsed': Math.max(0, ...shares) } : {} }
    },
  }
}

export type WeChatQuotas = ReturnType<typeof createWeChatQuotas>

const shareOf = (quota: WeChatQuota | undefined) => quota && quota.used / quota.limit

function readQuota({ json }: { readonly json?: Record<string, unknown> }): WeChatQuota | undefined {
  const quota = json?.['quota']
  if (typeof quota !== 'object' || quota === null) return undefined
  const { daily_limit: limit, used } = quota as Record<string, unknown> // safe: an object, its fields are checked
  return typeof limit === 'number' && limit > 0 && typeof used === 'number' ? { limit, used } : undefined
}
