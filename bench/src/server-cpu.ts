/** CPU of the server's parts during one load: per request, and how full the busiest resource was. */
import os from 'node:os'
import { findServerParts, type PartName, type PartsReading } from './server-parts.ts'

export type CpuUse = {
  /** Milliseconds of CPU per request, all parts together. */
  readonly msPerRequest: number
  readonly msPerRequestByPart: Readonly<Record<PartName, number>>
  /** 0 to 1: the fuller of all cores and of Node's event loop, which can use one core at most. */
  readonly utilisation: number
}

export type CpuMeter = {
  readonly serverPid: number
  memoryMb(): number
  /** Begins to watch one load; call `mark` at both edges of its counted window. */
  start(): { mark(edge: 'start' | 'end'): void; use(requests: number): CpuUse | undefined }
}

/** Undefined if the server's processes cannot be seen: another machine, another user, not Linux. */
export function openCpuMeter(port: number): CpuMeter | undefined {
  const parts = findServerParts(port)
  if (!parts) return undefined
  return {
    serverPid: parts.serverPid,
    memoryMb: () => Object.values(parts.read().residentMb).reduce((sum, mb) => sum + mb, 0),
    start() {
      const marks: Partial<Record<'start' | 'end', { reading: PartsReading; atMs: number }>> = {}
      return {
        mark(edge) {
          marks[edge] = { reading: parts.read(), atMs: performance.now() }
        },
        use(requests) {
          const { start, end } = marks
          if (!start || !end || requests === 0) return undefined
          return useBetween(start.reading, end.reading, (end.atMs - start.atMs) / 1000, requests)
        },
      }
    },
  }
}

const PARTS: readonly PartName[] = ['nginx', 'node', 'functions', 'database']

function useBetween(start: PartsReading, end: PartsReading, seconds: number, requests: number): CpuUse {
  // A worker process that ended takes its CPU time with it.
  const spent = (part: PartName) => Math.max(0, end.cpuSeconds[part] - start.cpuSeconds[part])
  const total = PARTS.reduce((sum, part) => sum + spent(part), 0)
  const perRequest = (part: PartName) => (spent(part) / requests) * 1000
  const eventLoop = (end.eventLoopSeconds - start.eventLoopSeconds) / seconds
  return {
    msPerRequest: (total / requests) * 1000,
    msPerRequestByPart: {
      nginx: perRequest('nginx'),
      node: perRequest('node'),
      functions: perRequest('functions'),
      database: perRequest('database'),
    },
    utilisation: Math.max(total / (seconds * os.availableParallelism()), eventLoop),
  }
}
