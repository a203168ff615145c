import type { Confidence, SourceId } from './sources.ts'

/** What is bought beside or instead of the light server, by unit. */
export type ServicePrice = {
  readonly yuan: number
  readonly per: string
  readonly asOf: string
  readonly source: SourceId
  readonly confidence: Confidence
  readonly note?: string
}

/** International price lists are in dollars; list prices move more than this rate does. */
export const YUAN_PER_DOLLAR = 7.1

// biome-ignore format: a table keeps its columns
export const SERVICES = {
  trafficOverQuotaMainland: { yuan: 0.8,   per: 'GB',          asOf: '2026-06-15', source: 'tencent-lighthouse-traffic', confidence: 'high', note: 'outbound only; in arrears the instance is stopped' },
  trafficOverQuotaHongKong: { yuan: 1,     per: 'GB',          asOf: '2026-06-15', source: 'tencent-lighthouse-traffic', confidence: 'high' },
  diskSnapshot:             { yuan: 0.1,   per: 'GB month',    asOf: '2023',       source: 'tencent-docs-archive',       confidence: 'medium' },
  objectStorage:            { yuan: 0.118, per: 'GB month',    asOf: '2026-10',    source: 'community-prices',           confidence: 'high' },
  cdnTraffic:               { yuan: 0.21,  per: 'GB',          asOf: '2026-10',    source: 'community-prices',           confidence: 'high', note: 'Alibaba: 0.24' },
  standardServer2c4g:       { yuan: 180,   per: 'month',       asOf: '2026',       source: 'community-prices',           confidence: 'medium' },
  standardServer4c8g:       { yuan: 290,   per: 'month',       asOf: '2026',       source: 'community-prices',           confidence: 'medium' },
  loadBalancer:             { yuan: 15,    per: 'month',       asOf: '2023',       source: 'tencent-clb-billing',        confidence: 'medium', note: 'Alibaba since 2024-12: about 107' },
  loadBalancerAlibaba:      { yuan: 107,   per: 'month',       asOf: '2026',       source: 'alibaba-clb-billing',        confidence: 'high' },
  publicTraffic:            { yuan: 0.8,   per: 'GB',          asOf: '2026-10',    source: 'community-prices',           confidence: 'high' },
  mysqlHa2c4g:              { yuan: 408,   per: 'month',       asOf: '2022',       source: 'tencent-docs-archive',       confidence: 'medium', note: 'US$57.46 on the international list' },
  mysqlHa4c8g:              { yuan: 816,   per: 'month',       asOf: '2022',       source: 'tencent-docs-archive',       confidence: 'medium', note: 'US$114.93 on the international list' },
  mysqlSmall:               { yuan: 135,   per: 'month',       asOf: '2026',       source: 'community-prices',           confidence: 'medium', note: 'Alibaba RDS 1C2G, 50 GB' },
  mysqlServerless:          { yuan: 250,   per: 'CCU month',   asOf: '2026',       source: 'community-prices',           confidence: 'medium', note: 'one CCU always on' },
  redis:                    { yuan: 100,   per: 'GB month',    asOf: '2026-07-20', source: 'community-prices',           confidence: 'low', note: 'from a Singapore price' },
  kubernetesControlPlane:   { yuan: 95,    per: 'month',       asOf: '2026',       source: 'community-prices',           confidence: 'high', note: 'TKE L5; ACK Pro about 460' },
  functionCalls:            { yuan: 0.0133, per: '10,000 calls', asOf: '2026-10',  source: 'community-prices',           confidence: 'high' },
  functionGBSecond:         { yuan: 0.00011108, per: 'GB s',   asOf: '2026-10',    source: 'community-prices',           confidence: 'high' },
  cloudbaseRunCoreHour:     { yuan: 0.055, per: 'core hour',   asOf: '2022',       source: 'tencent-docs-archive',       confidence: 'medium' },
  cloudbaseRunGBHour:       { yuan: 0.032, per: 'GiB hour',    asOf: '2022',       source: 'tencent-docs-archive',       confidence: 'medium' },
  domain:                   { yuan: 6,     per: 'month',       asOf: '2026',       source: 'community-prices',           confidence: 'medium', note: 'about 70 a year' },
} as const satisfies Record<string, ServicePrice>

export type ServiceId = keyof typeof SERVICES

/** CloudBase sells points; the plans differ in how many a month holds. */
export const CLOUDBASE_PLANS = [
  { name: 'personal', yuanPerMonth: 19.9, points: 40_000 },
  { name: 'standard', yuanPerMonth: 199, points: 330_000 },
  { name: 'enterprise', yuanPerMonth: 999, points: 1_500_000 },
] as const

/** Points per unit, 2026-08-30, community record; points beyond the plan cost about ¥1 per 1,000. */
export const CLOUDBASE_POINTS = {
  per10kDatabaseCalls: 200,
  per10kFunctionCalls: 13,
  perGBCdn: 210,
  yuanPer1000: 1,
} as const

/** Fixed monthly bandwidth in a private network, ¥ per Mbps by tier: the price of a line that is really assured. */
export const FIXED_BANDWIDTH_TIERS = [
  { upToMbps: 2, yuanPerMbps: 20 },
  { upToMbps: 5, yuanPerMbps: 25 },
  { upToMbps: Number.POSITIVE_INFINITY, yuanPerMbps: 90 },
] as const

/** ¥ a month for an assured line of so many Mbps on a standard server, mainland. */
export function fixedBandwidthYuan(mbps: number): number {
  let yuan = 0
  let from = 0
  for (const { upToMbps, yuanPerMbps } of FIXED_BANDWIDTH_TIERS) {
    yuan += Math.max(0, Math.min(mbps, upToMbps) - from) * yuanPerMbps
    from = upToMbps
  }
  return yuan
}
