/** A query as a tree: what the authoriser adds to, the compiler turns into SQL, and the matcher evaluates. */
import type { Json } from './document-request.ts'

export type Filter =
  | { readonly kind: 'and' | 'or' | 'nor'; readonly of: readonly Filter[] }
  | { readonly kind: 'field'; readonly path: string; readonly test: FieldTest }
  /** An aggregation expression; evaluated in JavaScript only. */
  | { readonly kind: 'expression'; readonly expression: Json }

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
  return filter.kind === 'expression' ? [] : filter.of.flatMap(pathsOf)
}

function innerPaths(test: FieldTest): string[] {
  if (test.kind === 'elementDocuments') return pathsOf(test.filter)
  if (test.kind === 'all' || test.kind === 'any') return test.of.flatMap(innerPaths)
  return test.kind === 'not' || test.kind === 'elements' ? innerPaths(test.test) : []
}

/** Whether `$expr` stands anywhere in it. */
export const hasExpression = (filter: Filter): boolean =>
  filter.kind === 'expression' ||
  (filter.kind === 'field' ? testHasExpression(filter.test) : filter.of.some(hasExpression))

function testHasExpression(test: FieldTest): boolean {
  if (test.kind === 'elementDocuments') return hasExpression(test.filter)
  if (test.kind === 'all' || test.kind === 'any') return test.of.some(testHasExpression)
  return (test.kind === 'not' || test.kind === 'elements') && testHasExpression(test.test)
}
