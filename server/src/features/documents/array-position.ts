/**
 * `l.$.v` and `l.$[].v` in updates: the paths they stand for in one document. `$` is the first element that the update's
 * own query matched, `$[]` is every element.
 */
import { AppError } from '../../errors.ts'
import type { Filter } from './document-filter.ts'
import { arrayIndex, ownField, withField } from './document-path.ts'
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isPlainObject } from './document-values.ts'
import { compileFilter } from './match-document.ts'

export const MATCHED = '$'
export const EVERY = '$[]'

const POSITION = /\.\$(\[\])?(\.|$)/

export const isPositional = ({ path }: { readonly path: string }) => POSITION.test(path)

/**
 * The paths that a path with positions stands for in this document.
 * @throws {AppError} `invalid_update` where the query matched no element, or there is no array
 */
export const resolvePositions = (document: JsonObject, path: string, query: Filter | undefined): string[] =>
  POSITION.test(path) ? pathsIn(document, path.split('.'), query) : [path]

function pathsIn(document: JsonObject, segments: readonly string[], query: Filter | undefined): string[] {
  const place = segments.findIndex((segment) => segment === MATCHED || segment === EVERY)
  if (place < 0) return [segments.join('.')]
  const before = segments.slice(0, place)
  const path = before.join('.')
  const array = valueAt(document, before)
  if (!isArray(array)) fail(path, 'is not an array, so none of its elements can be changed')
  const chosen = segments[place] === EVERY ? [...array.keys()] : [matchedIndex(document, path, array, query)]
  return chosen.flatMap((index) => pathsIn(document, [...before, String(index), ...segments.slice(place + 1)], query))
}

function matchedIndex(document: JsonObject, path: string, array: readonly Json[], query: Filter | undefined): number {
  for (const condition of conditionsOn(path, query)) {
    const matches = compileFilter(condition)
    const index = array.findIndex((element) => matches(withField(document, path.split('.'), [element])))
    if (index >= 0) return index
  }
  return fail(path, 'has no element that the query matched: the positional operator $ needs a condition on the array')
}

/** The query's conditions on the array or on fields of its elements. */
function conditionsOn(path: string, query: Filter | undefined): Filter[] {
  if (!query) return []
  if (query.kind === 'field') return query.path === path || query.path.startsWith(`${path}.`) ? [query] : []
  return query.kind === 'and' || query.kind === 'or' ? query.of.flatMap((part) => conditionsOn(path, part)) : []
}

function valueAt(document: JsonObject, segments: readonly string[]): Json | undefined {
  let current: Json | undefined = document
  for (const segment of segments) {
    if (isArray(current)) current = current[arrayIndex(segment) ?? -1]
    else current = isPlainObject(current) ? ownField(current, segment) : undefined
  }
  return current
}

function fail(path: string, reason: string): never {
  throw new AppError('invalid_update', `${path} ${reason}.`, { details: { path, reason } })
}
