/** Slow queries, one entry per statement: how often, how slow, how the database planned it, which index would help. */
import { LRUCache } from 'lru-cache'
import type { SlowQuery } from '../documents/documents-needs.ts'

export type SlowStatement = SlowQuery & {
  readonly count: number
  readonly totalMs: number
  readonly maxMs: number
  readonly lastAtMs: number
}

/** Values are not in the text of a statement, so few shapes make up the whole load. */
const STATEMENTS_KEPT = 200

export function createSlowQueryBook(now: () => number = Date.now) {
  const statements = new LRUCache<string, SlowStatement>({ max: STATEMENTS_KEPT })

  return {
    add(query: SlowQuery) {
      const before = statements.get(query.sql)
      statements.set(query.sql, {
        ...query,
        count: (before?.count ?? 0) + 1,
        totalMs: (before?.totalMs ?? 0) + query.durationMs,
        maxMs: Math.max(before?.maxMs ?? 0, query.durationMs),
        lastAtMs: now(),
      })
    },
    /** What costs most first. */
    list: (): SlowStatement[] => [...statements.values()].toSorted((a, b) => b.totalMs - a.totalMs),
    clear: () => statements.clear(),
  }
}

export type SlowQueryBook = ReturnType<typeof createSlowQueryBook>
