/** Counts every call of a function: rate, latency, failures, memory. */
import { EMPTY_FUNCTION, type FunctionRecord, LATENCY_BOUNDS_MS, latencyBucket } from './metrics-record.ts'

/** One call, as the functions' journal has it. */
export type SeenCall = {
  readonly functionName: string
  readonly durationMs: number
  readonly memoryBytes: number
  /** `ok` or a code of the error table. */
  readonly status: string
}
type Counting = { -readonly [K in keyof FunctionRecord]: FunctionRecord[K] } & { latency: number[] }

export function createFunctionMetrics() {
  let functions = new Map<string, Counting>()

  return {
    count({ functionName, durationMs, memoryBytes, status }: SeenCall) {
      const entry = functions.get(functionName) ?? {
        ...EMPTY_FUNCTION,
        latency: new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0),
      }
      functions.set(functionName, entry)
      const bucket = latencyBucket(durationMs)
      entry.count += 1
      entry.latency[bucket] = (entry.latency[bucket] ?? 0) + 1
      entry.memoryMaxBytes = Math.max(entry.memoryMaxBytes, memoryBytes)
      if (status !== 'ok') entry.errors += 1
    },
    /** What was counted since the last call. */
    take(): Record<string, FunctionRecord> {
      const taken = Object.fromEntries(functions)
      functions = new Map()
      return taken
    },
  }
}
