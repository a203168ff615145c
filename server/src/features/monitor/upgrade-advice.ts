/**
 * When to grow, and into what: not an alarm but advice, from a week of history. "Slow but idle" does not lead to a bigger
 * server: the queries and routes are the cause then.
 */
import { BUNDLES, type CatalogueBundle } from '@sampan/planner/catalogue/bundles'
import type { BoxFacts } from './box-facts.ts'
import { type Forecast, megabitsPerSecond } from './load-gauge.ts'
import type { HistoryPoint } from './metrics-history.ts'
import { EMPTY_RECORD, latencyQuantileMs, meanOf, mergeRecords } from './metrics-record.ts'

type Words = { readonly en: string; readonly zh: string }
export type GrowResource = 'cpu' | 'memory' | 'line' | 'quota' | 'disk'
export type Advice = {
  readonly kind: 'grow' | 'tune' | 'fine' | 'learning'
  readonly resource?: GrowResource
  readonly title: Words
  readonly text: Words
  readonly command?: string
  /** The next size and what it costs more a month, when the current one is known. */
  readonly next?: { readonly bundle: CatalogueBundle; readonly extraYuanPerMonth: number | undefined }
}

const DAY_MS = 24 * 3_600_000
const HOUR_MS = 3_600_000
const CHINA_OFFSET_MS = 8 * 3_600_000
const DAYS_NEEDED = 7
const BUSY_SHARE = 0.7
const BUSY_DAYS = 3
const MEMORY_LEFT = 0.15
const SLOW_MS = 1_000
/** A quantile of fewer answers says nothing. */
const ANSWERS_MIN = 50
const DISK_HORIZON_MS = 30 * DAY_MS
const GIGA = 1e9
const SLOW_ROUTES_NAMED = 5
/** More than this share of all bytes are files: then COS is the cheaper answer to a full line. */
const FILES_SHARE = 0.5
const FILE_ROUTE = /^GET \/cloud\//

type Past = {
  /** Tier "five minutes" of the last week, with routes. */
  readonly points: readonly HistoryPoint[]
  readonly facts: BoxFacts
  readonly forecast: Forecast
  readonly nowMs: number
}

export function adviseUpgrade({ points, facts, forecast, nowMs }: Past): Advice[] {
  const daysSeen = points[0] ? (nowMs - points[0].atMs) / DAY_MS : 0
  if (daysSeen < DAYS_NEEDED - 0.5) return [learning(daysSeen)]

  const days = byDay(points)
  const busy = (levelOf: (point: HistoryPoint) => number | undefined) =>
    days.filter((day) => busiestHourP95(day, levelOf) > BUSY_SHARE).length >= BUSY_DAYS
  const saturated: GrowResource[] = []
  if (busy(({ record }) => meanOf(record.gauges['host.cpu']))) saturated.push('cpu')
  if (busy(memoryPressure)) saturated.push('memory')
  if (busy((point) => lineShare(point, facts))) saturated.push('line')
  if (facts.trafficGB && (forecast.monthEndBytes ?? 0) > facts.trafficGB * GIGA) saturated.push('quota')
  if (forecast.diskFullAtMs !== undefined && forecast.diskFullAtMs - nowMs < DISK_HORIZON_MS) saturated.push('disk')

  if (saturated.length)
    return saturated.map((resource) => grow(resource, { facts, files: filesShare(points), why: FULL }))
  const slowDays = days.filter((day) => slowest(day) > SLOW_MS).length
  if (slowDays < BUSY_DAYS) return [fine()]
  const behind = fullWhenSlow(points, facts)
  if (behind.length === 0) return [tune(points)]
  return behind.map((resource) => grow(resource, { facts, files: filesShare(points), why: SLOW_AND_FULL }))
}

const isSlow = ({ total }: HistoryPoint) => (latencyQuantileMs(total, 0.95) ?? 0) > SLOW_MS

/** What was full most of the times at which answers took too long: too few days to be full by itself, yet the reason. */
function fullWhenSlow(points: readonly HistoryPoint[], facts: BoxFacts): GrowResource[] {
  const slow = points.filter((point) => point.total.count >= ANSWERS_MIN && isSlow(point))
  const isReason = (levelOf: (point: HistoryPoint) => number | undefined) =>
    slow.filter((point) => (levelOf(point) ?? 0) > BUSY_SHARE).length > slow.length / 2
  const reasons: [GrowResource, (point: HistoryPoint) => number | undefined][] = [
    ['cpu', ({ record }) => meanOf(record.gauges['host.cpu'])],
    ['memory', memoryPressure],
    ['line', (point) => lineShare(point, facts)],
  ]
  return reasons.filter(([, levelOf]) => isReason(levelOf)).map(([resource]) => resource)
}

/** Full when less than MEMORY_LEFT is available: memory is full or it is not, there is no "busy". */
function memoryPressure({ record }: HistoryPoint) {
  const available = meanOf(record.gauges['host.memoryAvailable'])
  return available === undefined ? undefined : available < MEMORY_LEFT ? 1 : 0
}

const lineShare = ({ record }: HistoryPoint, { lineMbps }: BoxFacts) =>
  lineMbps === undefined
    ? undefined
    : megabitsPerSecond(record.counters['host.networkOutBytes'] ?? 0, record.durationMs) / lineMbps

const dayOf = (atMs: number) => Math.floor((atMs + CHINA_OFFSET_MS) / DAY_MS)

function byDay(points: readonly HistoryPoint[]): HistoryPoint[][] {
  return [...Map.groupBy(points, ({ atMs }) => dayOf(atMs)).values()]
}

/** The 95th percentile of the five-minute means in the hour with the highest one. */
function busiestHourP95(day: readonly HistoryPoint[], levelOf: (point: HistoryPoint) => number | undefined): number {
  const hours = Map.groupBy(day, ({ atMs }) => Math.floor(atMs / HOUR_MS)).values()
  return Math.max(
    0,
    ...[...hours].map((hour) => {
      const values = hour
        .map(levelOf)
        .filter((level) => level !== undefined)
        .toSorted((a, b) => a - b)
      // Of twelve values the highest may be one job's spike; the second highest was reached twice.
      return values[Math.max(0, Math.ceil(values.length * 0.95) - 2)] ?? 0
    }),
  )
}

const slowest = (day: readonly HistoryPoint[]) =>
  Math.max(
    0,
    ...[...Map.groupBy(day, ({ atMs }) => Math.floor(atMs / HOUR_MS)).values()].map((hour) => {
      const { latency } = hour.map(({ total }) => total).reduce<Latencies>(addLatency, { latency: [] })
      // One slow answer at night is no slow hour.
      const answers = latency.reduce((sum, count) => sum + count, 0)
      return answers < ANSWERS_MIN ? 0 : (latencyQuantileMs({ latency }, 0.95) ?? 0)
    }),
  )

type Latencies = { readonly latency: readonly number[] }

function addLatency(a: Latencies, b: Latencies) {
  const length = Math.max(a.latency.length, b.latency.length)
  return { latency: Array.from({ length }, (_, bucket) => (a.latency[bucket] ?? 0) + (b.latency[bucket] ?? 0)) }
}

function filesShare(points: readonly HistoryPoint[]): number {
  const routes = Object.entries(points.map(({ record }) => record).reduce(mergeRecords, EMPTY_RECORD).routes)
  const all = routes.reduce((sum, [, { bytesOut }]) => sum + bytesOut, 0)
  const files = routes.reduce((sum, [name, { bytesOut }]) => sum + (FILE_ROUTE.test(name) ? bytesOut : 0), 0)
  return all > 0 ? files / all : 0
}

const RESOURCES: Record<GrowResource, Words> = {
  cpu: { en: 'CPU', zh: 'CPU' },
  memory: { en: 'memory', zh: '内存' },
  line: { en: 'the line', zh: '出口带宽' },
  quota: { en: 'the traffic quota', zh: '流量包' },
  disk: { en: 'the disk', zh: '磁盘' },
}

const FULL: Words = {
  en: `It was nearly full on at least ${BUSY_DAYS} of the last 7 days.`,
  zh: `过去 7 天至少 ${BUSY_DAYS} 天接近用满。`,
}
const SLOW_AND_FULL: Words = {
  en: `Answers took more than a second on at least ${BUSY_DAYS} days, and this was full while they did.`,
  zh: `至少 ${BUSY_DAYS} 天响应超过 1 秒，且当时该资源已用满。`,
}
type Reason = { readonly facts: BoxFacts; readonly files: number; readonly why: Words }

function grow(resource: GrowResource, { facts, files, why }: Reason): Advice {
  const name = RESOURCES[resource]
  if ((resource === 'line' || resource === 'quota') && files > FILES_SHARE) {
    const percent = Math.round(files * 100)
    return {
      kind: 'grow',
      resource,
      title: { en: `Move images to COS: ${name.en} is full.`, zh: `${name.zh}已满，请将图片移到 COS。` },
      text: {
        en: `${percent}% of what this server sends are files. COS and a CDN cost less than a bigger line.`,
        zh: `本服务器发送的内容有 ${percent}% 是文件，使用 COS 与 CDN 比升级带宽便宜。`,
      },
      command: 'sampan plan --images cdn',
    }
  }
  const bundle = nextBundle(resource, facts)
  const extra = bundle && facts.bundle ? bundle.priceYuanPerMonth - facts.bundle.priceYuanPerMonth : undefined
  const size = bundle && `${bundle.cores}C${bundle.memoryGB}G ${bundle.mbps}M, ¥${bundle.priceYuanPerMonth}`
  return {
    kind: 'grow',
    resource,
    title: { en: `Grow ${name.en}.`, zh: `请扩容${name.zh}。` },
    text: {
      en: `${why.en}${size ? ` Next size: ${size} a month${extra === undefined ? '' : ` (¥${extra} more)`}.` : ' There is no larger light server: see the plan for what comes after.'}`,
      zh: `${why.zh}${size ? `下一档：${size}/月${extra === undefined ? '' : `（多 ¥${extra}）`}。` : '已没有更大的轻量套餐，请在规划页查看后续方案。'}`,
    },
    command: bundle ? `sampan plan --bundle ${bundle.id}` : 'sampan plan',
    ...(bundle && { next: { bundle, extraYuanPerMonth: extra } }),
  }
}

/** The cheapest bundle of the same vendor that has more of it and less of nothing. */
export function nextBundle(resource: GrowResource, facts: BoxFacts): CatalogueBundle | undefined {
  const { bundle } = facts
  const memoryGB = Math.round(facts.memoryBytes / GIGA)
  const now = {
    cores: bundle?.cores ?? facts.cores,
    memoryGB: bundle?.memoryGB ?? memoryGB,
    mbps: amount(bundle?.mbps) ?? facts.lineMbps ?? 0,
    diskGB: amount(bundle?.diskGB) ?? 0,
    trafficGB: facts.trafficGB === null ? Number.POSITIVE_INFINITY : (facts.trafficGB ?? 0),
  }
  const field = ({ cpu: 'cores', memory: 'memoryGB', line: 'mbps', quota: 'trafficGB', disk: 'diskGB' } as const)[
    resource
  ]
  return BUNDLES.filter((row) => {
    if (row.isSuperseded || row.region !== (bundle?.region ?? 'mainland')) return false
    if (bundle && (row.vendor !== bundle.vendor || row.id === bundle.id)) return false
    const offered = {
      cores: row.cores,
      memoryGB: row.memoryGB,
      mbps: amount(row.mbps) ?? 0,
      diskGB: amount(row.diskGB) ?? 0,
      trafficGB: amount(row.trafficGB) ?? 0,
    }
    return offered.cores >= now.cores && offered.memoryGB >= now.memoryGB && offered[field] > now[field]
  }).toSorted((a, b) => a.priceYuanPerMonth - b.priceYuanPerMonth)[0]
}

const amount = (value: number | 'unknown' | 'unlimited' | undefined) =>
  value === 'unlimited' ? Number.POSITIVE_INFINITY : typeof value === 'number' ? value : undefined

function tune(points: readonly HistoryPoint[]): Advice {
  // Only the slow times: over a whole week the idle nights would hide them.
  const slow = points.filter(isSlow)
  const { routes } = slow.map(({ record }) => record).reduce(mergeRecords, EMPTY_RECORD)
  const named = Object.entries(routes)
    .map(([route, record]) => ({ route, p95Ms: latencyQuantileMs(record, 0.95) ?? 0 }))
    .filter(({ p95Ms }) => p95Ms > SLOW_MS / 2)
    .toSorted((a, b) => b.p95Ms - a.p95Ms)
    .slice(0, SLOW_ROUTES_NAMED)
    .map(({ route, p95Ms }) => `${route} (${Math.round(p95Ms)} ms)`)
    .join(', ')
  return {
    kind: 'tune',
    title: { en: 'Slow, yet idle: a bigger server would not help.', zh: '慢但不忙：升级服务器没有帮助。' },
    text: {
      en: `Look at these routes and at the slow queries: ${named}.`,
      zh: `请检查这些接口和慢查询：${named}。`,
    },
    command: 'sampan status --slow',
  }
}

const fine = (): Advice => ({
  kind: 'fine',
  title: { en: 'The size fits.', zh: '当前规格合适。' },
  text: { en: 'Nothing was near its limit in the last 7 days.', zh: '过去 7 天没有资源接近上限。' },
})

const learning = (days: number): Advice => ({
  kind: 'learning',
  title: { en: 'Advice needs a week.', zh: '扩容建议需要一周数据。' },
  text: {
    en: `Watched for ${days < 1 ? 'less than a day' : `${Math.floor(days)} days`} so far; the gauge above is right from the start.`,
    zh: `目前已观察${days < 1 ? '不到一天' : ` ${Math.floor(days)} 天`}；上方仪表从启动起即有效。`,
  },
})
