/** Indexes of collections: their checked definitions and the SQL that creates them. */
import { createHash } from 'node:crypto'
import type { Dialect } from '../../database/database.ts'
import type { Collection, NamedIndex } from './collection.ts'
import { isGeoIndex, pointColumns } from './collection-tables.ts'
import { checkPath } from './decode-filter.ts'
import { refuse, startDecoding } from './decode-value.ts'
import type { IndexDefinition } from './document-request.ts'
import type { SqlSource } from './sql-source.ts'

/** Every collection has it: private collections ask for the owner in every query. */
export const OWNER_INDEX: NamedIndex = { name: '_openid_', fields: { _openid: 1 } }

const INDEX_FIELDS_LIMIT = 8
const INDEXES_PER_COLLECTION_LIMIT = 32
const INDEX_NAME_CHARACTERS = 128

/** @throws {AppError} `invalid_query` naming the field */
export function checkIndex(definition: IndexDefinition, existing: readonly NamedIndex[]): NamedIndex {
  const decoding = startDecoding('invalid_query', 0)
  const fields = Object.entries(definition.fields)
  if (fields.length === 0 || fields.length > INDEX_FIELDS_LIMIT) {
    refuse(decoding, 'fields', `must name 1 to ${INDEX_FIELDS_LIMIT} fields`)
  }
  for (const [path, direction] of fields) {
    checkPath(path, decoding)
    if (direction !== 1 && direction !== -1 && direction !== '2dsphere' && direction !== 'array') {
      refuse(decoding, path, 'must be 1, -1, "2dsphere" or "array"')
    }
    if (direction === 'array' && (fields.length > 1 || path.includes('.') || path === '_id' || definition.unique)) {
      refuse(decoding, path, 'must be alone, not unique and a field of the document itself in an index of "array"')
    }
    if (direction === '2dsphere' && fields.length > 1) refuse(decoding, path, 'must be alone in a 2dsphere index')
  }
  const name = definition.name ?? fields.map(([path, direction]) => `${path}_${direction}`).join('_')
  if (name === '' || name.length > INDEX_NAME_CHARACTERS) {
    refuse(decoding, 'name', `must have 1 to ${INDEX_NAME_CHARACTERS} characters`)
  }
  if (existing.length >= INDEXES_PER_COLLECTION_LIMIT) {
    refuse(
      decoding,
      'fields',
      `would be index number ${existing.length + 1}; a collection may have ${INDEXES_PER_COLLECTION_LIMIT}`,
    )
  }
  return { name, fields: definition.fields, ...(definition.unique && { unique: true }) }
}

/**
 * The fields with the directions the index is built with: turned so that the last one ascends, because the row's number
 * that ends every index entry ascends too. Read backwards, it serves the opposite order.
 */
export function builtFields({ fields }: IndexDefinition): { path: string; direction: 1 | -1 }[] {
  const given = Object.entries(fields).map(
    ([path, direction]) => ({ path, direction: direction === -1 ? -1 : 1 }) as const,
  )
  const turn = given.at(-1)?.direction ?? 1
  return given.map(({ path, direction }) => ({ path, direction: direction === turn ? 1 : -1 }))
}

/** Derived from hashes: nothing of the given names reaches SQL. */
export const sqlIndexName = (collection: Pick<Collection, 'table'>, index: Pick<NamedIndex, 'name'>) =>
  `ix_${createHash('sha256').update(`${collection.table} ${index.name}`).digest('hex').slice(0, 24)}`

export function createIndexSql(dialect: Dialect, collection: Collection, index: NamedIndex, source: SqlSource): string {
  const columns = isGeoIndex(index)
    ? geoColumns(dialect, index)
    : builtFields(index).map(({ path, direction }) => {
        const key = path === '_id' ? '_id' : source.key(path.split('.'))
        if (dialect.name !== 'postgres') return `${key}${direction === -1 ? ' DESC' : ''}`
        if (path === '_id') return `_id${direction === -1 ? ' DESC' : ''}`
        return `(${key})${direction === -1 ? ' DESC NULLS LAST' : ' ASC NULLS FIRST'}`
      })
  // Elsewhere every index entry ends with the row's number by itself.
  if (dialect.name === 'postgres' && !index.unique) columns.push('seq')
  const kind = index.unique && !isGeoIndex(index) ? 'UNIQUE INDEX' : 'INDEX'
  const concurrently = dialect.name === 'postgres' ? ' CONCURRENTLY' : ''
  const ifNotExists = dialect.name === 'mysql' ? '' : ' IF NOT EXISTS'
  const name = dialect.quote(sqlIndexName(collection, index))
  return `CREATE ${kind}${concurrently}${ifNotExists} ${name} ON ${dialect.quote(collection.table)} (${columns.join(', ')})`
}

function geoColumns(dialect: Dialect, index: IndexDefinition): string[] {
  const { latitude, longitude } = pointColumns(dialect, index)
  return [latitude, longitude]
}
