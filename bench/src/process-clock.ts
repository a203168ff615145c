/** CPU time and memory of processes, from Linux's /proc. On other systems everything reads as absent. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** USER_HZ is 100 on every Linux that Node runs on: it is part of the kernel's interface. */
const TICKS_PER_SECOND = 100
const PAGE_KB = 4

export type ProcessReading = {
  readonly pid: number
  readonly parentPid: number
  /** The program's name as the kernel keeps it: up to 15 characters. */
  readonly program: string
  readonly cpuSeconds: number
  readonly residentKb: number
}

export function readProcess(pid: number): ProcessReading | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  if (!stat) return undefined
  // The name may contain spaces and brackets; the fields after its last bracket are numbers.
  const nameEnd = stat.lastIndexOf(')')
  const fields = stat.slice(nameEnd + 2).split(' ')
  return {
    pid,
    parentPid: Number(fields[1]),
    program: stat.slice(stat.indexOf('(') + 1, nameEnd),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    residentKb: Number(fields[21]) * PAGE_KB,
  }
}

/** CPU time of a process's first thread: for Node, its event loop. */
export function readMainThreadSeconds(pid: number): number {
  const stat = readText(`/proc/${pid}/task/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return stat ? (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND : 0
}

export function listProcesses(): ProcessReading[] {
  return listNumbers('/proc').flatMap((pid) => readProcess(pid) ?? [])
}

/** A process and all that it started, directly or not. */
export function familyOf(rootPid: number, all: readonly ProcessReading[] = listProcesses()): ProcessReading[] {
  const children = all.filter(({ parentPid }) => parentPid === rootPid)
  const root = all.filter(({ pid }) => pid === rootPid)
  return [...root, ...children.flatMap(({ pid }) => familyOf(pid, all))]
}

/** The process that listens on a TCP port of this machine, if we may see it. */
export function findListener(port: number): number | undefined {
  const inodes = new Set(listeningInodes(port))
  if (!inodes.size) return undefined
  return listNumbers('/proc').find((pid) => listSockets(pid).some((inode) => inodes.has(inode)))
}

/** Ports of this machine to which a process holds TCP connections. */
export function connectedPorts(pid: number): number[] {
  const own = new Set(listSockets(pid))
  return [
    ...new Set(
      readTcpTables().flatMap(({ state, remotePort, inode }) =>
        state === ESTABLISHED && own.has(inode) ? remotePort : [],
      ),
    ),
  ]
}

const LISTEN = '0A'
const ESTABLISHED = '01'
const HEX = 16

const listeningInodes = (port: number) =>
  readTcpTables().flatMap(({ state, localPort, inode }) => (state === LISTEN && localPort === port ? inode : []))

/** The kernel's tables of sockets: `local` and `remote` are `<address>:<port>` in hexadecimal. */
function readTcpTables() {
  const portOf = (place = '') => Number.parseInt(place.split(':')[1] ?? '', HEX)
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((table) => readText(table).split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .map((fields) => ({
      localPort: portOf(fields[1]),
      remotePort: portOf(fields[2]),
      state: fields[3] ?? '',
      inode: fields[9] ?? '',
    }))
}

function listSockets(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = readLinkOf(`/proc/${pid}/fd/${fd}`)
      return target.startsWith('socket:[') ? target.slice(8, -1) : []
    })
  } catch {
    return [] // another user's process, or gone
  }
}

function readLinkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function listNumbers(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}
