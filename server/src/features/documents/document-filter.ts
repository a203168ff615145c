/** A query as a tree: what the authoriser adds to, the compiler turns into SQL, and the matcher evaluates. */
import type { Json, JsonObject } from './document-request.ts'

export type Filter =
  | { readonly kind: 'and' | 'or' | 'nor'; readonly of: readonly Filter[] }
  | { readonly kind: 'field'; readonly path: string; readonly test: FieldTest }
  /** An aggregation expression; evaluated in JavaScript only. */
  | { readonly kind: 'expression'; readonly expression: Json }
  /** A JSON Schema of the whole document, as `decodeSchema` returns it. */
  | { readonly kind: 'schema'; readonly schema: JsonObject }

/** What one field must satisfy. Array fields satisfy most tests if one element does. */
export type FieldTest =
  | { readonly kind: 'eq' | 'lt' | 'lte' | 'gt' | 'gte'; readonly value: Json }
  | { readonly kind: 'in'; readonly values: readonly Json[]; readonly patterns: readonly Pattern[] }
  | { readonly kind: 'exists' }
  | { readonly kind: 'type'; readonly types: readonly string[] }
  | { readonly kind: 'size'; readonly size: number }
  | { readonly kind: 'mod'; readonly divisor: number; readonly remainder: number }
  | { readonly kind: 'regex'; readonly pattern: Pattern }
  | { readonly kind: 'bits'; readonly mode: 'allSet' | 'anySet' | 'allClear' | 'anyClear'; readonly mask: bigint }
  | { readonly kind: 'elements'; readonly test: FieldTest }
  | { readonly kind: 'elementDocuments'; readonly filter: Filter }
  | { readonly kind: 'near'; readonly center: Json; readonly minMeters: number; readonly maxMeters: number }
  | { readonly kind: 'within' | 'intersects'; readonly geometry: Json }
  | { readonly kind: 'withinCircle'; readonly center: Json; readonly radians: number }
  | { readonly kind: 'all' | 'any'; readonly of: readonly FieldTest[] }
  | { readonly kind: 'not'; readonly test: FieldTest }

export type Pattern = { readonly source: string; readonly options: string }

export const EVERYTHING: Filter = { kind: 'and', of: [] }

export const allOf = (filters: readonly Filter[]): Filter => {
  const flat = filters.flatMap((filter) => (filter.kind === 'and' ? filter.of : [filter]))
  const [only] = flat
  return flat.length === 1 && only ? only : { kind: 'and', of: flat }
}

export const fieldEquals = (path: string, value: Json): Filter => ({ kind: 'field', path, test: { kind: 'eq', value } })

/** Every field path that the filter looks at, those inside elements of arrays too. */
export function pathsOf(filter: Filter): string[] {
  if (filter.kind === 'field') return [filter.path, ...innerPaths(filter.test).map((path) => `${filter.path}.${path}`)]
  return 'of' in filter ? filter.of.flatMap(pathsOf) : []
}

function innerPaths(test: FieldTest): string[] {
  if (test.kind === 'elementDocuments') return pathsOf(test.filter)
  if (test.kind === 'all' || test.kind === 'any') return test.of.flatMap(innerPaths)
  return test.kind === 'not' || test.kind === 'elements' ? innerPaths(test.test) : []
}

/** Whether `$expr` stands anywhere in it. */
export const hasExpression = (filter: Filter): boolean => someFilter(filter, ({ kind }) => kind === 'expression')

/** Whether a part of it looks at the document in a way that `pathsOf` cannot name. */
export const looksAnywhere = (filter: Filter): boolean =>
  someFilter(filter, ({ kind }) => kind === 'expression' || kind === 'schema')

function someFilter(filter: Filter, wanted: (part: Filter) => boolean): boolean {
  if (wanted(filter)) return true
  if (filter.kind === 'field') return someFilterIn(filter.test, wanted)
  return 'of' in filter && filter.of.some((part) => someFilter(part, wanted))
}

function someFilterIn(test: FieldTest, wanted: (part: Filter) => boolean): boolean {
  if (test.kind === 'elementDocuments') return someFilter(test.filter, wanted)
  if (test.kind === 'all' || test.kind === 'any') return test.of.some((part) => someFilterIn(part, wanted))
  return (test.kind === 'not' || test.kind === 'elements') && someFilterIn(test.test, wanted)
}
