/** Cloud functions: finds them in the project, runs them in warm worker processes, remembers what they did. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Identity, UserIdentity } from '../sessions/identity.ts'
import { callError, faultError } from './call-errors.ts'
import { LoadError, type LogLine, type Outcome } from './call-outcome.ts'
import type { CallFilter, CallJournal, CallRecord } from './function-calls.ts'
import { type FunctionSpec, readFunctions } from './function-config.ts'
import { watchFunctions } from './function-watch.ts'
import { installMissing } from './install-dependencies.ts'
import { RunningCalls, type WorkerCaller } from './running-calls.ts'
import { workerStarter } from './start-worker.ts'
import { callContext, callEnvironment, type WorkerPlace, workerPlace } from './worker-environment.ts'
import { poolSettingsFor, WorkerPool } from './worker-pool.ts'
import { BACKGROUND_NICENESS } from './worker-process.ts'
import { openWorkerReaper } from './worker-reaper.ts'

export type FunctionSettings = {
  /** 0: from the cores and the memory of the box. */
  readonly workers: number
  readonly timeoutMs: number
  readonly memoryMb: number
  readonly resultLimitBytes: number
  /** Workers for jobs; they start with the first job. Default: 1. */
  readonly backgroundWorkers?: number
}

export type FunctionNeeds = {
  /** Folder with one folder per function; it need not exist. Undefined: no functions. */
  readonly functionsRoot: string | undefined
  /** The server's /admin door on loopback; asked when a function is loaded. */
  readonly adminUrl: () => string
  readonly appId: string
  readonly envId: string
  /** The server's environment; only a few harmless names of it reach functions. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly settings: FunctionSettings
  /** Remembers calls; closed together with the functions. */
  readonly journal: CallJournal
  /** Whether functions may read only code and write only temporary folders. Default: yes. */
  readonly isGuarded?: boolean
  /** Whether changed functions are loaded again. */
  readonly isWatched?: boolean
  readonly log: Log
}

export type FunctionCaller = {
  readonly identity: Identity
  readonly requestId: string
  /** Who asked, as CloudBase names it: `wx_client`, `wx_http`, `wx_trigger`, or a chain such as `wx_client,scf`. */
  readonly source: string
  /** Ends the call earlier than the function's own limit. */
  readonly timeoutMs?: number
  /** How many functions called each other to get here. */
  readonly depth?: number
  readonly clientIp?: string
  /** A job: runs in workers of its own, at the lowest priority, so that no caller waits behind it. */
  readonly isBackground?: boolean
}

export type FunctionAnswer = {
  /** What the function returned, as JSON text; undefined if it returned undefined. */
  readonly result: string | undefined
  readonly requestId: string
  readonly durationMs: number
  readonly memoryBytes: number
  readonly log: readonly LogLine[]
}

export type FunctionSummary = Omit<FunctionSpec, 'folder' | 'entryFile' | 'exportName' | 'environment'> & {
  readonly warmWorkers: number
}

export interface Functions {
  /** @throws {AppError} a code of the "functions" part of the table, `overloaded`, `shutting_down` */
  call(name: string, event: unknown, caller: FunctionCaller): Promise<FunctionAnswer>
  list(): FunctionSummary[]
  /** Reads the project again; running calls finish on the old code. */
  reload(name?: string): void
  /** Installs missing packages. Problems are logged; calls of that function then say what is missing. */
  prepare(onProgress: (line: string) => void): Promise<void>
  /** Starts workers for the functions that were called most lately, so that their first callers do not wait. */
  warmUp(): Promise<void>
  /** Who asks at the /admin door with this worker's token; undefined if no worker has it. */
  findCaller(workerToken: string, callToken: string): WorkerCaller | undefined
  calls(filter: CallFilter): Promise<CallRecord[]>
  usage(): { readonly workers: number; readonly running: number; readonly waiting: number }
  /** Takes no more calls from outside and waits for those that run, at most this long. */
  drain(timeoutMs: number): Promise<void>
  close(): Promise<void>
}

/** Functions may call functions, but a cycle would take every worker of the box. */
const DEPTH_MAX = 5
const DRAIN_POLL_MS = 20

export const openFunctions = (needs: FunctionNeeds): Functions => new FunctionRunner(needs)

class FunctionRunner implements Functions {
  readonly #needs: FunctionNeeds
  readonly #place: WorkerPlace
  readonly #pool: WorkerPool
  readonly #backgroundPool: WorkerPool
  readonly #reaper = openWorkerReaper()
  readonly #running = new RunningCalls()
  readonly #journal: CallJournal
  readonly #stopWatching: () => void
  #specs: Map<string, FunctionSpec>
  #isDraining = false

  constructor(needs: FunctionNeeds) {
    this.#needs = needs
    this.#place = workerPlace(needs)
    this.#journal = needs.journal
    this.#specs = this.#readSpecs()
    const { workers, backgroundWorkers = 1 } = needs.settings
    this.#pool = this.#openPool(workers, {})
    this.#backgroundPool = this.#openPool(backgroundWorkers, { niceness: BACKGROUND_NICENESS })
    const root = needs.isWatched ? needs.functionsRoot : undefined
    this.#stopWatching = root ? watchFunctions(root, (name) => this.reload(name)) : () => {}
  }

  #openPool(workers: number, priority: { niceness?: number }): WorkerPool {
    const { settings, functionsRoot = '', isGuarded = true } = this.#needs
    const needs = { ...this.#needs, functionsRoot, isGuarded, place: this.#place, reaper: this.#reaper }
    return new WorkerPool({
      settings: poolSettingsFor(workers),
      onLoad: (worker, spec) => this.#running.addWorker(worker, spec.name),
      ...workerStarter({ ...needs, memoryMb: settings.memoryMb, ...priority }),
    })
  }

  async call(name: string, event: unknown, caller: FunctionCaller): Promise<FunctionAnswer> {
    const spec = this.#specs.get(name)
    if (!spec)
      throw new AppError('function_not_found', `There is no function "${name}".`, { details: { function: name } })
    const { requestId, depth = 0 } = caller
    if (this.#isDraining && depth === 0) throw new AppError('shutting_down', 'The server is stopping.')
    if (depth > DEPTH_MAX) {
      throw new AppError('function_recursion', `${name} was called through ${depth} other functions.`, {
        details: { function: name, depth },
      })
    }
    const startedAtMs = Date.now()
    try {
      const { ending, log, memoryBytes } = await this.#run(spec, event, caller)
      const durationMs = Date.now() - startedAtMs
      const error = ending.kind === 'done' ? undefined : callError(spec, ending, requestId)
      this.#remember(spec, caller, { startedAtMs, durationMs, memoryBytes, log, error })
      if (ending.kind === 'done') return { result: ending.result, requestId, durationMs, memoryBytes, log }
      throw error
    } catch (thrown) {
      if (!(thrown instanceof LoadError)) throw thrown
      const error = faultError(spec, thrown.fault, requestId, thrown.message)
      const durationMs = Date.now() - startedAtMs
      this.#remember(spec, caller, { startedAtMs, durationMs, memoryBytes: 0, log: thrown.log, error })
      throw error
    }
  }

  list(): FunctionSummary[] {
    return [...this.#specs.values()].map((spec) => {
      const { folder: _folder, entryFile: _file, exportName: _export, environment: _variables, ...summary } = spec
      return { ...summary, warmWorkers: this.#pool.workers.filter((worker) => worker.spec === spec).length }
    })
  }

  reload(name?: string): void {
    const before = this.#specs
    const read = this.#readSpecs()
    const isReloaded = (candidate: string) => name === undefined || candidate === name
    // A function that did not change keeps its spec, and with it its warm workers.
    const kept = [...read].map(([key, spec]) => [key, isReloaded(key) ? spec : (before.get(key) ?? spec)] as const)
    this.#specs = new Map(kept)
    for (const candidate of [...before.keys()].filter(isReloaded)) {
      this.#pool.retire(candidate)
      this.#backgroundPool.retire(candidate)
    }
  }

  async prepare(onProgress: (line: string) => void): Promise<void> {
    const { environment, log } = this.#needs
    await installMissing([...this.#specs.values()], { environment, log, onProgress })
  }

  async warmUp(): Promise<void> {
    const names = await this.#journal.listBusiest(this.#pool.size - 1)
    for (const spec of names.map((name) => this.#specs.get(name))) if (spec) await this.#pool.warm(spec)
  }

  findCaller(workerToken: string, callToken: string): WorkerCaller | undefined {
    return this.#running.find(workerToken, callToken)
  }

  calls(filter: CallFilter): Promise<CallRecord[]> {
    return this.#journal.list(filter)
  }

  usage() {
    const { workers, waiting } = this.#pool
    return { workers: workers.length, running: workers.reduce((sum, worker) => sum + worker.callsRunning, 0), waiting }
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true
    const untilMs = Date.now() + timeoutMs
    while (this.usage().running + this.usage().waiting > 0 && Date.now() < untilMs) await sleep(DRAIN_POLL_MS)
  }

  async close(): Promise<void> {
    this.#stopWatching()
    await Promise.all([this.#pool.close(), this.#backgroundPool.close()])
    this.#reaper.close()
    await this.#journal.close()
  }

  async #run(spec: FunctionSpec, event: unknown, caller: FunctionCaller): Promise<Outcome> {
    const callToken = randomBytes(12).toString('base64url')
    const { identity, requestId, source, clientIp, depth = 0 } = caller
    const user = userOf(identity)
    const timeoutMs = Math.min(spec.timeoutMs, caller.timeoutMs ?? spec.timeoutMs)
    const header = {
      environment: callEnvironment(this.#place, { user, requestId, callToken, source, clientIp }),
      context: callContext(this.#place, spec, requestId),
      userInfo: { appId: user?.appId ?? this.#place.appId, openId: user?.openId },
      resultLimitBytes: this.#needs.settings.resultLimitBytes,
    }
    let end = () => {}
    try {
      const pool = caller.isBackground ? this.#backgroundPool : this.#pool
      return await pool.run({
        spec,
        depth,
        invocation: { header, event: JSON.stringify(event ?? {}), timeoutMs },
        onAssigned: (worker) => {
          const deadlineAtMs = Date.now() + timeoutMs
          const call = { function: spec.name, user, requestId, source, depth, clientIp, deadlineAtMs }
          end = this.#running.begin(worker, callToken, call)
        },
      })
    } finally {
      end()
    }
  }

  #remember(
    spec: FunctionSpec,
    { requestId, identity }: FunctionCaller,
    {
      error,
      ...facts
    }: Pick<CallRecord, 'startedAtMs' | 'durationMs' | 'memoryBytes' | 'log'> & {
      error: AppError | undefined
    },
  ) {
    const stack = error?.details?.['stack'] ?? error?.message
    this.#journal.add({
      ...facts,
      requestId,
      functionName: spec.name,
      callerKind: identity.kind,
      status: error?.code ?? 'ok',
      error: stack === undefined ? undefined : String(stack),
    })
    if (error) this.#needs.log.warn({ requestId, function: spec.name, status: error.code }, 'function call failed')
  }

  #readSpecs() {
    const { functionsRoot, settings, log } = this.#needs
    return readFunctions(functionsRoot ?? '', settings, (problem) =>
      log.warn({ problem }, 'function settings left out'),
    )
  }
}

/** On whose behalf a call runs: the person themself, or the one that a calling function runs for. */
function userOf(identity: Identity): UserIdentity | undefined {
  if (identity.kind === 'user') return identity
  return identity.kind === 'function' ? identity.user : undefined
}
