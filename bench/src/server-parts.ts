/** Which processes of this machine do the work behind an address, and how much CPU each part spends. */
import {
  connectedPorts,
  familyOf,
  findListener,
  listProcesses,
  type ProcessReading,
  readMainThreadSeconds,
} from './process-clock.ts'

export type PartName = 'nginx' | 'node' | 'functions' | 'database'

export type PartsReading = {
  readonly cpuSeconds: Readonly<Record<PartName, number>>
  readonly residentMb: Readonly<Record<PartName, number>>
  /** CPU time of Node's event loop alone: it can use one core at most. */
  readonly eventLoopSeconds: number
}

const DATABASE_PROGRAMS = new Set(['mariadbd', 'mysqld', 'postgres', 'redis-server'])

export type ServerParts = {
  read(): PartsReading
  /** The process that answers, for its memory. */
  readonly serverPid: number
}

/** Undefined if nobody that we may look at listens there: another machine, or another user. */
export function findServerParts(port: number): ServerParts | undefined {
  const listenerPid = findListener(port)
  if (listenerPid === undefined) return undefined
  const all = listProcesses()
  const isNginx = all.find(({ pid }) => pid === listenerPid)?.program === 'nginx'
  // Behind nginx, the server is the Node process that listens where nginx forwards to: the usual port.
  const serverPid = isNginx ? (findListener(USUAL_PORT) ?? listenerPid) : listenerPid
  // Others' databases may run here, too.
  const databasePids = connectedPorts(serverPid)
    .flatMap((connected) => findListener(connected) ?? [])
    .filter((pid) => DATABASE_PROGRAMS.has(all.find((one) => one.pid === pid)?.program ?? ''))
  return { serverPid, read: () => readParts(serverPid, databasePids, isNginx) }
}

const USUAL_PORT = 8080

function readParts(serverPid: number, databasePids: readonly number[], hasNginx: boolean): PartsReading {
  const all = listProcesses()
  const family = familyOf(serverPid, all)
  const parts: Record<PartName, ProcessReading[]> = {
    nginx: hasNginx ? all.filter(({ program }) => program === 'nginx') : [],
    node: family.filter(({ pid }) => pid === serverPid),
    functions: family.filter(({ pid }) => pid !== serverPid),
    database: databasePids.flatMap((pid) => familyOf(pid, all)),
  }
  const total = (pick: (reading: ProcessReading) => number) => ({
    nginx: sumOf(parts.nginx, pick),
    node: sumOf(parts.node, pick),
    functions: sumOf(parts.functions, pick),
    database: sumOf(parts.database, pick),
  })
  return {
    cpuSeconds: total(({ cpuSeconds }) => cpuSeconds),
    residentMb: total(({ residentKb }) => residentKb / 1024),
    eventLoopSeconds: readMainThreadSeconds(serverPid),
  }
}

const sumOf = (readings: readonly ProcessReading[], pick: (reading: ProcessReading) => number) =>
  readings.reduce((sum, reading) => sum + pick(reading), 0)
