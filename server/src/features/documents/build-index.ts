/** Creates and drops a declared index in the database. */
import { AppError } from '../../errors.ts'
import type { Collection } from './collection-catalogue.ts'
import { createIndexSql, type NamedIndex, sqlIndexName } from './collection-indexes.ts'
import {
  addKeyColumnSql,
  indexedPaths,
  isGeoIndex,
  keyColumnName,
  listColumnsSql,
  sourceFor,
} from './collection-tables.ts'
import type { Engine } from './documents-needs.ts'

/** Reads go on meanwhile. A geo index is a declaration only: distances are computed on the rows. */
export async function buildIndex(engine: Engine, collection: Collection, index: NamedIndex) {
  const { database } = engine
  if (isGeoIndex(index)) return
  refuseUnaddressable(collection, index)
  if (database.dialect.name !== 'postgres') await addKeyColumns(engine, collection, index)
  const source = sourceFor(database.dialect, [...collection.indexes, index])
  await database.define(createIndexSql(database.dialect, collection, index, source))
}

/** @throws {AppError} `not_supported` for names that this database cannot put into a JSON path */
function refuseUnaddressable({ source }: Collection, { fields }: NamedIndex) {
  const path = Object.keys(fields).find((field) => !source.canAddress(field.split('.')))
  if (path === undefined) return
  throw new AppError('not_supported', `${path} cannot be indexed on this database.`, { details: { path } })
}

async function addKeyColumns({ database }: Engine, { table }: Collection, index: NamedIndex) {
  const rows = await database.read(listColumnsSql(database.dialect), [table], { cost: 'cheap' })
  const present = new Set(rows.map(({ name }) => String(name)))
  for (const path of indexedPaths([index])) {
    if (!present.has(keyColumnName(path))) await database.define(addKeyColumnSql(database.dialect, table, path))
  }
}

/** The key's column stays: it costs nothing, and another index may use it. */
export async function removeIndex({ database }: Engine, collection: Collection, index: NamedIndex) {
  if (isGeoIndex(index)) return
  const name = database.dialect.quote(sqlIndexName(collection, index))
  const table = database.dialect.quote(collection.table)
  await database.define(
    database.dialect.name === 'mysql' ? `DROP INDEX ${name} ON ${table}` : `DROP INDEX IF EXISTS ${name}`,
  )
}
