/** What is read: from which collection, which records, in which order, how many. */
import type { SqlValue } from '../../database/database.ts'
import type { Collection } from './collection.ts'
import type { Filter } from './document-filter.ts'
import type { ExpressionTest } from './match-document.ts'
import type { QueryPlan } from './plan-query.ts'
import type { SortKey } from './sort-documents.ts'

/** A read ready to run. */
export type Selection = {
  readonly collection: Collection
  readonly filter: Filter
  readonly order: readonly SortKey[]
  readonly skip: number
  readonly limit: number
  readonly timeoutMs: number
  readonly expressionTest?: ExpressionTest
  /** Top-level fields that are enough, where the database can leave out the others. */
  readonly fields?: readonly string[] | undefined
}

export type PreparedSelection = {
  readonly sql: string
  readonly params: readonly SqlValue[]
  readonly plan: QueryPlan | undefined
  readonly isExact: boolean
  /** SQL gives the rows in the wanted order. */
  readonly isOrdered: boolean
  readonly isQuick: boolean
}
