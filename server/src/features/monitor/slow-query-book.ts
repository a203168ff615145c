/** Slow queries, one entry per statement: how often, how slow, how the database planned it, which index would help. */
import { LRUCache } from 'lru-cache'
import type { SlowQuery } from '../documents/documents-needs.ts'
import type { MetricsSource } from './monitor.ts'
import type { MonitorSettings } from './monitor-settings.ts'
import { isTransaction, type SeenStatement } from './statement-trace.ts'

export type SlowStatement = SlowQuery & {
  readonly count: number
  readonly totalMs: number
  readonly maxMs: number
  readonly lastAtMs: number
}

/** Values are not in the text of a statement, so few shapes make up the whole load. */
const STATEMENTS_KEPT = 200
const BOOK_SETTING = 'slow-statements'
const SAVE_EVERY_MS = 60_000
/** In the place of the collection. */
const OWN_SQL = 'SQL'

type Needs = { readonly settings: MonitorSettings; readonly now?: () => number }

export function createSlowQueryBook({ settings, now = Date.now }: Needs) {
  const statements = new LRUCache<string, SlowStatement>({ max: STATEMENTS_KEPT })
  let seen = 0
  let isSaved = true
  let savedAtMs = now()
  for (const statement of kept(settings)) statements.set(statement.sql, statement)

  return {
    add(query: SlowQuery) {
      const before = statements.get(query.sql)
      seen += 1
      isSaved = false
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
    clear() {
      statements.clear()
      isSaved = false
    },
    /** A statement that no document query ran: somebody's own SQL. What a whole transaction took says nothing about SQL. */
    addStatement({ sql, durationMs }: SeenStatement) {
      if (isTransaction(sql)) return
      this.add({ collection: OWN_SQL, sql, durationMs: Math.round(durationMs), plan: [], proposedIndex: undefined })
    },
    /** Writes the book down now and then, so that a restart does not forget it. */
    save({ isLast = false } = {}) {
      if (isSaved || (!isLast && now() - savedAtMs < SAVE_EVERY_MS)) return
      isSaved = true
      savedAtMs = now()
      settings.put(BOOK_SETTING, [...statements.values()])
    },
    source: (): ReturnType<MetricsSource> => ({ counters: { 'database.slowQueries': seen } }),
  }
}

export type SlowQueryBook = ReturnType<typeof createSlowQueryBook>

function kept(settings: MonitorSettings): SlowStatement[] {
  const stored = settings.find(BOOK_SETTING)
  return Array.isArray(stored) ? (stored as SlowStatement[]) : [] // safe: `save` wrote it
}
