/** Watches what running functions take from the box, and ends those that take too much. Linux only: reads /proc. */
import { readdirSync, readFileSync } from 'node:fs'
import type { FunctionWorker } from './function-worker.ts'

const WATCH_MS = 100
/** Looking at the processes that a worker started costs more, so it is done for calls that have been running a while. */
const GROUP_AFTER_MS = 300
const GROUP_EVERY = 3
/** Node and the code itself, beside the heap that `memorySize` limits. */
const OVERHEAD_MB = 128
/** A call may start this many processes and threads' worth of children: ffmpeg yes, a fork bomb no. */
const PROCESSES_MAX = 32

/** A worker with the SDK holds about 25. */
const OPEN_FILES_MAX = 512

type GroupUse = { processes: number; memoryMb: number }

/** Starts watching; the returned function stops it. */
export function watchWorkers(workers: () => readonly FunctionWorker[]): () => void {
  if (process.platform !== 'linux') return () => {}
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
    const busy = workers().filter((worker) => worker.callsRunning > 0 || worker.isLoading)
    for (const worker of busy) {
      if (memoryMb(worker.pid) > worker.memoryMb + OVERHEAD_MB) worker.kill('out-of-memory')
    }
    const nowMs = Date.now()
    if (ticks % GROUP_EVERY === 0 && busy.some((worker) => worker.runningMs(nowMs) > GROUP_AFTER_MS)) checkGroups(busy)
  }, WATCH_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** Whether an idle worker has leaked so much that a fresh one is better. */
export function isWornOut(worker: FunctionWorker): boolean {
  if (process.platform !== 'linux') return false
  return memoryMb(worker.pid) > worker.memoryMb + OVERHEAD_MB || openFiles(worker.pid) > OPEN_FILES_MAX
}

function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return 0 // it has just ended
  }
}

function checkGroups(busy: readonly FunctionWorker[]) {
  const uses = groupUses()
  for (const worker of busy) {
    const use = uses.get(worker.pid)
    if (!use) continue
    if (use.processes > PROCESSES_MAX) worker.kill('too-many-processes')
    else if (use.memoryMb > (worker.memoryMb + OVERHEAD_MB) * 2) worker.kill('out-of-memory')
  }
}

/** What each process group uses, by the id of its first process: the worker. */
function groupUses(): Map<number, GroupUse> {
  const uses = new Map<number, GroupUse>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const group = groupOf(name)
    if (group === undefined) continue
    const use = uses.get(group) ?? { processes: 0, memoryMb: 0 }
    use.processes += 1
    use.memoryMb += memoryMb(Number(name))
    uses.set(group, use)
  }
  return uses
}

function groupOf(pid: string): number | undefined {
  // The second field is the program's name in brackets and may hold spaces; the group is the third after it.
  const fields = readProc(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')
  return fields?.[2] === undefined ? undefined : Number(fields[2])
}

function memoryMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1]
  return Number(kilobytes ?? 0) / 1024
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined // it ended between the listing and the look
  }
}
