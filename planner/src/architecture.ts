/** The recommended design as a graph: components with sizes and prices, who talks to whom, and what binds first. */
import type { Box, BoxInput } from './box-input.ts'
import type { Constraint, Resource } from './constraints.ts'
import type { Design } from './designs.ts'
import type { DatabaseChoice, PlanInput } from './plan-input.ts'
import { formatNumber, formatPercent, type Text, text } from './text.ts'

export type NodeKind = 'client' | 'edge' | 'compute' | 'data' | 'storage' | 'service'

export type ArchitectureNode = {
  readonly id: string
  readonly kind: NodeKind
  readonly label: Text
  /** Size, number or purpose; one short line. */
  readonly detail: Text
  readonly yuanPerMonth: number | null
  readonly group: string | null
  readonly isBinding: boolean
}

export type ArchitectureGroup = {
  readonly id: string
  readonly label: Text
  readonly yuanPerMonth: number | null
  readonly isBinding: boolean
}
export type ArchitectureEdge = { readonly from: string; readonly to: string; readonly label: Text | null }

/** What binds first in this design; the share is known for designs on one box. */
export type ArchitectureBinding = {
  readonly resource: Resource
  readonly utilisation: number | null
  /** What to write on the marked component. */
  readonly label: Text
}

export type Architecture = {
  readonly binding: ArchitectureBinding
  readonly groups: readonly ArchitectureGroup[]
  readonly nodes: readonly ArchitectureNode[]
  readonly edges: readonly ArchitectureEdge[]
}

/** Which component a resource belongs to. */
const COMPONENT_OF: { readonly [K in Resource]: string } = {
  cpu: 'server',
  memory: 'server',
  bandwidth: 'nginx',
  traffic: 'nginx',
  connections: 'nginx',
  disk: 'database',
  database: 'database',
  writes: 'database',
  requirement: 'box',
}

export function architectureOf(design: Design, input: PlanInput, constraint: Constraint): Architecture {
  const build = new Build(bindingIn(design, constraint))
  const holdsSockets =
    input.type === 'realtime' || input.features.includes('im') || input.overrides.connections !== undefined
  build.node('phone', 'client', text('Mini program', '微信小程序'), text('wx.request, uploads', 'wx.request、上传'))

  if (design.design === 'functions') drawFunctions(build, design)
  else if (design.design === 'cloudbase') drawCloudbase(build, design)
  else if (design.bundle) drawLight(build, design, design.bundle, input)
  else drawSeveral(build, design)

  const door = build.has('nginx') ? 'nginx' : 'gateway'
  build.edge('phone', door, holdsSockets ? text('HTTPS, WebSocket', 'HTTPS、WebSocket') : text('HTTPS', 'HTTPS'))
  drawContent(build, design)
  const caller = build.has('server') ? 'server' : 'gateway'
  build.node('wechat', 'service', text('WeChat', '微信服务端'), wechatDetail(input))
  build.edge(caller, 'wechat', null)
  return build.done()
}

/** On one box the share is known. A bigger design was chosen because of the constraint; it no longer binds there. */
function bindingIn({ bundle }: Design, { resource, utilisation, name }: Constraint): ArchitectureBinding {
  if (bundle) {
    const share = formatPercent(utilisation)
    const label = text(`binds first: ${name.en} ${share}`, `最先到顶：${name.zh} ${share}`)
    return { resource, utilisation, label }
  }
  const label = resource === 'requirement' ? name : text(`was the limit: ${name.en}`, `原瓶颈：${name.zh}`)
  return { resource, utilisation: null, label }
}

function drawLight(build: Build, { monthlyCost, design, images }: Design, box: BoxInput, input: PlanInput): void {
  const line = `${formatNumber(box.mbps)} Mbps`
  const peak = box.mbpsKind === 'peak' ? text(' peak', '（峰值）') : text('', '')
  const size = `${formatNumber(box.cores)}C${formatNumber(box.memoryGB)}G`
  build.group('box', text(`Light server ${size}`, `轻量服务器 ${size}`), monthlyCost.parts.server ?? null)
  build.node(
    'nginx',
    'edge',
    text('nginx', 'nginx'),
    text(`TLS · ${line}${peak.en}`, `TLS · ${line}${peak.zh}`),
    null,
    'box',
  )
  const processes = processesFor(box, input.database)
  build.node(
    'server',
    'compute',
    text('Sampan', 'Sampan'),
    processes > 1
      ? text(`${processes} processes`, `${processes} 个进程`)
      : text('1 process, 1 standby', '1 个进程 + 备用'),
    null,
    'box',
  )
  build.edge('nginx', 'server', null)
  build.node('database', 'data', DATABASE_NAMES[input.database], databaseDetail(input, images), null, 'box')
  build.edge('server', 'database', null)
  if (processes > 1) {
    build.node('redis', 'data', text('Redis', 'Redis'), text('cache, limits', '缓存、限流'), null, 'box')
    build.edge('server', 'redis', null)
  }
  const jobs = monthlyCost.parts.functions ?? null
  if (design === 'light-functions') {
    build.node('jobs', 'service', text('Cloud functions', '云函数'), text('heavy jobs', '重任务'), jobs)
    build.edge('server', 'jobs', text('jobs', '任务'))
  } else if (input.features.includes('functions') || input.features.includes('cron')) {
    build.node(
      'workers',
      'compute',
      text('Function workers', '云函数进程'),
      text('your cloudfunctions/', '你的 cloudfunctions/'),
      null,
      'box',
    )
    build.edge('server', 'workers', null)
  }
  build.node(
    'backup',
    'storage',
    text('Backups', '备份'),
    text('COS, another bucket', 'COS 另一存储桶'),
    monthlyCost.parts.backup ?? null,
  )
  build.edge('database', 'backup', text('nightly', '每晚'))
}

function drawSeveral(build: Build, { design, monthlyCost, instances }: Design): void {
  const { parts } = monthlyCost
  const isCluster = design === 'kubernetes'
  const isContainer = design === 'cloudbase-run'
  const group = isCluster
    ? text('Kubernetes (TKE), two zones', 'Kubernetes（TKE），双可用区')
    : isContainer
      ? text('CloudBase Run', '微信云托管')
      : text('Private network, two zones', '私有网络，双可用区')
  build.group('box', group, parts.controlPlane ?? null)
  build.node(
    'gateway',
    'edge',
    isContainer ? text('Gateway', '网关') : text('Load balancer', '负载均衡'),
    text('TLS', 'TLS'),
    parts.loadBalancer ?? null,
  )
  const unit = isCluster
    ? text(`${instances} nodes 4C8G, HPA`, `${instances} 个 4C8G 节点，HPA`)
    : isContainer
      ? text(`${instances} × 1C2G`, `${instances} × 1C2G`)
      : text(`${instances} servers`, `${instances} 台服务器`)
  build.node('server', 'compute', text('Sampan', 'Sampan'), unit, parts.server ?? parts.containers ?? null, 'box')
  build.edge('gateway', 'server', null)
  build.node(
    'database',
    'data',
    text('Cloud MySQL', '云数据库 MySQL'),
    text(isContainer ? '1C2G' : 'HA, 2C4G', isContainer ? '1C2G' : '高可用 2C4G'),
    parts.database ?? null,
    isContainer ? null : 'box',
  )
  build.edge('server', 'database', null)
  if (parts.redis !== undefined) {
    build.node(
      'redis',
      'data',
      text('Redis', 'Redis'),
      text('cache, limits, pub/sub', '缓存、限流、广播'),
      parts.redis,
      'box',
    )
    build.edge('server', 'redis', null)
  }
}

function drawFunctions(build: Build, { monthlyCost: { parts } }: Design): void {
  build.node('gateway', 'edge', text('Function URL', '函数 URL'), text('HTTPS', 'HTTPS'))
  build.node(
    'server',
    'compute',
    text('Web function', 'Web 函数'),
    text('scales to zero', '可缩到零'),
    parts.functions ?? null,
  )
  build.edge('gateway', 'server', null)
  build.node(
    'database',
    'data',
    text('TDSQL-C serverless', 'TDSQL-C Serverless'),
    text('1 CCU', '1 CCU'),
    parts.database ?? null,
  )
  build.edge('server', 'database', null)
}

function drawCloudbase(build: Build, { monthlyCost: { parts } }: Design): void {
  build.node(
    'gateway',
    'service',
    text('CloudBase', '云开发'),
    text('functions, database, storage', '云函数、数据库、存储'),
    parts.plan ?? null,
  )
}

function drawContent(build: Build, { monthlyCost: { parts }, images }: Design): void {
  if (images !== 'cdn' || parts.cdn === undefined) return
  build.node('cdn', 'edge', text('CDN', 'CDN'), text('images', '图片'), parts.cdn)
  build.node('cos', 'storage', text('COS', 'COS'), text('images, uploads', '图片、上传'), parts.objectStorage ?? null)
  build.edge('phone', 'cdn', text('images', '图片'))
  build.edge('cdn', 'cos', null)
}

/**
 * Two processes share load and restart in turn, but they need a database server and Redis to share state. With SQLite
 * one process owns the file, and a standby takes over for the seconds of a restart.
 */
export const processesFor = ({ cores, memoryGB }: Pick<Box, 'cores' | 'memoryGB'>, database: DatabaseChoice): number =>
  database === 'sqlite' || cores < 2 || memoryGB < 4 ? 1 : 2

const DATABASE_NAMES: { readonly [K in PlanInput['database']]: Text } = {
  sqlite: text('SQLite', 'SQLite'),
  mysql: text('MySQL', 'MySQL'),
  postgres: text('PostgreSQL', 'PostgreSQL'),
}

const databaseDetail = ({ database }: PlanInput, images: string): Text =>
  images === 'server'
    ? text('data and images on disk', '数据与图片在磁盘')
    : database === 'sqlite'
      ? text('WAL, one fsync for many', 'WAL，合并落盘')
      : text('on this box', '同机部署')

const wechatDetail = ({ features }: PlanInput): Text =>
  features.includes('pay') ? text('login, messages, pay', '登录、消息、支付') : text('login, messages', '登录、消息')

/** Collects the graph; marks the component that binds first. */
class Build {
  readonly #binding: ArchitectureBinding
  readonly #component: string
  readonly #groups: ArchitectureGroup[] = []
  readonly #nodes: ArchitectureNode[] = []
  readonly #edges: ArchitectureEdge[] = []

  constructor(binding: ArchitectureBinding) {
    this.#binding = binding
    this.#component = COMPONENT_OF[binding.resource]
  }

  group(id: string, label: Text, yuanPerMonth: number | null): void {
    this.#groups.push({ id, label, yuanPerMonth, isBinding: id === this.#component })
  }

  node(
    id: string,
    kind: NodeKind,
    label: Text,
    detail: Text,
    yuanPerMonth: number | null = null,
    group: string | null = null,
  ): void {
    const isBinding = id === this.#component || (id === 'gateway' && this.#component === 'nginx')
    this.#nodes.push({ id, kind, label, detail, yuanPerMonth, group, isBinding })
  }

  edge(from: string, to: string, label: Text | null): void {
    this.#edges.push({ from, to, label })
  }

  has(id: string): boolean {
    return this.#nodes.some((node) => node.id === id)
  }

  done(): Architecture {
    return { binding: this.#binding, groups: this.#groups, nodes: this.#nodes, edges: this.#edges }
  }
}
