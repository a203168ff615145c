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

export type StartOptions = {
  readonly script: string
  readonly args?: readonly string[]
  /** Core that it is pinned to. */
  readonly cpu: string
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Words before the command, such as those that enter a network namespace. */
  readonly inside?: readonly string[]
  /** The port, once the output says that it listens. Our own scripts print `ready <port>`. */
  readonly portOf?: (output: string) => number | undefined
}

const readyLine = (output: string) => Number(/^ready (\d+)$/m.exec(output)?.[1]) || undefined

/** Starts a Node script on one core and waits until it listens. */
export function startServer(options: StartOptions): Promise<Server> {
  const { script, args = [], cpu, env = {}, cwd, inside = [], portOf = readyLine } = options
  const [program = '', ...words] = [...inside, 'taskset', '-c', cpu, process.execPath, script, ...args]
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'production', ...env },
    ...(cwd !== undefined && { cwd }),
  })
  return new Promise<Server>((resolve, reject) => {
    let output = ''
    let lastErrors = ''
    const limit = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${script} was not ready within ${START_LIMIT_MS / 1000} s`))
    }, START_LIMIT_MS)
    child.once('exit', (code) => {
      clearTimeout(limit)
      reject(new Error(`${script} ended with code ${code} before it was ready: ${lastErrors}`))
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      lastErrors = (lastErrors + text).slice(-1_000)
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4_000)
      const port = portOf(output)
      if (!port) return
      clearTimeout(limit)
      // taskset replaces itself with the server: one pid.
      resolve({ port, pid: child.pid ?? 0, stop: () => stopChild(child) })
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
