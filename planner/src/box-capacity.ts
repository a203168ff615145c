/** What one box can take, per resource, and where each figure comes from. */
import type { Box } from './box-input.ts'
import { type MeasuredCapacity, RECONNECT_SECONDS, REFERENCE } from './capacity-reference.ts'
import type { Provenance } from './catalogue/sources.ts'
import { featureOf } from './features.ts'
import type { PlanInput } from './plan-input.ts'

/** A line is planned to 80 %: TCP, retransmissions and bursts take the rest. */
export const USABLE_LINE_SHARE = 0.8

/** The kernel and its page tables keep a tenth of what the bundle calls memory. */
const USABLE_MEMORY_SHARE = 0.9

/**
 * A disk fills slowly and is extended within minutes: the verdict asks for a week's notice, so that it never hides what
 * really limits the load. The date itself is reported.
 */
export const DISK_HORIZON_DAYS = 7
const DISK_FULL_SHARE = 0.8
/** Debian, Node, logs of the system, one backup on its way out. */
const SYSTEM_DISK_GB = 8

export type Limit = { readonly value: number; readonly provenance: Provenance }

export type BoxCapacity = {
  readonly cpuCores: Limit
  readonly memoryMB: Limit
  readonly megabitPerSecond: Limit
  readonly trafficGBPerMonth: Limit | undefined
  readonly connections: Limit
  readonly writesPerSecond: Limit
  readonly diskGB: Limit
}

export function capacityOf(box: Box, input: PlanInput, measured: MeasuredCapacity | undefined): BoxCapacity {
  const memory = memoryForStack(box)
  return {
    cpuCores: { value: box.cores, provenance: 'modelled' },
    memoryMB: { value: memory, provenance: 'modelled' },
    megabitPerSecond: usableLine(box, measured),
    trafficGBPerMonth: box.trafficGB === null ? undefined : { value: box.trafficGB, provenance: 'modelled' },
    connections: connectionLimit(box, memory - stackMemoryMB(input, measured), measured),
    writesPerSecond: writeLimit(measured),
    diskGB: { value: Math.max(1, box.diskGB * DISK_FULL_SHARE - SYSTEM_DISK_GB), provenance: 'modelled' },
  }
}

/** Megabytes left for nginx, the server, the database and a cache, after the operating system and its agents. */
export const memoryForStack = ({ memoryGB }: Box): number =>
  Math.max(1, memoryGB * 1024 * USABLE_MEMORY_SHARE - (memoryGB <= 2 ? 300 : 350))

/** The least each part needs to run well; caches and buffer pools grow into what is left. */
// biome-ignore format: a table keeps its columns
export const PART_MEMORY_MB = {
  nginx:        25,
  server:      200,
  workers:     140,
  sqlite:        0, // inside the server
  mysql:       550, // base and a buffer pool of 256
  postgres:    300,
} as const

/** What the stack needs before the first connection; a stated figure replaces it. */
export function stackMemoryMB(input: PlanInput, measured: MeasuredCapacity | undefined): number {
  if (input.overrides.memoryMB !== undefined) return input.overrides.memoryMB
  const extras = input.features.reduce((total, id) => total + (featureOf(id).memoryMB ?? 0), 0)
  const server = measured?.idleMemoryMB ?? PART_MEMORY_MB.server
  const environment = server + PART_MEMORY_MB.workers + extras + PART_MEMORY_MB[input.database]
  return PART_MEMORY_MB.nginx + environment * (input.overrides.environments ?? 1)
}

function usableLine(box: Box, measured: MeasuredCapacity | undefined): Limit {
  if (measured?.lineMbps !== undefined)
    return { value: Math.min(box.mbps, measured.lineMbps) * USABLE_LINE_SHARE, provenance: 'measured' }
  const nominal = box.mbps * USABLE_LINE_SHARE
  if (box.mbpsKind === 'fixed') return { value: nominal, provenance: 'modelled' }
  return { value: Math.min(nominal, REFERENCE.assuredPeakMbps), provenance: 'guessed' }
}

/** Memory per socket, and the second in which everybody comes back after a restart: TLS handshakes take the CPU. */
function connectionLimit(box: Box, freeMB: number, measured: MeasuredCapacity | undefined): Limit {
  const perConnectionKB = measured?.kilobytesPerConnection ?? REFERENCE.kilobytesPerConnection
  const byMemory = (Math.max(freeMB, 0) * 1024) / perConnectionKB
  const planningLine = 0.7
  const byReconnect = box.cores * planningLine * REFERENCE.handshakesPerCoreSecond * RECONNECT_SECONDS
  return {
    value: Math.max(1, Math.min(byMemory, byReconnect)),
    provenance: measured?.kilobytesPerConnection === undefined ? 'modelled' : 'measured',
  }
}

function writeLimit(measured: MeasuredCapacity | undefined): Limit {
  const fsyncMs = Math.max(measured?.fsyncMs ?? REFERENCE.fsyncMs, 0.01)
  const perSecond = (1000 / fsyncMs) * REFERENCE.writesPerFsync
  return { value: perSecond, provenance: measured?.fsyncMs === undefined ? 'guessed' : 'measured' }
}
