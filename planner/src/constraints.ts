/** Demand against capacity, one row per resource, the tightest first. */
import { type BoxCapacity, DISK_HORIZON_DAYS } from './box-capacity.ts'
import type { Provenance } from './catalogue/sources.ts'
import type { Estimate } from './estimate.ts'
import { type Text, text } from './text.ts'

export type Resource =
  | 'cpu'
  | 'memory'
  | 'bandwidth'
  | 'traffic'
  | 'connections'
  | 'disk'
  | 'database'
  | 'writes'
  | 'requirement'

export type Constraint = {
  readonly resource: Resource
  /** Demand over limit; above 1 the box does not do it. */
  readonly utilisation: number
  readonly limit: number
  readonly demand: number
  readonly unit: string
  readonly source: Provenance
  /** Whether it grows with the number of users: memory of an idle stack does not. */
  readonly grows: boolean
  readonly name: Text
  readonly detail: Text
}

export const RESOURCE_NAMES: { readonly [K in Resource]: Text } = {
  cpu: text('CPU', 'CPU'),
  memory: text('memory', '内存'),
  bandwidth: text('line', '带宽'),
  traffic: text('monthly traffic', '月流量'),
  connections: text('connections', '连接数'),
  disk: text('disk', '磁盘'),
  database: text('database', '数据库'),
  writes: text('durable writes', '落盘写入'),
  requirement: text('requirement', '硬性要求'),
}

/** A fixed need that fits stays fitting: it only leads the list once it gets close. */
const FIXED_NEED_MATTERS_FROM = 0.7

export function constraintsOf(estimate: Estimate, capacity: BoxCapacity): Constraint[] {
  const { demand } = estimate
  const rows: Constraint[] = [
    row('cpu', demand.cpuCores, capacity.cpuCores.value, 'cores', estimate.cpuSource, true),
    row('memory', estimate.stackMemoryMB, capacity.memoryMB.value, 'MB', estimate.memorySource, false),
    row(
      'bandwidth',
      demand.megabitPerSecond,
      capacity.megabitPerSecond.value,
      'Mbps',
      capacity.megabitPerSecond.provenance,
      true,
    ),
    row(
      'connections',
      demand.connections,
      capacity.connections.value,
      'WebSockets',
      capacity.connections.provenance,
      true,
    ),
    row(
      'writes',
      demand.writesPerSecond,
      capacity.writesPerSecond.value,
      'commits/s',
      capacity.writesPerSecond.provenance,
      true,
    ),
    row(
      'disk',
      demand.diskGBPerDay * DISK_HORIZON_DAYS,
      capacity.diskGB.value,
      `GB in ${DISK_HORIZON_DAYS} days`,
      'modelled',
      true,
    ),
  ]
  // A stated or measured cost per request has the database's part in it already.
  if (estimate.cpuSource === 'guessed') {
    const { queriesPerSecond, queryLimit } = estimate
    rows.push(row('database', queriesPerSecond, queryLimit, 'queries/s', 'modelled', true))
  }
  if (capacity.trafficGBPerMonth) {
    rows.push(row('traffic', demand.trafficGBPerMonth, capacity.trafficGBPerMonth.value, 'GB/month', 'modelled', true))
  }
  return rows.sort((a, b) => weight(b) - weight(a))
}

/** A disk is a date, and ordered within minutes: it leads only where nothing else is half used. */
const DISK_WEIGHT = 0.5

/** How much a row matters for the question "what binds first". */
function weight({ resource, grows, utilisation }: Constraint): number {
  if (!grows && utilisation <= FIXED_NEED_MATTERS_FROM) return utilisation - 1
  if (resource === 'disk') return Math.min(utilisation, 1) * DISK_WEIGHT
  // A quota that is exceeded costs money, a full line or processor loses requests: those lead.
  if (resource === 'traffic' && utilisation > 1) return 1 + (utilisation - 1) / 1000
  return utilisation
}

function row(
  resource: Resource,
  demand: number,
  limit: number,
  unit: string,
  source: Provenance,
  grows: boolean,
): Constraint {
  const utilisation = demand / limit
  return {
    resource,
    utilisation,
    limit,
    demand,
    unit,
    source,
    grows,
    name: RESOURCE_NAMES[resource],
    detail: DETAILS[resource],
  }
}

const DETAILS: { readonly [K in Resource]: Text } = {
  cpu: text(
    'Processor time of all processes in the busiest moments; 70 % is the planning line.',
    '最忙时刻所有进程的处理器时间；70% 为规划线。',
  ),
  memory: text(
    'What the stack needs at least, against what the system leaves it.',
    '整套服务的最低需要，对比系统之外的可用内存。',
  ),
  bandwidth: text(
    'Outbound megabits in the busiest moments, against 80 % of the line.',
    '最忙时刻的出站带宽，对比线路的 80%。',
  ),
  traffic: text('Outbound gigabytes a month, against the quota of the bundle.', '每月出站流量，对比套餐流量包。'),
  connections: text(
    'Open WebSockets, against memory and the rush back after a restart.',
    'WebSocket 数，对比内存与重启后的集中重连。',
  ),
  disk: text('Growth in a week, against 80 % of the disk without the system.', '一周的增长，对比除系统外磁盘的 80%。'),
  database: text(
    'Indexed queries, against what one core of the database answers.',
    '走索引的查询，对比数据库单核能力。',
  ),
  writes: text(
    'Commits on disk; requests arriving together share one fsync.',
    '落盘提交数；同时到达的请求共用一次 fsync。',
  ),
  requirement: text('Not a matter of capacity.', '与容量无关。'),
}
