/** Order by field paths, as MongoDB sorts: an array counts by its smallest element, descending by its largest. */
import { LIMITS } from '@sampan/protocol/limits'
import { checkPath } from './decode-filter.ts'
import { decodeValue, refuse, startDecoding } from './decode-value.ts'
import { someValueAt } from './document-path.ts'
import type { Json } from './document-request.ts'
import { compareValues, isArray, isObject } from './document-values.ts'

export type SortKey = { readonly path: string; readonly direction: 1 | -1 }

/** Fields of one order. */
const SORT_KEYS_LIMIT = 8

/** @throws {AppError} `invalid_query` */
export function decodeOrder(order: unknown): SortKey[] {
  if (order === undefined) return []
  const decoding = startDecoding('invalid_query', 0)
  if (!isObject(order)) refuse(decoding, 'order', 'is not an object')
  const keys = Object.entries(order)
  if (keys.length > SORT_KEYS_LIMIT) refuse(decoding, 'order', `has more than ${SORT_KEYS_LIMIT} fields`)
  return keys.map(([path, given]) => {
    checkPath(path, decoding)
    if (path.length > LIMITS.fieldNameBytes) refuse(decoding, 'order', 'has a path that is too long')
    const direction = decodeValue(given, decoding, path, 1)
    if (direction !== 1 && direction !== -1) refuse(decoding, path, 'has a direction that is neither 1 nor -1')
    return { path, direction }
  })
}

export function compileOrder(keys: readonly SortKey[]): (a: Json, b: Json) => number {
  const parts = keys.map(({ path, direction }) => ({ path: path.split('.'), direction }))
  return (a, b) => {
    for (const { path, direction } of parts) {
      const order = compareSortValues(sortValue(a, path, direction), sortValue(b, path, direction))
      if (order) return order * direction
    }
    return 0
  }
}

/**
 * Sorts items that arrive in order of insertion. Equals keep it, or are against it if the last field descends, as an
 * index read backwards gives them.
 */
export function sortItems<Item>(items: Item[], keys: readonly SortKey[], documentOf: (item: Item) => Json): Item[] {
  const last = keys.at(-1)
  if (!last) return items
  const compare = compileOrder(keys)
  if (last.direction === -1) items.reverse()
  return items.sort((a, b) => compare(documentOf(a), documentOf(b)))
}

/** An empty array sorts before null, which no value of a document does. */
const EMPTY_ARRAY = Symbol('empty array')
type SortValue = Json | undefined | typeof EMPTY_ARRAY

function compareSortValues(a: SortValue, b: SortValue): number {
  if (a === EMPTY_ARRAY || b === EMPTY_ARRAY) return Number(b === EMPTY_ARRAY) - Number(a === EMPTY_ARRAY)
  return compareValues(a, b)
}

function sortValue(document: Json, path: readonly string[], direction: 1 | -1): SortValue {
  let best: SortValue
  let isFirst = true
  const consider = (value: SortValue) => {
    if (isFirst || compareSortValues(value, best) * direction < 0) best = value
    isFirst = false
  }
  someValueAt(document, path, (value) => {
    if (!isArray(value)) consider(value)
    else if (value.length === 0) consider(EMPTY_ARRAY)
    else for (const element of value) consider(element)
    return false
  })
  return best
}
