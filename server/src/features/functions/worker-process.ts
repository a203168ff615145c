/** The operating system's side of a worker: how the process is started, held back and ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import os from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'

export type ProcessStart = {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** 0 to 19, higher gives way more. Default: `NICENESS`. */
  readonly niceness?: number
}

export type WorkerProcess = {
  readonly child: ChildProcess
  /** To the worker. */
  readonly commands: Writable
  /** Frames from the worker. */
  readonly answers: Readable
  /** What it prints by other means than `console`: child processes, native code, the last words of V8. */
  readonly rawOutput: readonly Readable[]
}

export const WORKER_MAIN = path.join(import.meta.dirname, 'worker-main.cjs')
export const PYTHON_MAIN = path.join(import.meta.dirname, 'worker-main.py')
/** Lower priority than the server's: a function in an endless loop must not slow down everybody's requests. */
const NICENESS = 5
/** Jobs give way to everything: heavy work must not be felt at the phones. */
export const BACKGROUND_NICENESS = 19

export function startProcess({ program, args, environment, niceness = NICENESS }: ProcessStart): WorkerProcess {
  const child = spawn(program, args, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    // Its own process group, so that whatever the function starts dies with it.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const [, output, errors, commands, answers] = child.stdio as unknown as Readable[] // safe: stdio asks for pipes
  for (const stream of child.stdio) stream?.on('error', () => {}) // the exit that follows says it
  // Read to its end, or the process never counts as closed.
  commands?.resume()
  lowerPriority(child.pid, niceness)
  return {
    child,
    commands: commands as unknown as Writable, // safe: Node makes the extra pipes duplex sockets
    answers: answers as Readable, // safe: five pipes were asked for
    rawOutput: [output as Readable, errors as Readable], // safe: five pipes were asked for
  }
}

/** Ends the process and everything it started that did not leave its group. */
export function killGroup({ pid }: ChildProcess): void {
  if (!pid) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // nobody is left: the usual case after an exit
  }
}

export type NodeLimits = {
  readonly memoryMb: number
  /** Folders a function may read; empty: anything its user may read. */
  readonly readableFolders: readonly string[]
  readonly writableFolders: readonly string[]
}

/** Node's flags for a worker. The permission model keeps the server's database, keys and environment unreadable. */
export function nodeFlags({ memoryMb, readableFolders, writableFolders }: NodeLimits): string[] {
  // Old packages would fill every log with warnings that the function's author can do nothing about.
  const common = [`--max-old-space-size=${memoryMb}`, '--no-deprecation']
  if (readableFolders.length === 0) return common
  return [
    ...common,
    '--permission',
    '--disable-warning=SecurityWarning',
    // Native packages, ffmpeg and the like must keep working: this guards against accidents, not against the owner.
    '--allow-addons',
    '--allow-child-process',
    '--allow-worker',
    '--allow-wasi',
    ...[path.dirname(WORKER_MAIN), ...readableFolders, ...writableFolders].map((place) => `--allow-fs-read=${place}`),
    ...writableFolders.map((place) => `--allow-fs-write=${place}`),
  ]
}

function lowerPriority(pid: number | undefined, niceness: number) {
  try {
    if (pid) os.setPriority(pid, niceness)
  } catch {
    // not allowed here: the function runs at the server's priority
  }
}
