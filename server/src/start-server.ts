/** Starts the backend: open resources, listen; stops it: refuse new work, finish what was begun, close. */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import { stopListening } from './http/stop-listening.ts'
import type { Log } from './log.ts'
import { openResources, type Resources, type ServedProject } from './open-resources.ts'

export type StartOptions = {
  readonly config: Config
  readonly project: ServedProject
  readonly log: Log
  /** What the command line on this machine sends to act as the owner; empty: nobody can. */
  readonly localToken: string
  /** The process's environment; of it only a few harmless names reach functions. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly now?: () => number
  /**
   * How long to go on answering after being asked to stop, each answer with `Connection: close`: Nginx then leaves its
   * kept connections before we cut them, and no request is lost in a rolling restart. Default: 0.
   */
  readonly lingerMs?: number
}

export type RunningServer = {
  /** Where it listens, such as http://127.0.0.1:8080. */
  readonly url: string
  readonly resources: Resources
  /** Drains and closes. Resolves when nothing is open any more. */
  close(): Promise<void>
}

export const VERSION: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version

/** @throws {PortTakenError}, {ConfigError}, {AppError} `database_unavailable` */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { config, log, now = Date.now, lingerMs = 0 } = options
  let url = ''
  let isStopping = false
  const resources = await openResources({
    ...options,
    now,
    version: VERSION,
    publicUrl: () => config.PUBLIC_URL.replace(/\/$/, '') || url,
    localUrl: () => `http://127.0.0.1:${new URL(url).port}`,
    isStopping: () => isStopping,
  })

  try {
    const app = await createApp(resources, VERSION)
    await app.listen({ port: config.PORT, host: config.HOST, listenTextResolver: () => 'listening' })
    const { port } = app.server.address() as AddressInfo // safe: it listens on TCP
    url = `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`
    resources.timers.start()
    void resources.functions.warmUp().catch((err: unknown) => log.warn({ err }, 'functions were not warmed up'))
    resources.payments?.start()
    resources.stock.start()
    resources.jobs.start()
    log.info({ url, version: VERSION }, 'server ready')

    let closing: Promise<void> | undefined
    const close = async () => {
      isStopping = true
      log.info({ timeoutMs: config.SHUTDOWN_TIMEOUT_MS }, 'server stopping')
      // Running functions still need the server. Jobs are given back before, so that their failing counts for nothing.
      await resources.jobs.close()
      await resources.functions.drain(config.SHUTDOWN_TIMEOUT_MS / 2)
      // Those that are connected go on being answered, with `Connection: close`.
      const { released } = await stopListening(app.server)
      await sleep(lingerMs)
      const cut = setTimeout(() => app.server.closeAllConnections(), config.SHUTDOWN_TIMEOUT_MS)
      cut.unref()
      app.server.closeIdleConnections()
      await Promise.all([app.close(), released])
      clearTimeout(cut)
      await resources.close()
      log.info({}, 'server stopped')
    }
    return { url, resources, close: () => (closing ??= close()) }
  } catch (error) {
    await resources.close()
    throw isPortTaken(error) ? new PortTakenError(config.PORT, error) : error
  }
}

export class PortTakenError extends Error {
  override readonly name = 'PortTakenError'
  readonly port: number

  constructor(port: number, cause: unknown) {
    super(`Port ${port} is taken by another program.`, { cause })
    this.port = port
  }
}

const isPortTaken = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
