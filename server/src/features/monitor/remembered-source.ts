/** A source that looks rarely and tells often: a sample must not wait for a disk, a handshake or a query. */
import type { MetricsSource } from './monitor.ts'

type Needs = {
  /** Undefined: not known now. */
  readonly look: () => Promise<Readonly<Record<string, number>> | undefined>
  readonly everyMs: number
  readonly now: () => number
}

export function rememberedSource({ look, everyMs, now }: Needs): MetricsSource {
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let gauges: Readonly<Record<string, number>> = {}
  return () => {
    if (now() - lookedAtMs >= everyMs) {
      lookedAtMs = now()
      look().then(
        (found) => {
          gauges = found ?? {}
        },
        () => {
          gauges = {} // not known is not "fine": the rule keeps its state
        },
      )
    }
    return { gauges }
  }
}

const COUNT_EVERY_MS = 60_000

/** What piles up until a person looks at it, such as `jobs.deadLetters`; counted once a minute. */
export const countedSource = (gauge: string, count: () => Promise<number>, now: () => number = Date.now) =>
  rememberedSource({ look: async () => ({ [gauge]: await count() }), everyMs: COUNT_EVERY_MS, now })
