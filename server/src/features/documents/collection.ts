/** What the engine knows of one collection. */
import type { CollectionRules, IndexDefinition } from './document-request.ts'
import type { SqlSource } from './sql-source.ts'

export type NamedIndex = IndexDefinition & { readonly name: string }

export type Collection = {
  readonly name: string
  /** Safe to quote into SQL. */
  readonly table: string
  readonly rules: CollectionRules
  readonly indexes: readonly NamedIndex[]
  /** How SQL looks into its documents. */
  readonly source: SqlSource
}
