/** A flash sale rehearsed: everybody presses the button within seconds, and there is little to sell. */
import type { SaleDefinition, SaleStatus } from '@sampan/protocol/stock'
import type { LatencySummary } from './latency-histogram.ts'
import type { Arrivals } from './load-plan.ts'
import { type LoadResult, runLoad } from './run-load.ts'

export type FlashSaleFigures = {
  readonly buyers: number
  readonly units: number
  readonly pressSeconds: number
  /** Buyers who were told that they have one. */
  readonly sold: number
  /** Told so beyond what there was, by the answers or by the server's own count. Must be 0. */
  readonly oversold: number
  /** By the server's own count. */
  readonly remaining: number
  readonly soldOut: number
  readonly refused: number
  readonly failed: number
  readonly latency: LatencySummary
  /** With enough for everybody: what this box can sell, each answered one durable. */
  readonly mostPerSecond: number
  readonly mostLatency: LatencySummary
  /** Of that run: answered reservations that the server's own count does not know. Must be 0. */
  readonly lost: number
}

export type FlashSalePlan = {
  readonly url: string
  /** Of the owner, who may define sales and reserve for anybody. */
  readonly ownerToken: string
  readonly buyers: number
  readonly units: number
  /** Time within which they all press. */
  readonly pressMs: number
  readonly durationMs: number
  readonly onStage: (stage: FlashSaleStage) => void
}

export type FlashSaleStage = 'sale' | 'most'

const CONNECTIONS = 2_000
const MOST_CONNECTIONS = 200
const PLENTY = 100_000_000
const TIMEOUT_MS = 10_000
const WARM_UP_MS = 500
const HOUR_MS = 3_600_000
const SOLD_OUT = 'status 409'

export async function measureFlashSale(plan: FlashSalePlan): Promise<FlashSaleFigures> {
  const { buyers, units, pressMs, onStage } = plan
  const run = Date.now().toString(36)
  const rush = `rush-${run}`
  const plenty = `plenty-${run}`
  await putSale(plan, rush, units)
  await putSale(plan, plenty, PLENTY)

  onStage('most')
  const most = await load(plan, plenty, { kind: 'saturate' }, { connections: MOST_CONNECTIONS, ms: plan.durationMs })
  const left = await remainingOf(plan, plenty)

  onStage('sale')
  const perSecond = buyers / (pressMs / 1000)
  const sale = await load(plan, rush, { kind: 'rate', perSecond }, { connections: CONNECTIONS, ms: pressMs })
  const remaining = await remainingOf(plan, rush)
  const soldOut = sale.steps[0]?.problems[SOLD_OUT] ?? 0
  return {
    ...{ buyers: sale.ok + sale.refused + sale.failed, units, pressSeconds: pressMs / 1000 },
    ...{ sold: sale.ok, remaining, soldOut, refused: sale.refused, failed: sale.failed - soldOut },
    oversold: Math.max(0, sale.ok - units, -remaining, sale.ok - (units - remaining)),
    latency: sale.latency,
    mostPerSecond: most.okPerSecond,
    mostLatency: most.latency,
    // Those of the warm-up are sold, too, but not counted here.
    lost: Math.max(0, most.ok - (PLENTY - left)),
  }
}

function load(
  { url, ownerToken }: FlashSalePlan,
  sale: string,
  arrivals: Arrivals,
  { connections, ms }: { connections: number; ms: number },
): Promise<LoadResult> {
  const { hostname: host, port } = new URL(url)
  const step = {
    ...{ name: 'reserve', weight: 1, method: 'POST', path: `/v1/stock/${sale}/reserve`, isAnonymous: true },
    body: { item: 'one', openId: 'buyer-{{unique}}' },
    headers: { authorization: `Bearer ${ownerToken}` },
  }
  return runLoad({
    ...{ host, port: Number(port || 80), steps: [step], users: [], runName: sale, seed: 1, connections, arrivals },
    // Everybody counts in the sale itself.
    ...{ warmUpMs: arrivals.kind === 'rate' ? 0 : WARM_UP_MS, durationMs: ms, timeoutMs: TIMEOUT_MS },
  })
}

async function putSale(plan: FlashSalePlan, sale: string, total: number): Promise<void> {
  const now = Date.now()
  const definition: SaleDefinition = {
    items: [{ id: 'one', total }],
    ...{ startsAtMs: now - HOUR_MS, endsAtMs: now + HOUR_MS, limitPerUser: 1 },
  }
  await ask(plan, sale, { method: 'PUT', body: JSON.stringify(definition) })
}

/** The status may be a second old. */
async function remainingOf(plan: FlashSalePlan, sale: string): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, STATUS_AGE_MS))
  const status = (await (await ask(plan, sale, {})).json()) as SaleStatus // safe: the protocol says so
  return status.items[0]?.remaining ?? Number.NaN
}
const STATUS_AGE_MS = 1_500

async function ask({ url, ownerToken }: FlashSalePlan, sale: string, init: RequestInit): Promise<Response> {
  const headers = { authorization: `Bearer ${ownerToken}`, 'content-type': 'application/json' }
  const answer = await fetch(`${url}/v1/stock/${sale}`, { ...init, headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
  if (!answer.ok) throw new Error(`the sale answered ${answer.status}: ${(await answer.text()).slice(0, 200)}`)
  return answer
}
