/** Where the response time turns up: the model's side of the comparison with what `bench` measures. */

export type KneeInput = {
  /** CPU of all processes together, per request. */
  readonly cpuMsPerRequest: number
  /** The part of it on the busiest single thread: Node's event loop. A thread cannot use a second core. */
  readonly threadMsPerRequest: number
  readonly cores: number
  readonly processes: number
  /** p95 may not exceed this. */
  readonly latencyLimitMs?: number
}

/** In a single queue, 95 % of the responses take at most three times the mean. */
const P95_OVER_MEAN = 3

/** Requests a second at the knee: the bottleneck's rate, less the share that queueing needs to keep p95 within its limit. */
export function predictKnee({
  cpuMsPerRequest,
  threadMsPerRequest,
  cores,
  processes,
  latencyLimitMs = 300,
}: KneeInput): number {
  const byCores = (cores * 1000) / cpuMsPerRequest
  const byThreads = (processes * 1000) / threadMsPerRequest
  const serviceMs = byThreads < byCores ? threadMsPerRequest : cpuMsPerRequest
  const usable = Math.max(0, 1 - (P95_OVER_MEAN * serviceMs) / latencyLimitMs)
  return Math.min(byCores, byThreads) * usable
}
