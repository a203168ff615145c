/** The phrases that the text report and the page share. */
import type { Verdict } from '../assessment.ts'
import type { Confidence, Provenance } from '../catalogue/sources.ts'
import type { CostPart } from '../costs.ts'
import type { BundleAnswer } from '../plan.ts'
import { formatNumber, type Language, type Text, text } from '../text.ts'

export const VERDICT_SENTENCES: { readonly [K in Verdict]: Text } = {
  enough: text('Yes: this server is enough.', '够用：这台服务器能承载。'),
  'enough-if': text('Yes, if one thing is done first.', '够用，但要先做一件事。'),
  tight: text('Tight: it works until the next busy evening.', '临界：撑得住平时，撑不住下一次高峰。'),
  'not-enough': text('No: this server is not enough.', '不够：这台服务器承载不了。'),
  'not-a-fit': text('Not a light server, and not because of capacity.', '不该用轻量服务器，原因不是容量。'),
}

export const PROVENANCE_WORDS: { readonly [K in Provenance]: Text } = {
  measured: text('measured', '实测'),
  modelled: text('modelled', '模型'),
  guessed: text('guessed', '估计'),
}

export const CONFIDENCE_WORDS: { readonly [K in Confidence]: Text } = {
  high: text('high: this box was measured and the load was counted', '高：本机实测，负载有统计'),
  medium: text('medium: either the box was measured or the load was counted', '中：机器实测或负载统计，二者有其一'),
  low: text(
    'low: defaults only; measure the box and bring WeChat’s statistics',
    '低：全部为默认值；请实测机器并提供微信统计',
  ),
}

export const COST_WORDS: { readonly [K in CostPart]: Text } = {
  server: text('server', '服务器'),
  trafficOverQuota: text('traffic over quota', '超额流量'),
  cdn: text('CDN', 'CDN'),
  objectStorage: text('COS', 'COS'),
  backup: text('backup', '备份'),
  domain: text('domain', '域名'),
  loadBalancer: text('load balancer', '负载均衡'),
  traffic: text('traffic', '公网流量'),
  database: text('database', '数据库'),
  redis: text('Redis', 'Redis'),
  controlPlane: text('control plane', '控制面'),
  functions: text('functions', '云函数'),
  containers: text('containers', '容器'),
  plan: text('CloudBase plan', '云开发套餐'),
}

export function bundleWords({ cores, memoryGB, mbps, mbpsKind, trafficGB }: BundleAnswer, lang: Language): string {
  const size = `${formatNumber(cores)}C${formatNumber(memoryGB)}G`
  const kind = { fixed: text('', ''), peak: text(' peak', '（峰值）') }[mbpsKind][lang]
  const quota =
    trafficGB === null
      ? text('no traffic quota', '不限流量')
      : text(`${formatNumber(trafficGB)} GB a month`, `每月 ${formatNumber(trafficGB)} GB`)
  return `${size} · ${formatNumber(mbps)} Mbps${kind} · ${quota[lang]}`
}

export const perMonth = (yuan: number, lang: Language): string =>
  lang === 'zh' ? `¥${formatNumber(yuan)} / 月` : `¥${formatNumber(yuan)} a month`

const UNITS_ZH: Readonly<Record<string, string>> = {
  cores: '核',
  'GB/month': 'GB / 月',
  'queries/s': '查询 / 秒',
  'commits/s': '次 / 秒',
  'GB in 7 days': 'GB / 7 天',
  zones: '个可用区',
  servers: '台',
  'MLPS level': '级等保',
  operators: '人',
  'filed sites': '个备案',
}

/** Units are part of the JSON and English there. */
export const unitWords = (unit: string, lang: Language): string => (lang === 'zh' ? (UNITS_ZH[unit] ?? unit) : unit)
