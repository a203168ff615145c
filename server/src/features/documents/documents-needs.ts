import type { LRUCache } from 'lru-cache'
import type { Database, DatabaseLog } from '../../database/database.ts'
import type { AggregationPool } from './aggregation-pool.ts'
import type { CollectionCatalogue } from './collection-catalogue.ts'
import type { SqlSource } from './sql-source.ts'

/** Limits of the engine that an operator may change. */
export type DocumentSettings = {
  /** A request without a deadline of its own gets this one. */
  readonly timeoutMs: number
  /** Rows that one query may look at in JavaScript, after SQL has narrowed them as far as it can. */
  readonly residualRowsMax: number
  /** Text that one query may hold in memory while it sorts or aggregates in JavaScript. */
  readonly residualBytesMax: number
  /** Queries that take longer are logged and reported to `onSlowQuery`. */
  readonly slowQueryMs: number
  /** How long an interactive transaction may stay open, and how many at once. */
  readonly transactionTtlMs: number
  readonly openTransactionsMax: number
  /** How long an Idempotency-Key is remembered. */
  readonly idempotencyTtlMs: number
}

export const DEFAULT_DOCUMENT_SETTINGS: DocumentSettings = {
  timeoutMs: 10_000,
  residualRowsMax: 200_000,
  residualBytesMax: 64 * 1024 * 1024,
  slowQueryMs: 200,
  transactionTtlMs: 30_000,
  openTransactionsMax: 1_000,
  idempotencyTtlMs: 24 * 3600 * 1000,
}

export type SlowQuery = {
  readonly collection: string
  readonly sql: string
  readonly durationMs: number
  readonly plan: readonly string[]
  /** A ready command, if an index would help. */
  readonly proposedIndex: string | undefined
}

/** What every part of the engine receives. */
export type Engine = {
  readonly database: Database
  readonly catalogue: CollectionCatalogue
  readonly settings: DocumentSettings
  readonly now: () => number
  readonly log: DatabaseLog
  readonly onSlowQuery: ((query: SlowQuery) => void) | undefined
  readonly aggregations: AggregationPool
  /** Statements that were too slow for the event loop lately: they go to a reader thread at once. */
  readonly slowShapes: LRUCache<string, true>
  /** Indexes at whose fields documents hold arrays, lately: their queries run in the general form at once. */
  readonly arrayIndexes: LRUCache<string, true>
}

/** Where a collection's JSON is: the expressions for its paths. */
export type SourceOf = (indexes: readonly { readonly fields: Readonly<Record<string, unknown>> }[]) => SqlSource
