import type { Database } from '../../database/database.ts'
import type { CollectionCatalogue } from './collection-catalogue.ts'
import type { SqlSource } from './sql-source.ts'

/** Limits of the engine that an operator may change. */
export type DocumentSettings = {
  /** A request without a deadline of its own gets this one. */
  readonly timeoutMs: number
  /** Rows that one query may look at in JavaScript, after SQL has narrowed them as far as it can. */
  readonly residualRowsMax: number
  /** Queries that take longer are reported to `onSlowQuery`. */
  readonly slowQueryMs: number
  /** How long an interactive transaction may stay open, and how many at once. */
  readonly transactionTtlMs: number
  readonly openTransactionsMax: number
  /** How long an Idempotency-Key is remembered. */
  readonly idempotencyTtlMs: number
}

export const DEFAULT_DOCUMENT_SETTINGS: DocumentSettings = {
  timeoutMs: 10_000,
  residualRowsMax: 100_000,
  slowQueryMs: 200,
  transactionTtlMs: 30_000,
  openTransactionsMax: 1_000,
  idempotencyTtlMs: 24 * 3600 * 1000,
}

/** What every part of the engine receives. */
export type Engine = {
  readonly database: Database
  readonly catalogue: CollectionCatalogue
  readonly source: SqlSource
  readonly settings: DocumentSettings
  readonly now: () => number
}
