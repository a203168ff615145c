/** One call that reached the simulator, for assertions such as "this openid was charged once". */
export type Call = {
  readonly atMs: number
  readonly method: string
  /** The path of the route table, with `:name` where a value stands. */
  readonly path: string
  readonly url: string
  /** Parsed if it was JSON, text if it was not, undefined if empty or long. */
  readonly body: unknown
  /** HTTP status that was, or would have been, answered. */
  readonly status: number
  /** WeChat's code; 0 is success. */
  readonly errcode: number
  /** Whether the call changed or read anything: false if it was refused or a fault came before. */
  readonly hadEffect: boolean
  readonly faults: readonly string[]
}

export type CallLog = {
  add(call: Call): void
  /** Oldest first. */
  list(path?: string): Call[]
  /** Calls of this path since the last `clear`, also those the log has forgotten. */
  count(path: string): number
  clear(): void
}

/** Keeps the last `limit` calls and counts all of them. */
export function openCallLog(limit: number): CallLog {
  let calls: Call[] = []
  const counts = new Map<string, number>()

  return {
    add(call) {
      calls.push(call)
      if (calls.length > limit * 2) calls = calls.slice(-limit)
      counts.set(call.path, (counts.get(call.path) ?? 0) + 1)
    },
    list: (path) => calls.slice(-limit).filter((call) => path === undefined || call.path === path),
    count: (path) => counts.get(path) ?? 0,
    clear() {
      calls = []
      counts.clear()
    },
  }
}
