/**
 * The filter tree → SQL. The result is exact, or a superset of the matching rows with `isExact: false`; then the matcher
 * decides on each row. What is not exact is left out of negations, because the opposite of a superset is no superset.
 */
import type { FieldTest, Filter, Pattern } from './document-filter.ts'
import { pathsOf } from './document-filter.ts'
import { findIdKey, ID_KEY_BOUNDS } from './document-id.ts'
import { arrayIndex } from './document-path.ts'
import type { Json } from './document-request.ts'
import { isArray, RANK, type Rank, rankOf } from './document-values.ts'
import { isElementTest } from './indexed-elements.ts'
import { boxSql } from './indexed-points.ts'
import type { Path, SqlSource } from './sql-source.ts'
import { andSql, FALSE, notSql, orSql, type Sql, sql, TRUE } from './sql-text.ts'

export type Compiled = { readonly sql: Sql; readonly isExact: boolean }

/** Paths with more parts are followed into arrays by the matcher: the SQL would double with each part. */
const SQL_PATH_PARTS_LIMIT = 3

/** @param withoutArrays paths at which no document holds an array: the caller makes sure of that */
export function compileFilterSql(
  filter: Filter,
  source: SqlSource,
  withoutArrays: ReadonlySet<string> = new Set(),
): Compiled {
  switch (filter.kind) {
    case 'expression':
    case 'schema':
      return { sql: TRUE, isExact: false }
    case 'field':
      return compileField(filter.path, filter.test, source, withoutArrays.has(filter.path))
    case 'and': {
      const parts = filter.of.map((part) => compileFilterSql(part, source, withoutArrays))
      return { sql: andSql(parts.map((part) => part.sql)), isExact: parts.every((part) => part.isExact) }
    }
    case 'or': {
      const parts = filter.of.map((part) => compileFilterSql(part, source, withoutArrays))
      return { sql: orSql(parts.map((part) => part.sql)), isExact: parts.every((part) => part.isExact) }
    }
    case 'nor': {
      const parts = filter.of.map((part) => compileFilterSql(part, source, withoutArrays))
      const exact = parts.filter((part) => part.isExact).map((part) => notSql(part.sql))
      return { sql: andSql(exact), isExact: parts.every((part) => part.isExact) }
    }
  }
}

function compileField(path: string, test: FieldTest, source: SqlSource, hasNoArrays: boolean): Compiled {
  switch (test.kind) {
    case 'all': {
      const parts = test.of.map((part) => compileField(path, part, source, hasNoArrays))
      return { sql: andSql(parts.map((part) => part.sql)), isExact: parts.every((part) => part.isExact) }
    }
    case 'any': {
      const parts = test.of.map((part) => compileField(path, part, source, hasNoArrays))
      return { sql: orSql(parts.map((part) => part.sql)), isExact: parts.every((part) => part.isExact) }
    }
    case 'not': {
      const inner = compileField(path, test.test, source, hasNoArrays)
      return inner.isExact ? { sql: notSql(inner.sql), isExact: true } : { sql: TRUE, isExact: false }
    }
    default: {
      if (path === '_id') return compileId(test)
      const segments = path.split('.')
      if (!source.canAddress(segments)) return { sql: TRUE, isExact: false }
      // By number a path may mean an element or a field: the matcher looks at both.
      const point = segments.some((part) => arrayIndex(part) !== undefined) ? undefined : source.point?.(segments)
      const box = point && boxSql(test, point)
      if (box) return { sql: box, isExact: false }
      return compileAt(segments, test, source, hasNoArrays)
    }
  }
}

/** The key column holds the id in an encoding of its own. */
function compileId(test: FieldTest): Compiled {
  if (test.kind === 'eq') return { sql: idEquals([test.value]), isExact: true }
  if (test.kind === 'in' && test.patterns.length === 0) return { sql: idEquals(test.values), isExact: true }
  if (test.kind === 'exists') return { sql: TRUE, isExact: true }
  if (test.kind === 'lt' || test.kind === 'lte' || test.kind === 'gt' || test.kind === 'gte') {
    const key = findIdKey(test.value)
    const bounds = ID_BOUNDS.get(rankOf(test.value))
    if (key !== undefined && bounds) {
      const [low, high] = bounds
      const text = `(_id ${SQL_OPERATOR[test.kind]} ? AND _id ${test.kind.startsWith('g') ? '<' : '>='} ?)`
      return { sql: sql(text, key, test.kind.startsWith('g') ? high : low), isExact: true }
    }
  }
  return { sql: TRUE, isExact: false }
}

const ID_BOUNDS: ReadonlyMap<Rank, readonly [string, string]> = new Map<Rank, readonly [string, string]>([
  [RANK.number, ID_KEY_BOUNDS.number],
  [RANK.text, ID_KEY_BOUNDS.text],
  [RANK.objectId, ID_KEY_BOUNDS.objectId],
])

function idEquals(values: readonly Json[]): Sql {
  const keys = values.map(findIdKey).filter((key) => key !== undefined)
  if (keys.length === 0) return FALSE
  if (keys.length === 1) return sql('_id = ?', ...keys)
  return sql(`_id IN (${keys.map(() => '?').join(',')})`, ...keys)
}

/** The parts that SQL leaves to the matcher, for `explain`. */
export function residualOf(filter: Filter, source: SqlSource, withoutArrays?: ReadonlySet<string>): string[] {
  if (compileFilterSql(filter, source, withoutArrays).isExact) return []
  if (filter.kind === 'expression') return ['$expr']
  if (filter.kind === 'schema') return ['$jsonSchema']
  if (filter.kind === 'field') return [`${filter.path}: ${filter.test.kind}`]
  return filter.of.flatMap((part) => residualOf(part, source, withoutArrays))
}

type LeafTest = Exclude<FieldTest, { kind: 'all' | 'any' | 'not' }>

/** Follows the path through objects, and from each part that is an array into its elements. */
function compileAt(path: Path, test: LeafTest, source: SqlSource, hasNoArrays: boolean): Compiled {
  const direct = compileDirect(path, test, source, hasNoArrays)
  if (path.length === 1 || hasNoArrays) return direct
  if (path.length > SQL_PATH_PARTS_LIMIT || path.some((part) => arrayIndex(part) !== undefined)) {
    return { sql: orSql([direct.sql, sql(`${source.key(path)} = ${source.arrayKey}`)]), isExact: false }
  }
  const branches = [direct]
  for (let parts = 1; parts < path.length; parts++) {
    const array = path.slice(0, parts)
    let isExact = true
    const some = source.someObject(array, (inside) => {
      const inner = compileAt(path.slice(parts), test, inside, false)
      isExact = inner.isExact
      return inner.sql
    })
    const isHere = sql(source.isArray(array))
    branches.push(some ? { sql: andSql([isHere, some]), isExact } : { sql: isHere, isExact: false })
  }
  return { sql: orSql(branches.map((branch) => branch.sql)), isExact: branches.every((branch) => branch.isExact) }
}

/** The test of the value at the path's end, or of the elements of the array there. */
function compileDirect(path: Path, test: LeafTest, source: SqlSource, hasNoArrays: boolean): Compiled {
  const elements = isElementTest(test) ? source.elements?.(path) : undefined
  if (elements) {
    const { sql: condition, isExact } = compileScalar('k', test, source)
    const text = `seq IN (SELECT seq FROM ${elements} WHERE ${condition.text})`
    return { sql: sql(text, ...condition.params), isExact }
  }
  const key = source.key(path)
  const isArrayHere = sql(source.isArray(path))
  switch (test.kind) {
    case 'exists':
      return { sql: sql(source.exists(path)), isExact: true }
    case 'size':
      return { sql: andSql([isArrayHere, sql(`${source.arrayLength(path)} = ?`, test.size)]), isExact: true }
    case 'elements': {
      let isExact = true
      const some = source.someElement(path, (elementKey) => {
        const inner = compileElement(test.test, elementKey, source)
        isExact = inner.isExact
        return inner.sql
      })
      return some ? { sql: andSql([isArrayHere, some]), isExact } : { sql: isArrayHere, isExact: false }
    }
    case 'elementDocuments':
      return compileElementDocuments(path, test.filter, source)
    case 'eq':
      if (isArray(test.value)) return compileArrayEquality(path, test.value, source)
  }
  const scalar = compileTyped(path, test, source) ?? compileScalar(key, test, source)
  if (hasNoArrays) return scalar
  const some = source.someElement(path, (elementKey) => compileScalar(elementKey, test, source).sql)
  if (!some) return { sql: orSql([scalar.sql, isArrayHere]), isExact: false }
  return { sql: orSql([scalar.sql, andSql([isArrayHere, some])]), isExact: scalar.isExact }
}

function compileElementDocuments(path: Path, filter: Filter, source: SqlSource): Compiled {
  const isArrayHere = sql(source.isArray(path))
  const some = source.someObject(path, (inside) => compileInside(filter, inside).sql)
  if (!some) return { sql: isArrayHere, isExact: false }
  // An element that is an array counts as an object whose fields are 0, 1, …: the matcher looks at those.
  const hasArray = source.someElement(path, (elementKey) => sql(`${elementKey} = ${source.arrayKey}`))
  return { sql: andSql([isArrayHere, orSql([some, hasArray ?? TRUE])]), isExact: false }
}

/** A filter on an element: there `_id` is a field like any other. */
function compileInside(filter: Filter, inside: SqlSource): Compiled {
  return pathsOf(filter).includes('_id') ? { sql: TRUE, isExact: false } : compileFilterSql(filter, inside)
}

function compileArrayEquality(path: Path, value: readonly Json[], source: SqlSource): Compiled {
  const isArrayHere = sql(source.isArray(path))
  const equals = source.equalsArray(path, JSON.stringify(value))
  if (!equals) return { sql: isArrayHere, isExact: false }
  const some = source.someElement(path, (elementKey) => sql(`${elementKey} = ${source.arrayKey}`))
  return { sql: andSql([isArrayHere, orSql([equals, some ?? TRUE])]), isExact: false }
}

function compileElement(test: FieldTest, key: string, source: SqlSource): Compiled {
  switch (test.kind) {
    case 'all': {
      const parts = test.of.map((part) => compileElement(part, key, source))
      return { sql: andSql(parts.map((part) => part.sql)), isExact: parts.every((part) => part.isExact) }
    }
    case 'not': {
      const inner = compileElement(test.test, key, source)
      return inner.isExact ? { sql: notSql(inner.sql), isExact: true } : { sql: TRUE, isExact: false }
    }
    case 'eq':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
    case 'in':
    case 'regex':
      return compileScalar(key, test, source)
    default:
      return { sql: TRUE, isExact: false }
  }
}

/** Most tests compare with one number or one text: some dialects do that faster than by the key. */
function compileTyped(path: Path, test: LeafTest, source: SqlSource): Compiled | undefined {
  if (test.kind === 'regex') {
    const literal = test.pattern.options.includes('x') ? undefined : literalOf(test.pattern.source)
    const contains = literal && source.typedContains?.(path, literal, test.pattern.options.includes('i'))
    return contains ? { sql: contains, isExact: true } : undefined
  }
  if (test.kind !== 'eq' && test.kind !== 'lt' && test.kind !== 'lte' && test.kind !== 'gt' && test.kind !== 'gte')
    return undefined
  const typed = source.typedTest?.(path, test.kind === 'eq' ? '=' : SQL_OPERATOR[test.kind], test.value)
  return typed && { sql: typed, isExact: true }
}

const SQL_OPERATOR = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const

/** The test of one value that is not an array, by its key. */
function compileScalar(key: string, test: LeafTest, source: SqlSource): Compiled {
  switch (test.kind) {
    case 'eq':
      return compileEquality(key, [test.value], source)
    case 'in': {
      const equal = compileEquality(key, test.values, source)
      const patterns = test.patterns.map((pattern) => compilePatternSql(key, pattern, source))
      const all = [equal, ...patterns]
      return { sql: orSql(all.map((part) => part.sql)), isExact: all.every((part) => part.isExact) }
    }
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return compileComparison(key, test.kind, test.value, source)
    case 'regex':
      return compilePatternSql(key, test.pattern, source)
    case 'mod':
    case 'bits':
      return { sql: ofRank(key, RANK.number, source), isExact: false }
    case 'type':
      return { sql: test.types.includes('null') ? TRUE : sql(`${key} IS NOT NULL`), isExact: false }
    default:
      return { sql: sql(`${key} IS NOT NULL`), isExact: false }
  }
}

function compileEquality(key: string, values: readonly Json[], source: SqlSource): Compiled {
  const hasNull = values.some((value) => rankOf(value) === RANK.null)
  const others = values.filter((value) => rankOf(value) !== RANK.null)
  const keys = others.map((value) => source.keyOf(value)).filter((each) => each !== undefined)
  const isExact = keys.length === others.length
  // An array among the values: rows that hold one are looked at by the matcher.
  const arrays = isExact ? [] : [sql(`${key} >= ${source.bounds(RANK.object)[0]}`), ofRank(key, RANK.number, source)]
  const [first] = keys
  const equal =
    keys.length === 0 || first === undefined
      ? FALSE
      : keys.length === 1
        ? sql(`${key} = ?`, first)
        : sql(`${key} IN (${keys.map(() => '?').join(',')})`, ...keys)
  return { sql: orSql([equal, hasNull ? sql(`${key} IS NULL`) : FALSE, ...arrays]), isExact }
}

function compileComparison(key: string, kind: 'lt' | 'lte' | 'gt' | 'gte', value: Json, source: SqlSource): Compiled {
  const rank = rankOf(value)
  if (rank === RANK.null) return { sql: kind.endsWith('e') ? sql(`${key} IS NULL`) : FALSE, isExact: true }
  if (rank === RANK.array) return { sql: sql(`${key} = ${source.arrayKey}`), isExact: false }
  const operand = source.keyOf(value)
  if (operand === undefined || operand === null || rank === RANK.nan)
    return { sql: sql(`${key} IS NOT NULL`), isExact: false }
  const [low, high] = source.bounds(rank)
  const text = kind.startsWith('g')
    ? `(${key} ${SQL_OPERATOR[kind]} ? AND ${key} < ${high})`
    : `(${key} ${SQL_OPERATOR[kind]} ? AND ${key} >= ${low})`
  return { sql: sql(text, operand), isExact: true }
}

function ofRank(key: string, rank: Rank, source: SqlSource): Sql {
  const [low, high] = source.bounds(rank)
  return sql(`(${key} >= ${low} AND ${key} < ${high})`)
}

/** A pattern without special characters is a search for its text; one that begins with `^text` has a lower bound. */
function compilePatternSql(key: string, { source: pattern, options }: Pattern, source: SqlSource): Compiled {
  const ignoresCase = options.includes('i')
  const isText = ofRank(key, RANK.text, source)
  if (options.includes('x')) return { sql: isText, isExact: false }
  const literal = literalOf(pattern)
  if (literal) {
    const contains = source.containsText(key, literal, ignoresCase)
    if (contains) return { sql: contains, isExact: true }
  }
  const start = /^\^((?:[^\\^$.|?*+()[\]{}]|\\[^a-zA-Z0-9])+)/.exec(pattern)?.[1]
  const isAlternative = pattern.includes('|')
  if (start && !ignoresCase && !isAlternative && !options.includes('m')) {
    // The last character may be optional: `^ab?` matches "a".
    const prefix = [...start.replaceAll('\\', '')].slice(0, -1).join('')
    const low = source.keyOf(prefix)
    const high = source.keyOf(`${prefix}\u{10ffff}\u{10ffff}`)
    if (prefix && low !== undefined && high !== undefined) {
      return { sql: sql(`(${key} >= ? AND ${key} <= ?)`, low, high), isExact: false }
    }
  }
  return { sql: isText, isExact: false }
}

function literalOf(pattern: string): string | undefined {
  if (!/^(?:[^\\^$.|?*+()[\]{}]|\\[^a-zA-Z0-9])+$/.test(pattern)) return undefined
  return pattern.replace(/\\(.)/gs, '$1')
}
