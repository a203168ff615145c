import type { Pages } from './pages.ts'
import type { Quotas } from './quotas.ts'
import { Refusal } from './refusal.ts'
import { isRecord, ok, postApi, type Route, textOf } from './route.ts'
import type { SeededRandom } from './seeded-random.ts'

const DAY_SECONDS = 24 * 3600
const VALIDITY_LIMIT_DAYS = 30
const QUERY_LIMIT_CHARS = 1_024
/** Links remembered for the query APIs. */
const LINK_LIMIT = 10_000

type Link = { path: string; query: string; version: string; createdSeconds: number; expiresSeconds: number }

type Needs = { appId: string; quotas: Quotas; pages: Pages; random: SeededRandom; now: () => number }

/** URL schemes, URL links and short links, which open the mini program from elsewhere. */
export function linkApi({ appId, quotas, pages, random, now }: Needs): Route[] {
  const links = new Map<string, Link>()

  const create = (target: Readonly<Record<string, unknown>>, json: Readonly<Record<string, unknown>>, url: string) => {
    quotas.take('linksPerDay')
    const { path = '', query = '', env_version: version = 'release' } = target
    if (typeof path !== 'string' || typeof query !== 'string' || query.length > QUERY_LIMIT_CHARS)
      throw new Refusal(40097)
    if (path) pages.check(path.replace(/^\//, ''))
    const createdSeconds = Math.floor(now() / 1000)
    const expiresSeconds = endOf(json, createdSeconds)
    links.set(url, { path, query, version: String(version), createdSeconds, expiresSeconds })
    if (links.size > LINK_LIMIT) links.delete(links.keys().next().value ?? '')
    return url
  }

  const find = (url: string) => {
    const link = links.get(url)
    if (!link) throw new Refusal(40097)
    const { path, query, version, createdSeconds, expiresSeconds } = link
    return { appid: appId, path, query, create_time: createdSeconds, expire_time: expiresSeconds, env_version: version }
  }

  return [
    postApi('/wxa/generatescheme', ({ json }) => {
      const target = isRecord(json['jump_wxa']) ? json['jump_wxa'] : {}
      return ok({ openlink: create(target, json, `weixin://dl/business/?t=${random.letters(12)}`) })
    }),
    postApi('/wxa/queryscheme', ({ json }) => ok({ scheme_info: find(textOf(json, 'scheme')), scheme_quota: QUOTA })),
    postApi('/wxa/generate_urllink', ({ json }) =>
      ok({ url_link: create(json, json, `https://wxaurl.cn/${random.letters(12)}`) }),
    ),
    postApi('/wxa/query_urllink', ({ json }) =>
      ok({ url_link_info: find(textOf(json, 'url_link')), url_link_quota: QUOTA }),
    ),
    postApi('/wxa/genwxashortlink', ({ json }) => {
      quotas.take('linksPerDay')
      pages.check(textOf(json, 'page_url').replace(/^\//, ''))
      return ok({ link: `#小程序://模拟/${random.letters(15)}` })
    }),
  ]
}

const QUOTA = { long_time_used: 0, long_time_limit: 100_000 }

/** When a link ends. Nothing lives longer than 30 days, whatever older pages say. */
function endOf(json: Readonly<Record<string, unknown>>, nowSeconds: number) {
  const { expire_type: kind = 0, expire_time: at = 0, expire_interval: days = VALIDITY_LIMIT_DAYS } = json
  const end =
    Number(kind) === 1
      ? nowSeconds + Number(days) * DAY_SECONDS
      : Number(at) || nowSeconds + VALIDITY_LIMIT_DAYS * DAY_SECONDS
  const isInTime = end > nowSeconds && end <= nowSeconds + VALIDITY_LIMIT_DAYS * DAY_SECONDS
  if (!isInTime) throw new Refusal(40097, 'invalid args: expire_time')
  return end
}
