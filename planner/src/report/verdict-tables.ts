/** The tables of docs/verdict.md, computed; a test holds the chapter to them. */
import { APP_TYPES, type AppTypeId, type Range } from '../app-types.ts'
import { BUNDLES } from '../catalogue/bundles.ts'
import { SERVICES } from '../catalogue/services.ts'
import { VERDICT_WORDS } from '../flip.ts'
import { PARAMETERS } from '../parameters.ts'
import { plan } from '../plan.ts'
import { formatNumber, formatPercent, type Language, text } from '../text.ts'
import { POPULAR_CLAIMS } from './popular-claims.ts'

export type VerdictTable = 'types' | 'outcomes' | 'claims' | 'bundles' | 'services'

export const VERDICT_TABLES: { readonly [K in VerdictTable]: (lang: Language) => string } = {
  types: typesTable,
  outcomes: outcomesTable,
  claims: claimsTable,
  bundles: bundlesTable,
  services: servicesTable,
}

const DAUS = [1000, 5000, 20_000, 50_000] as const
const OUTCOME_BOX = { cores: 2, memoryGB: 4, mbps: 200, mbpsKind: 'peak', trafficGB: null } as const

const HABIT_NAMES = [
  'sessionsPerUser',
  'requestsPerSession',
  'secondsPerSession',
  'responseKB',
  'imageKBPerSession',
  'writeShare',
  'peakFactor',
] as const

function typesTable(lang: Language): string {
  const head = [text('type', '类型')[lang], ...HABIT_NAMES.map((name) => PARAMETERS[name].name[lang])]
  const rows = Object.entries(APP_TYPES).map(([id, { name, habits }]) => [
    `\`${id}\` ${name[lang]}`,
    ...HABIT_NAMES.map((habit) => rangeWords(habits[habit])),
  ])
  return table(head, rows)
}

const rangeWords = ({ low, usual, high }: Range) =>
  `${formatNumber(usual)} (${formatNumber(low)}–${formatNumber(high)})`

function outcomesTable(lang: Language): string {
  const types: readonly AppTypeId[] = ['showcase', 'tool', 'content', 'shop', 'community', 'realtime', 'saas']
  const head = [text('type', '类型')[lang], ...DAUS.map((dau) => `${text('DAU', '日活')[lang]} ${formatNumber(dau)}`)]
  const rows = types.map((type) => [
    APP_TYPES[type].name[lang],
    ...DAUS.map((dau) => {
      const { peakP50, peakP90 } = plan({ type, dau, images: 'cdn', bundle: OUTCOME_BOX }).demand.requestsPerSecond
      return `${formatNumber(peakP50)} / ${formatNumber(peakP90)}`
    }),
  ])
  return table(head, rows)
}

function claimsTable(lang: Language): string {
  const head = text('claim|verdict|binds first|next|reading', '说法|结论|最先到顶|其次|说明')[lang].split('|')
  const rows = POPULAR_CLAIMS.map(({ claim, input, reading }) => {
    const { verdict, constraints } = plan(input)
    const [first, second] = constraints.map(({ name, utilisation }) => `${name[lang]} ${formatPercent(utilisation)}`)
    return [claim[lang], `**${VERDICT_WORDS[verdict][lang]}**`, first ?? '', second ?? '', reading[lang]]
  })
  return table(head, rows)
}

function bundlesTable(lang: Language): string {
  const head = text('bundle|size|line|traffic|¥ a month|as of|confidence', '套餐|规格|带宽|流量|¥ / 月|日期|可信度')[
    lang
  ].split('|')
  const rows = BUNDLES.filter(({ region, isSuperseded }) => region === 'mainland' && !isSuperseded).map(
    ({ id, cores, memoryGB, mbps, mbpsKind, trafficGB, priceYuanPerMonth, asOf, confidence }) => [
      `\`${id}\``,
      `${cores}C${memoryGB}G`,
      mbps === 'unknown' ? '?' : `${mbps} Mbps${mbpsKind === 'peak' ? text(' peak', ' 峰值')[lang] : ''}`,
      typeof trafficGB === 'number' ? `${trafficGB} GB` : trafficGB === 'unlimited' ? '∞' : '?',
      String(priceYuanPerMonth),
      asOf,
      confidence,
    ],
  )
  return table(head, rows)
}

function servicesTable(lang: Language): string {
  const head = text('service|¥|per|as of|confidence', '服务|¥|单位|日期|可信度')[lang].split('|')
  return table(
    head,
    Object.entries(SERVICES).map(([id, { yuan, per, asOf, confidence }]) => [
      `\`${id}\``,
      String(yuan),
      per,
      asOf,
      confidence,
    ]),
  )
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
