/** What is compared: how to start a server, what to send to it, and which processes its work costs. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { RequestStep } from '../src/request-template.ts'

export type User = { readonly name: string; readonly token: string }

export type RunningPeer = {
  readonly port: number
  readonly steps: readonly RequestStep[]
  readonly users: readonly User[]
  /** Roots of the process families whose CPU and memory count. */
  readonly pids: readonly number[]
  stop(): Promise<void>
}

export type PeerFolders = {
  /** Kept between runs. */
  readonly cache: string
  /** Removed after the run. */
  readonly run: string
}

export type Peer = {
  readonly name: string
  readonly about: string
  /** When an answered write survives a power cut. */
  readonly durability: string
  /** Undefined if it can run; otherwise what is missing. */
  missing?(): string | undefined
  start(folders: PeerFolders): Promise<RunningPeer>
}

export type Server = { readonly port: number; readonly pid: number; stop(): Promise<void> }

const START_LIMIT_MS = 60_000

/** Starts a Node script on one core; it prints `ready <port>` when it listens. */
export function startServer(script: string, args: readonly string[], cpu: string, env: NodeJS.ProcessEnv = {}) {
  const child = spawn('taskset', ['-c', cpu, process.execPath, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'production', ...env },
  })
  return new Promise<Server>((resolve, reject) => {
    const limit = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${script} was not ready within ${START_LIMIT_MS / 1000} s`))
    }, START_LIMIT_MS)
    child.once('exit', (code) => reject(new Error(`${script} ended with code ${code} before it was ready`)))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const port = /^ready (\d+)$/m.exec(text)?.[1]
      if (!port) return
      clearTimeout(limit)
      // taskset replaces itself with the server: one pid.
      resolve({ port: Number(port), pid: child.pid ?? 0, stop: () => stopChild(child) })
    })
  })
}

const STOP_LIMIT_MS = 5_000

function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
    child.once('exit', () => {
      clearTimeout(limit)
      resolve()
    })
    child.kill('SIGTERM')
  })
}
