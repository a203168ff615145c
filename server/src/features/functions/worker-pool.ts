/**
 * Which call runs where. Warm workers are kept per function, as CloudBase keeps instances: what one function leaks or
 * breaks stays in its own processes. The pool grows by one worker at a time while calls wait, takes idle workers from
 * other functions when the box is full, and sheds calls that would wait too long.
 */
import os from 'node:os'
import { AppError } from '../../errors.ts'
import type { Outcome } from './call-outcome.ts'
import type { FunctionSpec } from './function-config.ts'
import type { FunctionWorker, Invocation, LoadOptions } from './function-worker.ts'
import { isWornOut, watchWorkers } from './worker-watch.ts'

export type PoolSettings = {
  /** Processes at most, for calls from outside. */
  readonly workers: number
  /** Share of the workers that one function may take, so that one slow function does not stop all the others. */
  readonly workersPerFunction: number
  readonly queueLength: number
  readonly queueWaitMs: number
  /** A second worker for a function starts only if a call has waited this long: a warm one is often free sooner. */
  readonly growAfterMs: number
  readonly loadTimeoutMs: number
  readonly idleMs: number
  readonly callsPerLightWorker: number
}

// biome-ignore format: a table keeps its columns
const POOL_SETTINGS = {
  queueLength:         500,
  queueWaitMs:         5_000,
  growAfterMs:         40,
  loadTimeoutMs:       30_000,
  idleMs:              10 * 60_000,
  callsPerLightWorker: 64,
} as const

/** One worker takes 60–100 MB with the SDK in it, and two cores run a handful of busy functions at once. */
const WORKERS_PER_CORE = 4
const MEMORY_SHARE = 0.3
const WORKER_MB = 90

/** `workers` 0: as many as this box carries beside the server and the database. */
export function poolSettingsFor(workers: number): PoolSettings {
  const byMemory = Math.floor((os.totalmem() * MEMORY_SHARE) / (WORKER_MB * 1024 * 1024))
  const count = workers || Math.max(2, Math.min(byMemory, os.availableParallelism() * WORKERS_PER_CORE))
  return { ...POOL_SETTINGS, workers: count, workersPerFunction: Math.max(1, Math.ceil(count * 0.75)) }
}

export type Job = {
  readonly spec: FunctionSpec
  readonly invocation: Invocation
  /** How many functions called each other to get here. */
  readonly depth: number
  /** Told which worker runs the call, and again when it ended. */
  readonly onAssigned: (worker: FunctionWorker) => void
}

export type PoolNeeds = {
  readonly settings: PoolSettings
  /** Starts an empty worker. */
  readonly start: (spec?: FunctionSpec) => FunctionWorker
  readonly prepareLoad: (spec: FunctionSpec) => LoadOptions
  /** Told before a worker runs any code of a function. */
  readonly onLoad: (worker: FunctionWorker, spec: FunctionSpec) => void
}

type Waiting = Job & {
  readonly sinceMs: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: Error) => void
}

const TICK_MS = 20
const HOUSEKEEPING_MS = 5_000

export class WorkerPool {
  readonly #needs: PoolNeeds
  readonly #workers = new Set<FunctionWorker>()
  /** A started process without a function: saves a cold call the start of Node. */
  #spare: FunctionWorker | undefined
  #queue: Waiting[] = []
  #ticking: NodeJS.Timeout | undefined
  readonly #housekeeping: NodeJS.Timeout
  readonly #stopWatching: () => void
  #isClosed = false
  /** A server whose functions nobody calls keeps no spare process. */
  #isUsed = false

  constructor(needs: PoolNeeds) {
    this.#needs = needs
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS)
    this.#housekeeping.unref()
    this.#stopWatching = watchWorkers(() => this.workers)
  }

  get workers(): readonly FunctionWorker[] {
    return [...this.#workers]
  }

  /** Workers at most. */
  get size(): number {
    return this.#needs.settings.workers
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Runs one call. @throws {AppError} `overloaded`; @throws {LoadError} */
  run(job: Job): Promise<Outcome> {
    if (this.#isClosed) throw new AppError('shutting_down', 'The server is stopping.')
    const { queueLength } = this.#needs.settings
    if (this.#queue.length >= queueLength) {
      throw new AppError('overloaded', `${queueLength} function calls are waiting already.`)
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...job, sinceMs: Date.now(), resolve, reject })
      this.#dispatch()
    })
  }

  /** Starts a worker for a function before anybody calls it. */
  async warm(spec: FunctionSpec): Promise<void> {
    if (!this.#hasWorkerFor(spec)) await this.#addWorker(spec)
  }

  /** Lets running calls finish on the code they started with; nothing new goes there. */
  retire(name: string): void {
    for (const worker of this.#workers) if (worker.spec?.name === name) this.#retireWorker(worker)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#housekeeping)
    this.#stopWatching()
    clearInterval(this.#ticking)
    for (const { reject } of this.#queue.splice(0)) reject(new AppError('shutting_down', 'The server is stopping.'))
    const all = [...this.#workers, ...(this.#spare ? [this.#spare] : [])]
    for (const worker of all) worker.kill('retired')
    await Promise.all(all.map((worker) => worker.exited))
  }

  readonly #retiring = new WeakSet<FunctionWorker>()

  #retireWorker(worker: FunctionWorker) {
    this.#retiring.add(worker)
    if (worker.callsRunning === 0) worker.kill('retired')
  }

  #capacityOf(worker: FunctionWorker): number {
    if (!worker.isUsable || worker.isLoading || this.#retiring.has(worker)) return 0
    const most = worker.spec?.isLight ? this.#needs.settings.callsPerLightWorker : 1
    return most - worker.callsRunning
  }

  #dispatch() {
    this.#queue = this.#queue.filter((waiting) => !this.#assign(waiting))
    const seen = new Set<FunctionSpec>()
    for (const waiting of this.#queue) {
      if (seen.has(waiting.spec)) continue
      seen.add(waiting.spec)
      this.#growFor(waiting)
    }
    if (this.#queue.length > 0) this.#ticking ??= setInterval(() => this.#tick(), TICK_MS)
    else this.#stopTicking()
  }

  #stopTicking() {
    clearInterval(this.#ticking)
    this.#ticking = undefined
  }

  #tick() {
    const tooOld = Date.now() - this.#needs.settings.queueWaitMs
    // A cold start with large packages may take longer than anybody should wait for a busy worker.
    const isExpired = ({ spec, sinceMs }: Waiting) => sinceMs < tooOld && !this.#isStarting(spec)
    const expired = this.#queue.filter(isExpired)
    this.#queue = this.#queue.filter((waiting) => !isExpired(waiting))
    for (const { reject } of expired) reject(new AppError('overloaded', 'All function workers are busy.'))
    this.#dispatch()
  }

  #assign(waiting: Waiting): boolean {
    const candidates = [...this.#workers].filter(({ spec }) => spec === waiting.spec)
    const worker = candidates.find((candidate) => this.#capacityOf(candidate) > 0)
    if (!worker) return false
    waiting.onAssigned(worker)
    worker.run(waiting.invocation).then((outcome) => {
      waiting.resolve(outcome)
      this.#afterCall(worker, outcome)
    })
    return true
  }

  #afterCall(worker: FunctionWorker, { ending }: Outcome) {
    const wasLost = !worker.isUsable && !this.#retiring.has(worker)
    if (ending.kind === 'timed-out' || worker.isFlooded || this.#retiring.has(worker)) this.#retireWorker(worker)
    this.#dispatch()
    // The next call of a function whose worker was lost should not pay for it.
    if (wasLost && worker.spec && !this.#hasWorkerFor(worker.spec)) this.#addWorker(worker.spec).catch(() => {})
  }

  #isStarting(spec: FunctionSpec) {
    return [...this.#workers].some((worker) => worker.spec === spec && worker.isLoading)
  }

  #hasWorkerFor(spec: FunctionSpec) {
    return [...this.#workers].some((worker) => worker.spec === spec && worker.isUsable)
  }

  /** Starts one more worker for this function if that is due, and if there is room or an idle worker to give up. */
  #growFor({ spec, sinceMs, depth }: Waiting) {
    const { workers, workersPerFunction, growAfterMs } = this.#needs.settings
    const own = [...this.#workers].filter((worker) => worker.spec === spec && worker.isUsable)
    if (own.some((worker) => worker.isLoading)) return
    // A function that waits for another function holds a worker: each level gets one more, or all would wait for ever.
    if (own.length >= workersPerFunction + depth) return
    if (own.length > 0 && Date.now() - sinceMs < growAfterMs) return
    if (this.#workers.size >= workers + depth && !this.#giveUpIdleWorker(spec)) return
    this.#addWorker(spec).catch(() => {})
  }

  /** Ends the idle worker of another function that was used least recently. */
  #giveUpIdleWorker(spec: FunctionSpec): boolean {
    const idle = [...this.#workers].filter((worker) => worker.spec !== spec && this.#isIdle(worker))
    const [oldest] = idle.sort((a, b) => a.idleSinceMs - b.idleSinceMs)
    if (!oldest) return false
    this.#retireWorker(oldest)
    this.#workers.delete(oldest)
    return true
  }

  #isIdle(worker: FunctionWorker) {
    return worker.isUsable && !worker.isLoading && worker.callsRunning === 0
  }

  async #addWorker(spec: FunctionSpec): Promise<void> {
    if (this.#isClosed) return
    const worker = this.#takeSpare(spec) ?? this.#needs.start(spec)
    this.#workers.add(worker)
    this.#isUsed = true
    this.#needs.onLoad(worker, spec)
    worker.exited.then(() => {
      this.#workers.delete(worker)
      if (!this.#isClosed) this.#dispatch()
    })
    try {
      await worker.load(spec, this.#needs.prepareLoad(spec), this.#needs.settings.loadTimeoutMs)
      this.#dispatch()
    } catch (error) {
      worker.kill('retired')
      // Every call would meet the same syntax error or missing package, after the same wait.
      const failed = this.#queue.filter((waiting) => waiting.spec === spec)
      this.#queue = this.#queue.filter((waiting) => waiting.spec !== spec)
      for (const { reject } of failed) reject(error as Error) // safe: load rejects with LoadError only
    }
  }

  #takeSpare(spec: FunctionSpec): FunctionWorker | undefined {
    const spare = this.#spare
    if (spec.runtime !== 'node' || spare?.memoryMb !== spec.memoryMb || !spare.isUsable) return undefined
    this.#spare = undefined
    // Not at once: the function that is loading now needs the processor more.
    setTimeout(() => this.#refillSpare(), this.#needs.settings.growAfterMs * 25).unref()
    return spare
  }

  #refillSpare() {
    if (this.#isUsed && !this.#isClosed) this.#spare ??= this.#needs.start()
  }

  #keepHouse() {
    const { idleMs, workers } = this.#needs.settings
    const idleBefore = Date.now() - idleMs
    for (const worker of this.#workers) {
      const isUnneeded = worker.idleSinceMs < idleBefore || this.#workers.size > workers
      if (this.#isIdle(worker) && (isUnneeded || isWornOut(worker))) {
        this.#retireWorker(worker)
        this.#workers.delete(worker)
      }
    }
    if (this.#spare && !this.#spare.isUsable) this.#spare = undefined
    this.#refillSpare()
  }
}
