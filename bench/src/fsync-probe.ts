/** How long the disk takes to make 4 KB durable: the price of a commit. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'

export type FsyncResult = { readonly p50Ms: number; readonly p95Ms: number; readonly perSecond: number }

const PROBES = 200
const LONGEST_MS = 5_000

/** Writes into a folder of its own below `parent` and removes it. */
export function probeFsync(parent: string): FsyncResult {
  const folder = mkdtempSync(path.join(parent, 'sampan-fsync-'))
  const file = openSync(path.join(folder, 'probe'), 'w')
  const block = Buffer.alloc(4096, 1)
  const timesMs: number[] = []
  const startMs = performance.now()
  try {
    while (timesMs.length < PROBES && performance.now() - startMs < LONGEST_MS) {
      const beforeMs = performance.now()
      writeSync(file, block)
      fdatasyncSync(file)
      timesMs.push(performance.now() - beforeMs)
    }
  } finally {
    closeSync(file)
    rmSync(folder, { recursive: true })
  }
  timesMs.sort((a, b) => a - b)
  const at = (share: number) => timesMs[Math.floor(timesMs.length * share)] ?? 0
  return { p50Ms: at(0.5), p95Ms: at(0.95), perSecond: timesMs.length / ((performance.now() - startMs) / 1000) }
}
