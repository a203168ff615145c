/** Creates and drops a declared index in the database. */
import type { Collection } from './collection-catalogue.ts'
import { createIndexSql, isGeoIndex, type NamedIndex, sqlIndexName } from './collection-indexes.ts'
import { sourceFor } from './collection-tables.ts'
import type { Engine } from './documents-needs.ts'

/** Reads go on meanwhile. A geo index is a declaration only: distances are computed on the rows. */
export async function buildIndex({ database }: Engine, collection: Collection, index: NamedIndex) {
  if (isGeoIndex(index)) return
  const source = sourceFor(database.dialect, { indexes: [...collection.indexes, index] })
  await database.define(createIndexSql(database.dialect, collection, index, source))
}

export async function removeIndex({ database }: Engine, collection: Collection, index: NamedIndex) {
  if (isGeoIndex(index)) return
  const name = database.dialect.quote(sqlIndexName(collection, index))
  const table = database.dialect.quote(collection.table)
  await database.define(
    database.dialect.name === 'mysql' ? `DROP INDEX ${name} ON ${table}` : `DROP INDEX IF EXISTS ${name}`,
  )
}
