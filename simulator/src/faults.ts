import type { SeededRandom } from './seeded-random.ts'

/** What can go wrong between us and WeChat. */
// biome-ignore format: a table keeps its columns
export const FAULTS = {
  latency:              'answers later, by `latencyMs`',
  busy:                 'refuses with errcode -1; nothing happened',
  refuse:               'refuses with `errcode`; nothing happened',
  'http-500':           'answers 500 with HTML; nothing happened',
  'timeout-before':     'never answers; nothing happened',
  'timeout-after':      'never answers, and everything happened: a caller cannot tell it from the one before',
  reset:                'breaks the connection; nothing happened',
  duplicate:            'does it twice, as if a proxy had sent it twice, and answers the second time',
  reorder:              'waits until a later call of the same path is through',
  truncate:             'breaks the connection in the middle of the answer; everything happened',
  garbled:              'answers JSON with a stray sign in it; everything happened',
  'empty-body':         'answers 200 with nothing; everything happened',
  html:                 'answers 200 with HTML; everything happened',
  'wrong-content-type': 'calls its answer text/plain',
} as const

export type Fault = {
  kind: keyof typeof FAULTS
  /** How often, 0–1. Every time if left out. */
  rate?: number
  /** How many times before the fault is over. Endless if left out. */
  times?: number
  /** For `latency`. */
  latencyMs?: number
  /** For `refuse`: the code that is answered, without any effect. */
  errcode?: number
  errmsg?: string
}

export type Knobs = {
  /** Adds a fault to one path (as in the route table), or to all of them with `*`. */
  inject(path: string, fault: Fault): void
  /** Removes the faults of one path, or all. */
  clear(path?: string): void
  list(): { path: string; fault: Fault }[]
  /** The faults that strike this call. Counts down `times`. */
  strike(path: string): Fault[]
  /** Added to the simulator's clock: how wrong WeChat's clock is compared with ours. */
  clockSkewMs: number
}

const FAULT_LIMIT = 1_000

export function openKnobs(random: SeededRandom): Knobs {
  let entries: { path: string; fault: Fault; left: number }[] = []

  return {
    clockSkewMs: 0,
    inject(path, fault) {
      if (entries.length >= FAULT_LIMIT) throw new Error(`More than ${FAULT_LIMIT} faults; clear some first.`)
      entries.push({ path, fault, left: fault.times ?? Infinity })
    },
    clear(path) {
      entries = path === undefined ? [] : entries.filter((entry) => entry.path !== path)
    },
    list: () => entries.map(({ path, fault, left }) => ({ path, fault: { ...fault, times: left } })),
    strike(path) {
      const struck = entries.filter(
        (entry) => (entry.path === path || entry.path === '*') && random.fraction() < (entry.fault.rate ?? 1),
      )
      for (const entry of struck) entry.left -= 1
      if (struck.length) entries = entries.filter((entry) => entry.left > 0)
      return struck.map((entry) => entry.fault)
    },
  }
}
