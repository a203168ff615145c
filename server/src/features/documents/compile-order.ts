/** ORDER BY from sort keys, with insertion order between equals. */
import type { SortKey } from './sort-documents.ts'
import type { SqlSource } from './sql-source.ts'

/** @returns undefined if SQL would order arrays differently; '' for the natural order */
export function orderSql(
  order: readonly SortKey[],
  source: SqlSource,
  withoutArrays: ReadonlySet<string> = new Set(),
): string | undefined {
  const parts: string[] = []
  for (const { path, direction } of order) {
    const word = `${direction === 1 ? 'ASC' : 'DESC'}${source.nullsFirst ? (direction === 1 ? ' NULLS FIRST' : ' NULLS LAST') : ''}`
    if (path === '_id') {
      parts.push(`_id ${direction === 1 ? 'ASC' : 'DESC'}`)
      continue
    }
    const segments = path.split('.')
    if (!source.canAddress(segments)) return undefined
    const key = source.key(segments)
    if (withoutArrays.has(path)) {
      parts.push(`${key} ${word}`)
      continue
    }
    const array = segments.length === 1 ? source.arraySortKey(segments, direction) : undefined
    if (!array) return undefined
    const isArray = `${key} = ${source.arrayKey}`
    parts.push(`CASE WHEN ${isArray} AND NOT ${array.notEmpty} THEN 0 ELSE 1 END ${word}`)
    parts.push(`CASE WHEN ${isArray} THEN ${array.key} ELSE ${key} END ${word}`)
  }
  // Ties end in the direction of the last field: an index on the fields then serves the whole order.
  const last = order.at(-1)
  if (last && last.path !== '_id') parts.push(`seq ${last.direction === 1 ? 'ASC' : 'DESC'}`)
  if (!last && source.dialect === 'postgres') parts.push('seq ASC')
  return parts.length ? ` ORDER BY ${parts.join(', ')}` : ''
}
