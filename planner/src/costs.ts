/** What a design costs a month at list price. Promotions never enter here. */
import type { BoxInput } from './box-input.ts'
import { BUNDLES } from './catalogue/bundles.ts'
import { CLOUDBASE_PLANS, CLOUDBASE_POINTS, fixedBandwidthYuan, SERVICES } from './catalogue/services.ts'
import type { Confidence } from './catalogue/sources.ts'
import type { Demand } from './demand.ts'

export type CostPart =
  | 'server'
  | 'trafficOverQuota'
  | 'cdn'
  | 'objectStorage'
  | 'backup'
  | 'domain'
  | 'loadBalancer'
  | 'traffic'
  | 'database'
  | 'redis'
  | 'controlPlane'
  | 'functions'
  | 'containers'
  | 'plan'

export type MonthlyCost = {
  readonly currency: 'CNY'
  readonly total: number
  readonly parts: { readonly [K in CostPart]?: number }
  /** The least certain price in it. */
  readonly confidence: Confidence
}

/** Pictures kept in object storage by an app of this size; grows slowly and costs ¥0.118 per GB. */
const STORED_IMAGES_GB = 20
const HOURS_PER_MONTH = 730
/** A new bundle's backup: one snapshot of a half-full disk. */
const SNAPSHOT_SHARE = 0.5

export function lightCost(box: BoxInput, demand: Demand, usesCdn: boolean): MonthlyCost {
  const server = priceOf(box)
  const over = box.trafficGB === null ? 0 : Math.max(0, demand.trafficGBPerMonth - box.trafficGB)
  return sum(server.confidence, {
    server: server.yuan,
    trafficOverQuota: over * SERVICES.trafficOverQuotaMainland.yuan,
    ...(usesCdn ? contentCost(demand) : {}),
    backup: box.diskGB * SNAPSHOT_SHARE * SERVICES.diskSnapshot.yuan,
    domain: SERVICES.domain.yuan,
  })
}

/** The heavy jobs as cloud functions, beside a light server: 2 GB for as long as they compute. */
export function jobFunctionsCost(demand: Demand, peakFactor: number): number {
  const meanCores = demand.jobCores / peakFactor
  return meanCores * 2 * HOURS_PER_MONTH * 3600 * SERVICES.functionGBSecond.yuan
}

/** Servers behind a load balancer, with the state in cloud services. */
export function standardCost(demand: Demand, servers: number): MonthlyCost {
  return sum('medium', {
    server: servers * (servers > 2 ? SERVICES.standardServer4c8g.yuan : SERVICES.standardServer2c4g.yuan),
    loadBalancer: SERVICES.loadBalancer.yuan,
    traffic: publicLineYuan(demand),
    database: databaseYuan(demand),
    redis: SERVICES.redis.yuan,
    ...contentCost(demand),
    domain: SERVICES.domain.yuan,
  })
}

export function kubernetesCost(demand: Demand, nodes: number): MonthlyCost {
  return sum('medium', {
    controlPlane: SERVICES.kubernetesControlPlane.yuan,
    server: nodes * SERVICES.standardServer4c8g.yuan,
    loadBalancer: SERVICES.loadBalancer.yuan,
    traffic: publicLineYuan(demand),
    database: databaseYuan(demand),
    redis: SERVICES.redis.yuan,
    ...contentCost(demand),
    domain: SERVICES.domain.yuan,
  })
}

/** Functions for everything: 256 MB for 100 ms a call. */
export function functionsCost(demand: Demand): MonthlyCost {
  const calls = monthlyRequests(demand)
  return sum('medium', {
    functions: (calls / 10_000) * SERVICES.functionCalls.yuan + calls * 0.25 * 0.1 * SERVICES.functionGBSecond.yuan,
    traffic: demand.trafficGBPerMonth * SERVICES.publicTraffic.yuan,
    database: SERVICES.mysqlServerless.yuan,
    ...contentCost(demand),
  })
}

/** Points: one function call and one and a half database calls a request, images through its CDN. */
export function cloudbaseCost(demand: Demand): MonthlyCost {
  const calls = monthlyRequests(demand)
  const gigabytes = demand.trafficGBPerMonth + demand.cdnGBPerMonth
  const points =
    (calls / 10_000) * (CLOUDBASE_POINTS.per10kFunctionCalls + 1.5 * CLOUDBASE_POINTS.per10kDatabaseCalls) +
    gigabytes * CLOUDBASE_POINTS.perGBCdn
  const prices = CLOUDBASE_PLANS.map(
    (plan) => plan.yuanPerMonth + (Math.max(0, points - plan.points) / 1000) * CLOUDBASE_POINTS.yuanPer1000,
  )
  return sum('medium', { plan: Math.min(...prices) })
}

export function cloudbaseRunCost(demand: Demand, instances: number): MonthlyCost {
  const instance = HOURS_PER_MONTH * (SERVICES.cloudbaseRunCoreHour.yuan + 2 * SERVICES.cloudbaseRunGBHour.yuan)
  return sum('medium', {
    containers: instances * instance,
    database: SERVICES.mysqlSmall.yuan,
    traffic: demand.trafficGBPerMonth * SERVICES.publicTraffic.yuan,
    ...contentCost(demand),
  })
}

/** The catalogue's price, or that of the cheapest bundle at least as large, or a rough one by size. */
export function priceOf(box: BoxInput): { yuan: number; confidence: Confidence } {
  if (box.row) return { yuan: box.row.priceYuanPerMonth, confidence: box.row.confidence }
  const larger = BUNDLES.filter(
    ({ region, cores, memoryGB }) => region === 'mainland' && cores >= box.cores && memoryGB >= box.memoryGB,
  ).map((row) => row.priceYuanPerMonth)
  const bySize = 15 * box.cores + 10 * box.memoryGB
  return { yuan: larger.length > 0 ? Math.min(...larger) : bySize, confidence: 'low' }
}

const contentCost = (demand: Demand) => ({
  cdn: demand.cdnGBPerMonth * SERVICES.cdnTraffic.yuan,
  objectStorage: demand.cdnGBPerMonth > 0 ? STORED_IMAGES_GB * SERVICES.objectStorage.yuan : 0,
})

/** By volume or as a fixed line, whichever is cheaper. */
const publicLineYuan = (demand: Demand): number =>
  Math.min(
    demand.trafficGBPerMonth * SERVICES.publicTraffic.yuan,
    fixedBandwidthYuan(Math.max(1, Math.ceil(demand.megabitPerSecond / 0.8))),
  )

const databaseYuan = ({ peakRequestsPerSecond }: Demand): number =>
  peakRequestsPerSecond > 700 ? SERVICES.mysqlHa4c8g.yuan : SERVICES.mysqlHa2c4g.yuan

const monthlyRequests = (demand: Demand): number => demand.meanRequestsPerSecond * 86_400 * 30

function sum(confidence: Confidence, parts: { [K in CostPart]?: number }): MonthlyCost {
  const rounded: { [K in CostPart]?: number } = {}
  let total = 0
  for (const [name, yuan] of Object.entries(parts)) {
    const cents = Math.round(yuan * 100) / 100
    if (cents <= 0) continue
    rounded[name as CostPart] = cents // safe: the keys of `parts`
    total += cents
  }
  return { currency: 'CNY', total: Math.round(total * 100) / 100, parts: rounded, confidence }
}

/** The same cost with one more part; used when work moves elsewhere. */
export const withPart = (cost: MonthlyCost, part: CostPart, yuan: number): MonthlyCost =>
  sum(cost.confidence, { ...cost.parts, [part]: (cost.parts[part] ?? 0) + yuan })
