/** Creates and drops a declared index in the database. */
import { AppError } from '../../errors.ts'
import type { Collection, NamedIndex } from './collection.ts'
import { createIndexSql, sqlIndexName } from './collection-indexes.ts'
import {
  addKeyColumnSql,
  geoPathOf,
  indexedPaths,
  isGeoIndex,
  keyColumnName,
  listColumnsSql,
  sourceFor,
} from './collection-tables.ts'
import type { Engine } from './documents-needs.ts'
import { dropElementsSql, elementIndexSql, fillSteps, isElementIndex, runSteps } from './indexed-elements.ts'
import { pointColumnNames, pointExpressions } from './indexed-points.ts'

/** Reads go on meanwhile. */
export async function buildIndex(engine: Engine, collection: Collection, index: NamedIndex) {
  const { database } = engine
  refuseUnaddressable(collection, index)
  if (isElementIndex(index)) return buildElements(engine, collection, index)
  if (database.dialect.name !== 'postgres') await addKeyColumns(engine, collection, index)
  const source = sourceFor(database.dialect, [...collection.indexes, index])
  if (database.dialect.name === 'mysql' && (await isBuilt(engine, collection, index))) return
  try {
    await database.define(createIndexSql(database.dialect, collection, index, source))
  } catch (error) {
    // PostgreSQL leaves an index behind that it could not finish, and would take it for the index next time.
    if (database.dialect.name === 'postgres') await removeIndex(engine, collection, index)
    throw error
  }
}

/** Filling a table of elements reads the whole collection. */
const FILL_TIMEOUT_MS = 30 * 60_000

async function buildElements(engine: Engine, collection: Collection, index: NamedIndex) {
  const { database } = engine
  try {
    for (const statement of elementIndexSql(database.dialect, collection, index)) await database.define(statement)
    const steps = fillSteps(database.dialect, collection, index)
    await database.transact(runSteps, steps, { timeoutMs: FILL_TIMEOUT_MS })
  } catch (error) {
    // Half an index would answer wrongly, or stop writes.
    await removeIndex(engine, collection, index)
    throw error
  }
}

/** MySQL has no CREATE INDEX IF NOT EXISTS: a process may have ended after the index, before it was noted. */
async function isBuilt({ database }: Engine, collection: Collection, index: NamedIndex): Promise<boolean> {
  const rows = await database.read(
    'SELECT index_name AS name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ? LIMIT 1',
    [collection.table, sqlIndexName(collection, index)],
  )
  return rows.length > 0
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
  if (isGeoIndex(index)) {
    const names = pointColumnNames(geoPathOf(index))
    const expressions = pointExpressions(database.dialect.name, geoPathOf(index))
    for (const axis of ['latitude', 'longitude'] as const) {
      if (present.has(names[axis])) continue
      const column = `${database.dialect.quote(names[axis])} ${database.dialect.name === 'mysql' ? 'DOUBLE' : ''}`
      await database.define(
        `ALTER TABLE ${database.dialect.quote(table)} ADD COLUMN ${column} GENERATED ALWAYS AS ${expressions[axis]} VIRTUAL`,
      )
    }
    return
  }
  for (const path of indexedPaths([index])) {
    if (!present.has(keyColumnName(path))) await database.define(addKeyColumnSql(database.dialect, table, path))
  }
}

/** The key's column stays: it costs nothing, and another index may use it. */
export async function removeIndex({ database }: Engine, collection: Collection, index: NamedIndex) {
  if (isElementIndex(index)) {
    for (const statement of dropElementsSql(database.dialect, collection, index)) await database.define(statement)
    return
  }
  const name = database.dialect.quote(sqlIndexName(collection, index))
  const table = database.dialect.quote(collection.table)
  await database.define(
    database.dialect.name === 'mysql' ? `DROP INDEX ${name} ON ${table}` : `DROP INDEX IF EXISTS ${name}`,
  )
}
