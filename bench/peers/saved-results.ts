/** Dated results with machine and commit, in `bench/results/`. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { PeerResult } from './compare.ts'

export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  readonly node: string
  readonly commit: string
}

export type Comparison = {
  readonly takenAt: string
  readonly machine: Machine
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[]
  readonly results: readonly PeerResult[]
}

export const RESULTS_FOLDER = path.resolve(import.meta.dirname, '../results')

export function describeMachine(): Machine {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    kernel: os.release(),
    node: process.version,
    commit: currentCommit(),
  }
}

/** The file written, relative to the repository. */
export function saveResult(comparison: Comparison): string {
  mkdirSync(RESULTS_FOLDER, { recursive: true })
  const day = comparison.takenAt.slice(0, 10)
  const name = freeName(day)
  writeFileSync(path.join(RESULTS_FOLDER, name), `${JSON.stringify(comparison, null, 1)}\n`)
  return `bench/results/${name}`
}

function freeName(day: string): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? `${day}.json` : `${day}-run-${count}.json`
    if (!existsSync(path.join(RESULTS_FOLDER, name))) return name
  }
}

function currentCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname }).trim()
  } catch {
    return 'unknown'
  }
}
