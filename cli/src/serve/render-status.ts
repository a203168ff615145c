/** The overview of the console, drawn with characters. */
import type { Bilingual, Output } from '../command.ts'

export type Reading = {
  readonly resource: string
  readonly used: number
  readonly limit?: number
  readonly unit: 'share' | 'perSecond' | 'mbps' | 'bytes'
  readonly share?: number
  readonly source: string
}
export type Status = {
  readonly version: string
  readonly uptimeMs: number
  readonly facts: { readonly capacitySource: 'measured' | 'reference'; readonly capacityAsOf: string }
  readonly load: readonly Reading[]
  readonly forecast: { readonly quotaEndsAtMs?: number; readonly diskFullAtMs?: number }
  readonly now: {
    readonly requestsPerSecond: number
    readonly errorShare: number
    readonly p50Ms: number | null
    readonly p95Ms: number | null
    readonly p99Ms: number | null
    readonly connections: number
  }
  readonly alarms: readonly { readonly level: string; readonly title: Bilingual; readonly value: string }[]
  readonly advice: readonly { readonly title: Bilingual; readonly text: Bilingual; readonly command?: string }[]
}
export type SlowStatement = {
  readonly collection: string
  readonly sql: string
  readonly count: number
  readonly maxMs: number
  readonly proposedIndex?: string
}

const BAR_CELLS = 24
const WARN_SHARE = 0.7
const BAD_SHARE = 0.85
const MINUTE_MS = 60_000
const LABEL_COLUMNS = 18
const BYTES_PER_GB = 1e9

const NAMES: Record<string, Bilingual> = {
  cpu: { en: 'CPU', zh: 'CPU' },
  requests: { en: 'Requests', zh: '请求量' },
  memory: { en: 'Memory', zh: '内存' },
  line: { en: 'Line out', zh: '出口带宽' },
  quota: { en: 'Traffic, month', zh: '本月流量' },
  disk: { en: 'Disk', zh: '磁盘' },
}

export function renderStatus(status: Status, { lang, color }: Pick<Output, 'lang' | 'color'>): string {
  const say = (words: Bilingual) => words[lang]
  const t = (en: string, zh: string) => (lang === 'zh' ? zh : en)
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[39m` : text)
  const { now, facts } = status

  const gauge = status.load.map((reading) => {
    const { share } = reading
    const tone = share === undefined ? 39 : share >= BAD_SHARE ? 31 : share >= WARN_SHARE ? 33 : 32
    const name = padded(say(NAMES[reading.resource] ?? { en: reading.resource, zh: reading.resource }))
    const percent = share === undefined ? '  – ' : `${Math.round(share * 100)}%`.padStart(4)
    return `  ${name} ${paint(tone, bar(share))} ${percent}  ${amount(reading)}`
  })
  const latency =
    now.p95Ms === null
      ? ''
      : `  p50 ${Math.round(now.p50Ms ?? 0)} · p95 ${Math.round(now.p95Ms)} · p99 ${Math.round(now.p99Ms ?? 0)} ms`
  const alarms = status.alarms.map(
    ({ level, title, value }) => `  ${level === 'page' ? '🔴' : '🟡'} ${say(title)}: ${value}`,
  )
  const advice = status.advice.map(
    ({ title, text, command }) => `  ${say(title)} ${say(text)}${command ? `  → ${command}` : ''}`,
  )
  return [
    `  Sampan ${status.version}  ${t('up', '已运行')} ${Math.floor(status.uptimeMs / MINUTE_MS)} ${t('min', '分钟')}  ${
      facts.capacitySource === 'measured'
        ? t(`against what was measured on ${facts.capacityAsOf}`, `对照 ${facts.capacityAsOf} 实测容量`)
        : t('against reference figures; measure with: sampan bench', '对照参考值；实测请运行：sampan bench')
    }`,
    '',
    ...gauge,
    '',
    `  ${t('Now', '当前')}: ${round(now.requestsPerSecond)}/s${latency}  ${t('failed', '失败')} ${round(now.errorShare * 100)}%  ${t('connections', '连接')} ${Math.round(now.connections)}`,
    '',
    ...(alarms.length ? alarms : [`  🟢 ${t('No alarms', '没有告警')}`]),
    ...forecasts(status, t),
    ...(advice.length ? ['', ...advice] : []),
  ].join('\n')
}

export function renderSlow(statements: readonly SlowStatement[], { lang }: Pick<Output, 'lang'>): string {
  if (statements.length === 0) return lang === 'zh' ? '  没有慢查询' : '  No slow queries'
  return statements
    .map(({ collection, sql, count, maxMs, proposedIndex }) =>
      [
        `  ${collection}  ×${count}  max ${maxMs} ms`,
        `    ${sql}`,
        ...(proposedIndex ? [`    → ${proposedIndex}`] : []),
      ].join('\n'),
    )
    .join('\n')
}

function forecasts({ forecast }: Status, t: (en: string, zh: string) => string): string[] {
  const day = (atMs: number) => new Date(atMs).toISOString().slice(0, 10)
  return [
    forecast.quotaEndsAtMs === undefined
      ? ''
      : `  🟡 ${t(`Traffic quota ends on ${day(forecast.quotaEndsAtMs)}`, `流量包将于 ${day(forecast.quotaEndsAtMs)} 用尽`)}`,
    forecast.diskFullAtMs === undefined
      ? ''
      : `  🟡 ${t(`Disk full on ${day(forecast.diskFullAtMs)}`, `磁盘将于 ${day(forecast.diskFullAtMs)} 用满`)}`,
  ].filter(Boolean)
}

function bar(share: number | undefined): string {
  const filled = Math.round(Math.min(1, Math.max(0, share ?? 0)) * BAR_CELLS)
  return '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
}

function amount({ resource, unit, used, limit, source }: Reading): string {
  if (unit === 'share') return ''
  const show = (value: number) => {
    if (unit === 'bytes') return `${round(value / (resource === 'quota' ? BYTES_PER_GB : 1024 ** 3))} GB`
    return unit === 'mbps' ? `${round(value)} Mbps` : `${round(value)}/s`
  }
  return `${show(used)}${limit === undefined ? '' : ` / ${show(limit)}`}${source === 'reference' ? ' *' : ''}`
}

const round = (value: number) => String(Math.round(value * 10) / 10)

/** Chinese characters take two columns of a terminal. */
function padded(label: string): string {
  const columns = [...label].reduce((sum, character) => sum + (character.charCodeAt(0) > 0xff ? 2 : 1), 0)
  return label + ' '.repeat(Math.max(0, LABEL_COLUMNS - columns))
}
