/** One worker process: is handed a function, then its calls, and says how each of them ended. */
import { randomBytes } from 'node:crypto'
import {
  type Ending,
  type KillReason,
  LoadError,
  type LogLine,
  type Outcome,
  type WorkerFault,
} from './call-outcome.ts'
import type { FunctionSpec } from './function-config.ts'
import { encodeFrame, type Frame, frameReader } from './worker-frames.ts'
import { killGroup, type ProcessStart, startProcess, type WorkerProcess } from './worker-process.ts'

export type Invocation = {
  /** What worker-main.cjs needs to know about this call. */
  readonly header: Readonly<Record<string, unknown>>
  /** The event, as JSON text. */
  readonly event: string
  readonly timeoutMs: number
}

export type LoadOptions = {
  /** Variables in addition to those that the process was started with. */
  readonly environment: Readonly<Record<string, string>>
  /** File that `wx-server-sdk` means for this function, if not the one that its folder resolves to. */
  readonly sdkFile: string | undefined
}

/** Output that bypasses `console` is read up to this much per call; then its writer is left to wait. */
const RAW_OUTPUT_BYTES = 64 * 1024
const LAST_WORDS_CHARACTERS = 4_096
/** After its end, a worker's last output is waited for this long: children may hold the pipe open for ever. */
const LAST_OUTPUT_WAIT_MS = 100

type Running = {
  readonly settle: (outcome: Outcome) => void
  readonly log: LogLine[]
  readonly timer: NodeJS.Timeout
  readonly startedAtMs: number
}

type Loading = { readonly resolve: () => void; readonly reject: (error: LoadError) => void; readonly log: LogLine[] }

export class FunctionWorker {
  /** What this worker's requests to the server carry. */
  readonly token: string
  readonly memoryMb: number
  readonly exited: Promise<void>
  spec: FunctionSpec | undefined
  idleSinceMs = Date.now()
  isEnded = false
  #hasExited = false
  readonly #process: WorkerProcess
  readonly #running = new Map<number, Running>()
  #loading: Loading | undefined
  #killReason: KillReason | undefined
  #startError: Error | undefined
  #rawOutputBytes = 0
  #lastWords = ''
  #memoryBytes = 0
  #callCount = 0

  constructor(memoryMb: number, start: (token: string) => ProcessStart) {
    this.memoryMb = memoryMb
    this.token = randomBytes(32).toString('base64url')
    this.#process = startProcess(start(this.token))
    this.#readAnswers()
    for (const stream of this.#process.rawOutput) stream.on('data', (chunk: Buffer) => this.#onRawOutput(chunk))
    this.exited = this.#whenExited()
  }

  get pid(): number {
    return this.#process.child.pid ?? 0
  }

  /** Whether it can be handed calls: not ended, and nobody has decided to end it. */
  get isUsable(): boolean {
    return !this.#hasExited && this.#killReason === undefined
  }

  get callsRunning(): number {
    return this.#running.size
  }

  get isLoading(): boolean {
    return this.#loading !== undefined
  }

  /** More output than anybody reads: whatever writes it is blocked by now, so this worker should go. */
  get isFlooded(): boolean {
    return this.#rawOutputBytes > RAW_OUTPUT_BYTES
  }

  /** How long the oldest running call has been running; 0 if none is. */
  runningMs(nowMs: number): number {
    const [oldest] = this.#running.values()
    return oldest ? nowMs - oldest.startedAtMs : 0
  }

  /** Loads the function's code. @throws {LoadError} */
  async load(spec: FunctionSpec, { environment, sdkFile }: LoadOptions, timeoutMs: number): Promise<void> {
    this.spec = spec
    const { entryFile, exportName, isLight } = spec
    const timer = setTimeout(() => this.kill('timed-out'), timeoutMs)
    try {
      await new Promise<void>((resolve, reject) => {
        this.#loading = { resolve, reject, log: [] }
        this.#send({ kind: 'load', entryFile, exportName, environment, sdkFile, isLight })
      })
    } finally {
      clearTimeout(timer)
      this.#loading = undefined
      this.idleSinceMs = Date.now()
    }
  }

  /** Runs one call. Never rejects: how it ended is the outcome. */
  run({ header, event, timeoutMs }: Invocation): Promise<Outcome> {
    const id = this.#callCount++
    this.#rawOutputBytes = 0
    return new Promise((settle) => {
      const timer = setTimeout(() => this.#onTimeout(id), timeoutMs)
      this.#running.set(id, { settle, log: [], timer, startedAtMs: Date.now() })
      this.#send({ ...header, kind: 'run', id }, event)
    })
  }

  /** Ends the process and its whole group at once. Running calls end with this reason. */
  kill(reason: KillReason): void {
    this.#killReason ??= reason
    if (!this.#hasExited) killGroup(this.#process.child)
  }

  #send(header: Readonly<Record<string, unknown>>, body?: string) {
    this.#process.commands.write(encodeFrame(header, body))
  }

  #onTimeout(id: number) {
    // Where calls share a worker, one that never answers does not take the others with it; the pool retires the worker.
    if (this.#running.size > 1) this.#settle(id, { kind: 'timed-out' })
    else this.kill('timed-out')
  }

  #readAnswers() {
    const read = frameReader((frame) => this.#onFrame(frame))
    this.#process.answers.on('data', (chunk: Buffer) => {
      try {
        read(chunk)
      } catch {
        this.kill('retired') // a broken frame: the function wrote into our pipe
      }
    })
  }

  #onRawOutput(chunk: Buffer) {
    const text = chunk.toString('utf8')
    this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_CHARACTERS)
    this.#rawOutputBytes += chunk.length
    if (!this.isFlooded) this.#addLog(undefined, { atMs: Date.now(), level: 'info', text: text.trimEnd() })
    else for (const stream of this.#process.rawOutput) stream.pause()
  }

  #addLog(id: number | undefined, line: LogLine) {
    const [only] = this.#running.values()
    const call = id === undefined ? only : this.#running.get(id)
    ;(call ?? this.#loading)?.log.push(line)
  }

  #onFrame({ header, body }: Frame) {
    const id = typeof header['id'] === 'number' ? header['id'] : undefined
    const error = header['error'] as WorkerFault // safe: worker-main.cjs writes one with every failure
    this.#memoryBytes = Number(header['memoryBytes'] ?? this.#memoryBytes)
    switch (header['kind']) {
      case 'log':
        return this.#addLog(id, {
          atMs: Number(header['atMs']),
          level: String(header['level']),
          text: body.toString('utf8'),
        })
      case 'loaded':
        return this.#loading?.resolve()
      case 'load-failed':
        return this.#loading?.reject(new LoadError(error.message, error, this.#loading.log))
      case 'done':
        return this.#settle(id, { kind: 'done', result: header['hasResult'] ? body.toString('utf8') : undefined })
      case 'too-large':
        return this.#settle(id, { kind: 'too-large', bytes: Number(header['bytes']) })
      case 'failed':
        return this.#settle(id, { kind: 'failed', error })
    }
  }

  #settle(id: number | undefined, ending: Ending) {
    const running = id === undefined ? undefined : this.#running.get(id)
    if (!running || id === undefined) return
    clearTimeout(running.timer)
    this.#running.delete(id)
    this.idleSinceMs = Date.now()
    running.settle({ ending, log: running.log, memoryBytes: this.#memoryBytes })
  }

  async #whenExited() {
    const { child, rawOutput } = this.#process
    const closed = new Promise((resolve) => child.once('close', resolve))
    const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      child.once('exit', (code, name) => resolve([code, name]))
      child.once('error', (error) => {
        this.#startError = error
        resolve([null, null])
      })
    })
    this.#hasExited = true
    killGroup(child) // children that it left behind
    for (const stream of rawOutput) stream.resume()
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, LAST_OUTPUT_WAIT_MS))])
    this.isEnded = true
    this.#endEverything(exitCode, signal)
  }

  #endEverything(exitCode: number | null, signal: string | null) {
    const isHeapFull = /heap out of memory|Allocation failed/.test(this.#lastWords)
    const kind = this.#killReason ?? (isHeapFull ? 'out-of-memory' : 'retired')
    const ending: Ending = kind === 'retired' ? { kind: 'exited', exitCode, signal } : { kind }
    for (const id of [...this.#running.keys()]) this.#settle(id, ending)
    this.#loading?.reject(this.#loadError(kind, this.#loading.log))
  }

  #loadError(kind: KillReason, log: readonly LogLine[]): LoadError {
    if (this.#startError) {
      const { message } = this.#startError
      return new LoadError(message, { name: 'Error', message, code: 'PROGRAM_NOT_FOUND', stack: message }, log)
    }
    const why =
      kind === 'timed-out' ? 'Loading the function took too long.' : 'The process ended while the function was loaded.'
    return new LoadError(why, undefined, log)
  }
}
