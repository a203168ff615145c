/** The ways to run it, from one light server to a cluster: what each costs and when it is the answer. */
import { type Assessment, assess, fits, type Question, rank, type Verdict } from './assessment.ts'
import { type BoxInput, boxOf } from './box-input.ts'
import { BUNDLES } from './catalogue/bundles.ts'
import {
  cloudbaseCost,
  cloudbaseRunCost,
  functionsCost,
  jobFunctionsCost,
  kubernetesCost,
  lightCost,
  type MonthlyCost,
  standardCost,
  withPart,
} from './costs.ts'
import { featureOf } from './features.ts'
import type { ImagePlace, PlanInput } from './plan-input.ts'
import { type Text, text } from './text.ts'

export type DesignId =
  | 'light'
  | 'light-cdn'
  | 'light-functions'
  | 'standard'
  | 'kubernetes'
  | 'functions'
  | 'cloudbase'
  | 'cloudbase-run'

export type Design = {
  readonly design: DesignId
  readonly title: Text
  /** When this is the answer. */
  readonly reason: Text
  readonly bundle: BoxInput | null
  readonly images: ImagePlace
  /** For designs on one box: what the model says of it. */
  readonly verdict: Verdict | null
  readonly monthlyCost: MonthlyCost
  /** Application servers, nodes or instances. */
  readonly instances: number
}

/** A design on one light server, with the assessment it rests on. */
export type LightDesign = Design & { readonly bundle: BoxInput; readonly assessment: Assessment }

export function lightDesign(question: Question, box: BoxInput, images: ImagePlace | undefined): LightDesign {
  const input = images === undefined ? question.input : { ...question.input, images }
  const assessment = assess({ ...question, input, box })
  const usesCdn = assessment.images === 'cdn' && assessment.estimate.p50.cdnGBPerMonth > 0
  return {
    design: usesCdn ? 'light-cdn' : 'light',
    ...(usesCdn ? TEXTS['light-cdn'] : TEXTS.light),
    bundle: box,
    images: assessment.images,
    verdict: assessment.verdict,
    monthlyCost: lightCost(box, assessment.estimate.p50, usesCdn),
    instances: 1,
    assessment,
  }
}

/** One gigabyte runs Sampan, but leaves nothing for a restore drill or a careless query. */
const LEAST_RECOMMENDED_GB = 2

/** Rows a new customer in mainland China can buy today, whose line is published. */
const onSale = (): BoxInput[] =>
  BUNDLES.filter((row) => row.region === 'mainland' && !row.isSuperseded && row.confidence !== 'low')
    .filter(({ memoryGB }) => memoryGB >= LEAST_RECOMMENDED_GB)
    .flatMap((row) => boxOf(row) ?? [])

/** Every bundle on sale for this load, fitting ones first, then by cost; images where the input has them, or on a CDN. */
export function lightDesigns(question: Question, mayMoveImages: boolean, atLeast?: BoxInput): LightDesign[] {
  const boxes = onSale().filter(
    ({ cores, memoryGB }) => cores >= (atLeast?.cores ?? 0) && memoryGB >= (atLeast?.memoryGB ?? 0),
  )
  const own = atLeast && !boxes.some(({ row }) => row?.id === atLeast.row?.id && row !== undefined) ? [atLeast] : []
  const isMovable = mayMoveImages && question.input.images === 'server'
  return [...own, ...boxes]
    .flatMap((box) => [
      lightDesign(question, box, undefined),
      ...(isMovable ? [lightDesign(question, box, 'cdn')] : []),
    ])
    .sort(
      (a, b) => Number(fits(b.assessment)) - Number(fits(a.assessment)) || a.monthlyCost.total - b.monthlyCost.total,
    )
}

/** The light server keeps the API; the heavy jobs compute elsewhere. Undefined when there are none, or it would not help. */
export function jobsApart(question: Question): LightDesign | undefined {
  const withoutJobs = withoutHeavyWork(question.input)
  if (!withoutJobs) return undefined
  const light = lightDesigns({ ...question, input: withoutJobs }, true).find(({ assessment }) => fits(assessment))
  if (!light) return undefined
  const demand = assess(question).estimate.p50
  return {
    ...light,
    design: 'light-functions',
    ...TEXTS['light-functions'],
    monthlyCost: withPart(light.monthlyCost, 'functions', jobFunctionsCost(demand, MEAN_BELOW_PEAK)),
  }
}

/** Jobs follow people: their mean lies about this far below their peak. */
const MEAN_BELOW_PEAK = 4

function withoutHeavyWork(input: PlanInput): PlanInput | undefined {
  const features = input.features.filter((id) => !featureOf(id).work)
  const { jobsPerSecond, cpuSecondsPerJob: _, ...overrides } = input.overrides
  if (jobsPerSecond === undefined && features.length === input.features.length) return undefined
  return { ...input, features, overrides }
}

/** Everything that is not one light server, for this load. */
export function biggerDesigns(question: Question): Design[] {
  const { estimate } = assess({ ...question, input: { ...question.input, images: 'cdn' } })
  const { p50, demand } = estimate
  const servers = Math.max(2, Math.ceil(demand.cpuCores / CORES_USED_PER_SERVER))
  const instances = Math.max(1, Math.ceil(demand.cpuCores / CORES_USED_PER_INSTANCE))
  const idle = { bundle: null, images: 'cdn', verdict: null } as const
  const designs: Design[] = [
    { design: 'standard', ...TEXTS.standard, ...idle, monthlyCost: standardCost(p50, servers), instances: servers },
    {
      design: 'kubernetes',
      ...TEXTS.kubernetes,
      ...idle,
      monthlyCost: kubernetesCost(p50, servers),
      instances: servers,
    },
    {
      design: 'cloudbase-run',
      ...TEXTS['cloudbase-run'],
      ...idle,
      monthlyCost: cloudbaseRunCost(p50, instances),
      instances,
    },
    { design: 'functions', ...TEXTS.functions, ...idle, monthlyCost: functionsCost(p50), instances: 0 },
    { design: 'cloudbase', ...TEXTS.cloudbase, ...idle, monthlyCost: cloudbaseCost(p50), instances: 0 },
  ]
  return designs
}

/** 60 % of a 4-core server, and of a 1-core container: the line at which autoscaling adds another. */
const CORES_USED_PER_SERVER = 2.4
const CORES_USED_PER_INSTANCE = 0.6

/** Beyond so many servers, replacing and scaling them by hand is the larger cost. */
const MOST_SERVERS_BY_HAND = 4
/** A peak so far above the mean means machines that stand idle all day. */
const SPIKY_RATIO = 20

/** Which of the bigger designs to recommend, and why this one. */
export function chooseBigger(designs: readonly Design[], { estimate }: Assessment, input: PlanInput): Design {
  const { meanRequestsPerSecond, peakRequestsPerSecond } = estimate.demand
  const standard = find(designs, 'standard')
  if (input.features.includes('no-operator')) return find(designs, 'cloudbase-run')
  const isSpiky = peakRequestsPerSecond > SPIKY_RATIO * Math.max(meanRequestsPerSecond, 1)
  return standard.instances > MOST_SERVERS_BY_HAND || (isSpiky && standard.instances > 2)
    ? find(designs, 'kubernetes')
    : standard
}

function find(designs: readonly Design[], id: DesignId): Design {
  const found = designs.find(({ design }) => design === id)
  if (!found) throw new Error(`no design ${id}`)
  return found
}

/** Better verdict first, then cheaper. */
export const byWorth = (a: LightDesign, b: LightDesign) =>
  rank(a.assessment.verdict) - rank(b.assessment.verdict) || a.monthlyCost.total - b.monthlyCost.total

const TEXTS: { readonly [K in DesignId]: { title: Text; reason: Text } } = {
  light: {
    title: text('One light server', '一台轻量服务器'),
    reason: text('The simplest thing that carries the load.', '能承载负载的最简单方案。'),
  },
  'light-cdn': {
    title: text('Light server, images on COS and CDN', '轻量服务器 + COS/CDN 放图片'),
    reason: text('Images leave the line; what remains is small answers.', '图片不占带宽，剩下的只是小响应。'),
  },
  'light-functions': {
    title: text('Light server, heavy jobs in cloud functions', '轻量服务器 + 云函数跑重任务'),
    reason: text('Jobs compute elsewhere and never slow an answer down.', '重任务在别处计算，不拖慢请求。'),
  },
  standard: {
    title: text('Standard servers, load balancer, cloud database, Redis', '标准服务器 + 负载均衡 + 云数据库 + Redis'),
    reason: text('When one machine must be allowed to fail, or is too small.', '允许单机故障，或单机已不够时。'),
  },
  kubernetes: {
    title: text('Kubernetes with autoscaling', 'Kubernetes 自动伸缩'),
    reason: text(
      'For bursts, many releases and a team that knows it; not for a number of users.',
      '为突发、频繁发布和懂它的团队，而不是为日活。',
    ),
  },
  functions: {
    title: text('Cloud functions', '云函数'),
    reason: text('When traffic is rare or very uneven and requests are short.', '流量稀少或极不均匀、请求很短时。'),
  },
  cloudbase: {
    title: text('CloudBase', '云开发'),
    reason: text('When nobody looks after a server; priced by the call.', '无人维护服务器时；按调用计费。'),
  },
  'cloudbase-run': {
    title: text('CloudBase Run', '微信云托管'),
    reason: text(
      'The same container without a server, a domain or an ICP filing.',
      '同一个容器，免服务器、免域名备案。',
    ),
  },
}
