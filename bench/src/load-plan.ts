/** What a load is made of and what it yields: plain data that crosses threads. */
import type { RequestStep } from './request-template.ts'

export type LoadPlan = {
  readonly host: string
  readonly port: number
  readonly isTls?: boolean
  /** Over TLS. Bytes per answer are then those that crossed the line. */
  readonly isHttp2?: boolean
  readonly steps: readonly RequestStep[]
  readonly users: readonly { readonly name: string; readonly token: string }[]
  readonly runName: string
  readonly seed: number
  /** Connections, each with one request in flight: all threads together. */
  readonly connections: number
  readonly arrivals: Arrivals
  /** Answered but not counted: caches fill, code is compiled. */
  readonly warmUpMs: number
  readonly durationMs: number
  /** After this long a client has given up: counted as a failure. */
  readonly timeoutMs: number
}

export type Arrivals =
  /** Open loop: requests start at random (Poisson) moments, however slow the answers are. */
  | { readonly kind: 'rate'; readonly perSecond: number }
  /** Closed loop: each connection sends its next request as soon as it has its answer. Finds the highest rate. */
  | { readonly kind: 'saturate' }

/** What one step of the scenario met, in one thread. */
export type StepTally = {
  readonly name: string
  ok: number
  /** 429 and 503: the server said that it is busy. */
  refused: number
  failed: number
  bytes: number
  /** How often each unexpected status or error was met. */
  readonly problems: Record<string, number>
}

/** One thread's result. Histograms are packed, so that they can be merged. */
export type ThreadTally = {
  readonly steps: readonly (StepTally & { readonly latency: string; readonly refusal: string })[]
  /** How late requests left although a connection was free: the generator's own delay. */
  readonly lateness: string
  /** Refusals that carried `Retry-After`. */
  readonly refusalsWithRetryAfter: number
}
