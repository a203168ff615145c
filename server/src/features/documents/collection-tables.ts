/** The tables behind collections: their names and their definitions in each dialect. */
import { createHash } from 'node:crypto'
import type { Dialect } from '../../database/database.ts'
import { ID_LIMIT_BYTES } from './document-id.ts'
import type { IndexDefinition } from './document-request.ts'
import { elementTableName, isElementIndex } from './indexed-elements.ts'
import { type PointColumns, pointColumnNames, pointExpressions } from './indexed-points.ts'
import type { SqlSource } from './sql-source.ts'
import { MYSQL_KEY_TYPE, mysqlSource } from './sql-source-mysql.ts'
import { POSTGRES_FUNCTIONS, postgresSource } from './sql-source-postgres.ts'
import { sqliteSource } from './sql-source-sqlite.ts'

/** Letters of the collection's own name in the table's name: readable in plain SQL. */
const READABLE_CHARACTERS = 40

/** Derived, never interpolated: only letters, digits and underscores of the name, and a hash that tells names apart. */
export function tableNameOf(collection: string): string {
  const readable = collection.replace(/[^A-Za-z0-9_]/g, '').slice(0, READABLE_CHARACTERS)
  const hash = createHash('sha256').update(collection).digest('hex').slice(0, 8)
  return `c_${readable}_${hash}`.toLowerCase()
}

/** How SQL looks into the documents of a collection with these indexes. */
/** @param table of the collection, where its indexes on elements count */
export function sourceFor(dialect: Dialect, indexes: readonly IndexDefinition[], table?: string): SqlSource {
  const points = new Map(indexes.filter(isGeoIndex).map((index) => [geoPathOf(index), pointColumns(dialect, index)]))
  const elements = new Map(
    indexes.filter(isElementIndex).map((index) => {
      const name = index.name ?? ''
      return [Object.keys(index.fields)[0], table && dialect.quote(elementTableName(table, { name }))]
    }),
  )
  return {
    ...plainSource(dialect, indexes),
    point: (path) => points.get(path.join('.')),
    elements: (path) => (path.length === 1 ? elements.get(path[0]) : undefined),
  }
}

function plainSource(dialect: Dialect, indexes: readonly IndexDefinition[]): SqlSource {
  const columns = new Map([...indexedPaths(indexes)].map((path) => [path, dialect.quote(keyColumnName(path))]))
  switch (dialect.name) {
    case 'sqlite':
      return sqliteSource('doc', columns)
    case 'mysql':
      return mysqlSource('doc', columns)
    case 'postgres':
      return postgresSource('doc')
  }
}

/** Paths that have a generated column for their key; PostgreSQL indexes the expression itself. */
export const indexedPaths = (indexes: readonly IndexDefinition[]): Set<string> =>
  new Set(
    indexes
      .filter((index) => !isGeoIndex(index) && !isElementIndex(index))
      .flatMap(({ fields }) => Object.keys(fields))
      .filter((path) => path !== '_id'),
  )

/** Where the index holds latitude and longitude: generated columns, or the expressions themselves. */
export function pointColumns(dialect: Dialect, index: IndexDefinition): PointColumns {
  const path = geoPathOf(index)
  if (dialect.name === 'postgres') return pointExpressions(dialect.name, path)
  const { latitude, longitude } = pointColumnNames(path)
  return { latitude: dialect.quote(latitude), longitude: dialect.quote(longitude) }
}

export const geoPathOf = ({ fields }: IndexDefinition) => Object.keys(fields)[0] ?? ''

export const isGeoIndex = ({ fields }: IndexDefinition) => Object.values(fields).includes('2dsphere')

/** A hash of the path: nothing of it reaches SQL as a name. */
export const keyColumnName = (path: string) => `k_${createHash('sha256').update(path).digest('hex').slice(0, 16)}`

/** A column that is computed when it is read, and stored in indexes only. */
export function addKeyColumnSql(dialect: Dialect, table: string, path: string): string {
  const source = sourceFor(dialect, [])
  const type = dialect.name === 'mysql' ? MYSQL_KEY_TYPE : ''
  const column = `${dialect.quote(keyColumnName(path))} ${type} GENERATED ALWAYS AS (${source.key(path.split('.'))}) VIRTUAL`
  return `ALTER TABLE ${dialect.quote(table)} ADD COLUMN ${column}`
}

/** The names of a table's columns, as rows {name}. */
export const listColumnsSql = (dialect: Dialect) =>
  dialect.name === 'sqlite'
    ? 'SELECT name FROM pragma_table_xinfo(?)'
    : 'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?'

/** For a read that is followed by a write of the same rows. */
export const lockClause = (dialect: Dialect) => (dialect.name === 'sqlite' ? '' : ' FOR UPDATE')

/** Inserts nothing where the key is taken. */
export const insertIfAbsent = (dialect: Dialect, rest: string) =>
  dialect.name === 'mysql' ? `INSERT IGNORE INTO ${rest}` : `INSERT INTO ${rest} ON CONFLICT DO NOTHING`

type ColumnTypes = {
  readonly sequence: string
  readonly key: string
  readonly name: string
  readonly text: string
  readonly suffix: string
}

// biome-ignore format: a table keeps its columns
const TYPES: Readonly<Record<Dialect['name'], ColumnTypes>> = {
  sqlite:   { sequence: 'INTEGER PRIMARY KEY', key: 'TEXT', name: 'TEXT', text: 'TEXT', suffix: '' },
  // Byte comparison, without the padding that makes 'a' equal 'a ' in MySQL's text types.
  mysql:    { sequence: 'BIGINT AUTO_INCREMENT PRIMARY KEY', key: `VARBINARY(${ID_LIMIT_BYTES})`, name: 'VARBINARY(300)', text: 'LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', suffix: ' ENGINE=InnoDB ROW_FORMAT=DYNAMIC' },
  postgres: { sequence: 'BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY', key: 'TEXT COLLATE "C"', name: 'TEXT COLLATE "C"', text: 'TEXT', suffix: '' },
}

/**
 * `seq` keeps the order of insertion, `_id` is the document's key, `rev` counts changes for optimistic transactions.
 * `doc` is text on purpose: JSONB and JSON columns lose the order of fields or reformat numbers, and the text is what
 * clients get.
 */
export function createTableSql(dialect: Dialect, table: string): string {
  const types = TYPES[dialect.name]
  return `CREATE TABLE IF NOT EXISTS ${dialect.quote(table)} (seq ${types.sequence}, _id ${types.key} NOT NULL UNIQUE, rev BIGINT NOT NULL DEFAULT 1, doc ${types.text} NOT NULL)${types.suffix}`
}

/** The engine's own tables. */
export function systemTablesSql(dialect: Dialect): string[] {
  const { key, name, text, suffix } = TYPES[dialect.name]
  const table = (definition: string) => `CREATE TABLE IF NOT EXISTS ${definition}${suffix}`
  return [
    ...(dialect.name === 'postgres' ? POSTGRES_FUNCTIONS : []),
    table(
      `sampan_collections (name ${name} PRIMARY KEY, table_name ${name} NOT NULL, rules ${text} NOT NULL, indexes ${text} NOT NULL)`,
    ),
    table('sampan_catalogue (id INTEGER PRIMARY KEY, version BIGINT NOT NULL)'),
    table(
      `sampan_idempotency (id ${key} PRIMARY KEY, hash ${name} NOT NULL, result ${text}, expires_at_ms BIGINT NOT NULL)`,
    ),
  ]
}
