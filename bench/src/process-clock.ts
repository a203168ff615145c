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
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningInodes(table, port)))
  if (!inodes.size) return undefined
  return listNumbers('/proc').find((pid) => listSockets(pid).some((inode) => inodes.has(inode)))
}

const LISTEN = '0A'

function listeningInodes(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  return readText(table)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === LISTEN && local.endsWith(`:${wanted}`))
    .map((fields) => fields[9] ?? '')
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
