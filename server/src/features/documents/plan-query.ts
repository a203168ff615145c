/**
 * Chooses the index that serves a query. An index orders scalars only; documents that hold arrays at its fields are all
 * found under one key. So the query is first run as if there were none, together with guards: cheap look-ups of that key
 * that say whether the assumption held. If it did not, the query runs again in its general form.
 */

import type { NamedIndex } from './collection.ts'
import { builtFields } from './collection-indexes.ts'
import { geoPathOf, isGeoIndex } from './collection-tables.ts'
import { allOf, type FieldTest, type Filter } from './document-filter.ts'
import type { Json } from './document-request.ts'
import { RANK, rankOf } from './document-values.ts'
import { isElementIndex, isElementTest } from './indexed-elements.ts'
import { hasBox } from './indexed-points.ts'
import type { SortKey } from './sort-documents.ts'
import type { SqlSource } from './sql-source.ts'
import { andSql, type Sql, sql } from './sql-text.ts'

export type QueryPlan = {
  readonly index: NamedIndex
  /** Paths at which the SQL assumes no arrays. */
  readonly withoutArrays: ReadonlySet<string>
  /** Conditions on rows that must not exist for the assumption to hold. */
  readonly guards: readonly Sql[]
  readonly servesOrder: boolean
  /** The whole filter is on the index's fields: no row is read in vain. */
  readonly coversFilter: boolean
}

type Conditions = ReadonlyMap<string, readonly FieldTest[]>

export function planQuery(
  filter: Filter,
  order: readonly SortKey[],
  indexes: readonly NamedIndex[],
  source: SqlSource,
): QueryPlan | undefined {
  const conditions = conditionsOf(filter)
  let best: { plan: QueryPlan; score: number } | undefined
  for (const index of indexes) {
    if (isElementIndex(index)) {
      const isWanted = (conditions.get(Object.keys(index.fields)[0] ?? '') ?? []).some(isElementTest)
      if (isWanted && !(best && best.score > ELEMENT_SCORE))
        best = { plan: unguardedPlan(index, order), score: ELEMENT_SCORE }
      continue
    }
    if (isGeoIndex(index)) {
      const hasTest = (conditions.get(geoPathOf(index)) ?? []).some(hasBox)
      if (hasTest && !best && order.length === 0) best = { plan: unguardedPlan(index, order), score: GEO_SCORE }
      continue
    }
    if (!Object.keys(index.fields).every((path) => source.canAddress(path.split('.')))) continue
    const candidate = tryIndex(index, conditions, order, filter, source)
    if (candidate && (!best || candidate.score > best.score)) best = candidate
  }
  return best?.plan
}

/** Better than the order alone, not as good as an equality. */
const GEO_SCORE = 2

/** Like an equality on a field that holds no arrays, or a little worse. */
const ELEMENT_SCORE = 3

/** An index that assumes nothing. */
const unguardedPlan = (index: NamedIndex, order: readonly SortKey[]): QueryPlan => ({
  index,
  withoutArrays: new Set(),
  guards: [],
  servesOrder: order.length === 0,
  coversFilter: false,
})

/** The tests that every matching document must pass, by path. */
function conditionsOf(filter: Filter): Conditions {
  const conditions = new Map<string, FieldTest[]>()
  for (const part of partsOf(filter)) {
    if (part.kind !== 'field') continue
    const tests = part.test.kind === 'all' ? part.test.of : [part.test]
    conditions.set(part.path, [...(conditions.get(part.path) ?? []), ...tests])
  }
  return conditions
}

const partsOf = (filter: Filter): readonly Filter[] => {
  const flat = allOf([filter])
  return flat.kind === 'and' ? flat.of : [flat]
}

function tryIndex(
  index: NamedIndex,
  conditions: Conditions,
  order: readonly SortKey[],
  filter: Filter,
  source: SqlSource,
) {
  const fields = builtFields(index)
  const guards: Sql[] = []
  const withoutArrays = new Set<string>()
  let prefix: Sql[] = []
  let equalities = 0
  const use = (path: string, isOrdering = false) => {
    if (path === '_id' || withoutArrays.has(path)) return
    withoutArrays.add(path)
    const key = source.key(path.split('.'))
    const [low, high] = source.unordered
    const isUnfit = isOrdering ? `(${key} >= ${low} AND ${key} < ${high})` : `${key} = ${source.arrayKey}`
    guards.push(andSql([...prefix, sql(isUnfit)]))
  }

  for (const { path } of fields) {
    const equal = equalityOf(conditions.get(path), source, path)
    if (!equal) break
    use(path)
    prefix = [...prefix, equal]
    equalities++
  }
  const next = fields[equalities]
  const isRange = next !== undefined && (conditions.get(next.path) ?? []).some(isRangeTest)
  const fixed = new Set(fields.slice(0, equalities).map(({ path }) => path))
  const remaining = order.filter(({ path }) => !fixed.has(path))
  const servesOrder = order.length === 0 || (remaining.length <= 1 && isServed(remaining, next))
  if (next && (isRange || (servesOrder && remaining.length))) use(next.path, true)
  const score = equalities * 4 + (isRange ? 2 : 0) + (servesOrder && order.length ? 3 : 0) + (index.unique ? 1 : 0)
  if (equalities === 0 && !isRange && !(servesOrder && remaining.length)) return undefined
  const used = isRange && next ? new Set([...fixed, next.path]) : fixed
  const plan: QueryPlan = { index, withoutArrays, guards, servesOrder, coversFilter: isCovered(filter, used) }
  return { plan, score }
}

/** Only the first field after the equalities: a guard for a later one would have to read the whole index. */
function isServed(remaining: readonly SortKey[], next: { path: string; direction: 1 | -1 } | undefined): boolean {
  const [first] = remaining
  return first === undefined || first.path === next?.path
}

function equalityOf(tests: readonly FieldTest[] | undefined, source: SqlSource, path: string): Sql | undefined {
  const test = tests?.find((each) => each.kind === 'eq')
  if (test?.kind !== 'eq' || path === '_id' || rankOf(test.value) === RANK.array) return undefined
  const key = source.key(path.split('.'))
  const value: Json = test.value
  const operand = source.keyOf(value)
  if (operand === undefined) return undefined
  return operand === null ? sql(`${key} IS NULL`) : sql(`${key} = ?`, operand)
}

const isRangeTest = (test: FieldTest) =>
  ['lt', 'lte', 'gt', 'gte', 'in', 'eq'].includes(test.kind) ||
  (test.kind === 'regex' && test.pattern.source.startsWith('^'))

const isCovered = (filter: Filter, used: ReadonlySet<string>) =>
  partsOf(filter).every((part) => part.kind === 'field' && used.has(part.path))

/** Fields of an index that would serve the query: equalities, then the order, else the first range. */
export function proposeIndex(
  filter: Filter,
  order: readonly SortKey[],
): Record<string, 1 | -1 | '2dsphere'> | undefined {
  const conditions = conditionsOf(filter)
  const [place] = [...conditions].find(([, tests]) => tests.some(hasBox)) ?? []
  if (place !== undefined) return { [place]: '2dsphere' }
  const fields: Record<string, 1 | -1> = {}
  const isUsable = (path: string) => path !== '_id'
  for (const [path, tests] of conditions) {
    if (isUsable(path) && tests.some((test) => test.kind === 'eq')) fields[path] = 1
  }
  const [first] = order.filter(({ path }) => !(path in fields))
  const range = [...conditions].find(([path, tests]) => isUsable(path) && !(path in fields) && tests.some(isRangeTest))
  if (first && isUsable(first.path)) fields[first.path] = first.direction
  else if (range) fields[range[0]] = 1
  return Object.keys(fields).length ? fields : undefined
}
