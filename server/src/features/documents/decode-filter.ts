/** MongoDB's query language → the filter tree. Unknown operators are refused, never ignored. */
import { LIMITS } from '@sampan/protocol/limits'
import { decodeGeoTest, type GeoOperator } from './decode-geo.ts'
import { type Decoding, decodeValue, refuse, startDecoding } from './decode-value.ts'
import { allOf, EVERYTHING, type FieldTest, type Filter, type Pattern } from './document-filter.ts'
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isObject, wrapperKey } from './document-values.ts'
import { decodeSchema } from './json-schema.ts'
import { compilePattern } from './safe-pattern.ts'
import { TYPE_NAMES } from './value-types.ts'

type FilterDecoding = Decoding & { nodes: number }

/** @throws {AppError} `invalid_query` */
export function decodeFilter(query: unknown, nowMs: number): Filter {
  if (query === undefined) return EVERYTHING
  const decoding = { ...startDecoding('invalid_query', nowMs), nodes: 0 }
  if (!isObject(query)) refuse(decoding, 'query', 'is not an object')
  return decodeConditions(query, decoding, 1)
}

/** The condition of `$pull` and `$elemMatch`-like places, as part of an update. */
export const decodeNestedFilter = (query: JsonObject, decoding: Decoding): Filter =>
  decodeConditions(query, { ...decoding, nodes: 0 }, 1)

/** The tests of `{ $gte: 5, $lt: 9 }`, as part of an update. */
export const decodeNestedTest = (operators: JsonObject, decoding: Decoding, path: string): FieldTest =>
  decodeTest(operators, { ...decoding, nodes: 0 }, path, 1)

export const hasOperators = (value: unknown): value is JsonObject => {
  if (!isObject(value)) return false
  const key = wrapperKey(value)
  return key !== undefined && (OPERATORS.has(key) || !isValueWrapper(key))
}

const VALUE_WRAPPERS = new Set(
  '$numberInt $numberLong $numberDouble $date $oid $tcb_server_date $serverDate $regularExpression $binary $timestamp'.split(
    ' ',
  ),
)
const isValueWrapper = (key: string) => VALUE_WRAPPERS.has(key)

function decodeConditions(query: JsonObject, decoding: FilterDecoding, depth: number): Filter {
  if (depth > LIMITS.documentDepth) refuse(decoding, 'query', `is nested deeper than ${LIMITS.documentDepth} levels`)
  const parts: Filter[] = []
  for (const [key, value] of Object.entries(query)) {
    countNode(decoding)
    if (key === '$comment') continue
    if (key === '$and' || key === '$or' || key === '$nor') parts.push(decodeBranches(key, value, decoding, depth))
    else if (key === '$expr') parts.push({ kind: 'expression', expression: value })
    else if (key === '$jsonSchema') parts.push({ kind: 'schema', schema: decodeSchema(value, decoding) })
    else if (key === '$text') refuse(decoding, key, NO_TEXT_SEARCH)
    else if (key.startsWith('$')) refuse(decoding, key, 'is not a supported query operator')
    else {
      checkPath(key, decoding)
      parts.push({ kind: 'field', path: key, test: decodeTest(value, decoding, key, depth) })
    }
  }
  return allOf(parts)
}

function decodeBranches(key: '$and' | '$or' | '$nor', value: Json, decoding: FilterDecoding, depth: number): Filter {
  if (!isArray(value) || value.length === 0) refuse(decoding, key, 'needs an array with at least one condition')
  const of = value.map((branch) => {
    if (!isObject(branch)) refuse(decoding, key, 'takes objects')
    return decodeConditions(branch, decoding, depth + 1)
  })
  if (key === '$and') return allOf(of)
  return { kind: key === '$or' ? 'or' : 'nor', of }
}

/** A path may name fields that cannot be stored only if it could never match; it must still be harmless text. */
export function checkPath(path: string, decoding: Decoding) {
  const segments = path.split('.')
  if (segments.length > LIMITS.documentDepth) refuse(decoding, path.slice(0, 64), 'is a path with too many parts')
  for (const segment of segments) {
    if (segment === '') refuse(decoding, path, 'is a path with an empty part')
    if (segment === '__proto__') refuse(decoding, path, 'must not name __proto__')
    if (segment.startsWith('$')) refuse(decoding, path, 'is a path with a part that begins with $')
    if (segment.includes('\u0000') || !segment.isWellFormed()) refuse(decoding, path, 'is not valid text')
    if (Buffer.byteLength(segment) > LIMITS.fieldNameBytes) {
      refuse(decoding, path.slice(0, 64), `has a part longer than ${LIMITS.fieldNameBytes} bytes`)
    }
  }
}

function countNode(decoding: FilterDecoding) {
  decoding.nodes++
  if (decoding.nodes > LIMITS.queryNodes) refuse(decoding, 'query', `has more than ${LIMITS.queryNodes} conditions`)
}

/** Belong to the operator beside them. */
const MODIFIERS = new Set(['$options', '$minDistance', '$maxDistance'])

/** What MongoDB would answer from a text index. CloudBase's client sends `_.text()` below a field, without `$text`. */
const NO_TEXT_SEARCH = 'is a full-text search, which is not supported; search with db.RegExp, or in SQL'

/** The value beside a field name: an implicit equality, or operators. */
function decodeTest(value: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  if (!hasOperators(value)) return equals(decodeValue(value, decoding, path, depth), decoding, path)
  const tests = Object.entries(value).map(([operator, operand]) => {
    countNode(decoding)
    if (MODIFIERS.has(operator)) return undefined
    if (operator === '$search') refuse(decoding, path, NO_TEXT_SEARCH)
    const decode = OPERATORS.get(operator)
    if (!decode) return refuse(decoding, path, `has the unsupported operator ${operator.slice(0, 40)}`)
    return decode(operand, decoding, path, depth, value)
  })
  return every(tests.filter((test) => test !== undefined))
}

const every = (of: readonly FieldTest[]): FieldTest => {
  const [only] = of
  return of.length === 1 && only ? only : { kind: 'all', of }
}

/** `{ field: /x/ }` matches by the pattern; every other value by equality. */
function equals(value: Json, decoding: Decoding, path: string): FieldTest {
  const pattern = patternOf(value)
  return pattern ? regexTest(pattern, decoding, path) : { kind: 'eq', value }
}

function patternOf(value: Json): Pattern | undefined {
  if (!isObject(value) || !isObject(value['$regularExpression'])) return undefined
  const { pattern, options } = value['$regularExpression']
  return { source: String(pattern), options: String(options ?? '') }
}

function regexTest(pattern: Pattern, decoding: Decoding, path: string): FieldTest {
  try {
    compilePattern(pattern)
  } catch (error) {
    refuse(decoding, path, error instanceof Error ? error.message : 'is not a usable regular expression')
  }
  return { kind: 'regex', pattern }
}

type DecodeOperator = (
  operand: Json,
  decoding: FilterDecoding,
  path: string,
  depth: number,
  siblings: JsonObject,
) => FieldTest

const comparison =
  (kind: 'eq' | 'lt' | 'lte' | 'gt' | 'gte'): DecodeOperator =>
  (operand, decoding, path, depth) => ({ kind, value: decodeValue(operand, decoding, path, depth) })

const bits =
  (mode: 'allSet' | 'anySet' | 'allClear' | 'anyClear'): DecodeOperator =>
  (operand, decoding, path, depth) => ({ kind: 'bits', mode, mask: bitMask(operand, decoding, path, depth) })

const negated =
  (decode: DecodeOperator): DecodeOperator =>
  (...args) => ({ kind: 'not', test: decode(...args) })

const decodeGeo =
  (operator: GeoOperator): DecodeOperator =>
  (operand, decoding, path, _depth, siblings) =>
    decodeGeoTest(operator, operand, siblings, decoding, path)

const OPERATORS: ReadonlyMap<string, DecodeOperator> = new Map<string, DecodeOperator>([
  ['$eq', comparison('eq')],
  [
    '$ne',
    negated((operand, decoding, path, depth) => equals(decodeValue(operand, decoding, path, depth), decoding, path)),
  ],
  ['$lt', comparison('lt')],
  ['$lte', comparison('lte')],
  ['$gt', comparison('gt')],
  ['$gte', comparison('gte')],
  ['$in', decodeIn],
  ['$nin', negated(decodeIn)],
  ['$not', decodeNot],
  ['$exists', decodeExists],
  ['$type', decodeType],
  ['$size', decodeSize],
  ['$all', decodeAll],
  ['$elemMatch', decodeElemMatch],
  ['$mod', decodeMod],
  ['$regex', decodeRegexOperator],
  ['$bitsAllSet', bits('allSet')],
  ['$bitsAnySet', bits('anySet')],
  ['$bitsAllClear', bits('allClear')],
  ['$bitsAnyClear', bits('anyClear')],
  ['$near', decodeGeo('$near')],
  ['$nearSphere', decodeGeo('$nearSphere')],
  ['$geoWithin', decodeGeo('$geoWithin')],
  ['$geoIntersects', decodeGeo('$geoIntersects')],
])

function decodeIn(operand: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  if (!isArray(operand)) refuse(decoding, path, 'has an $in or $nin without an array')
  if (operand.length > LIMITS.inValues) refuse(decoding, path, `lists more than ${LIMITS.inValues} values`)
  const values = operand.map((value) => decodeValue(value, decoding, path, depth))
  const patterns = values.map(patternOf).filter((pattern) => pattern !== undefined)
  for (const pattern of patterns) regexTest(pattern, decoding, path)
  return { kind: 'in', values: values.filter((value) => !patternOf(value)), patterns }
}

function decodeNot(operand: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  if (hasOperators(operand)) return { kind: 'not', test: decodeTest(operand, decoding, path, depth + 1) }
  const value = decodeValue(operand, decoding, path, depth)
  if (!patternOf(value)) refuse(decoding, path, 'has a $not without operators or a regular expression')
  return { kind: 'not', test: equals(value, decoding, path) }
}

function decodeExists(operand: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  const value = decodeValue(operand, decoding, path, depth)
  const isWanted = !(value === false || value === 0 || value === null)
  return isWanted ? { kind: 'exists' } : { kind: 'not', test: { kind: 'exists' } }
}

const TYPES = new Set(Object.values(TYPE_NAMES))

function decodeType(operand: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  const value = decodeValue(operand, decoding, path, depth)
  const types = (isArray(value) ? value : [value]).map((type) => TYPE_NAMES[String(type)] ?? String(type))
  const unknown = types.find((type) => !TYPES.has(type))
  if (unknown !== undefined || types.length === 0) refuse(decoding, path, 'has a $type that is unknown')
  return { kind: 'type', types }
}

function decodeSize(operand: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  const size = decodeValue(operand, decoding, path, depth)
  if (!Number.isInteger(size) || Number(size) < 0) refuse(decoding, path, 'has a $size that is not a natural number')
  return { kind: 'size', size: Number(size) }
}

function decodeAll(operand: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  if (!isArray(operand)) refuse(decoding, path, 'has an $all without an array')
  if (operand.length > LIMITS.inValues) refuse(decoding, path, `lists more than ${LIMITS.inValues} values`)
  if (operand.length === 0) return { kind: 'in', values: [], patterns: [] }
  const of = operand.map((value) => {
    if (isObject(value) && wrapperKey(value) === '$elemMatch') {
      return decodeElemMatch(value['$elemMatch'] ?? null, decoding, path, depth)
    }
    return equals(decodeValue(value, decoding, path, depth), decoding, path)
  })
  return every(of)
}

function decodeElemMatch(operand: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  if (!isObject(operand)) refuse(decoding, path, 'has an $elemMatch without an object')
  const first = wrapperKey(operand)
  const isAboutValues = first !== undefined && OPERATORS.has(first)
  if (isAboutValues) return { kind: 'elements', test: decodeTest(operand, decoding, path, depth + 1) }
  return { kind: 'elementDocuments', filter: decodeConditions(operand, decoding, depth + 1) }
}

function decodeMod(operand: Json, decoding: FilterDecoding, path: string, depth: number): FieldTest {
  const value = decodeValue(operand, decoding, path, depth)
  const [divisor, remainder] = isArray(value) && value.length === 2 ? value : []
  if (typeof divisor !== 'number' || typeof remainder !== 'number')
    refuse(decoding, path, 'has a $mod without two numbers')
  if (Math.trunc(divisor) === 0) refuse(decoding, path, 'has a $mod by zero')
  return { kind: 'mod', divisor: Math.trunc(divisor), remainder: Math.trunc(remainder) }
}

function decodeRegexOperator(
  operand: Json,
  decoding: FilterDecoding,
  path: string,
  _depth: number,
  siblings: JsonObject,
): FieldTest {
  const options = siblings['$options']
  const given = typeof operand === 'string' ? { $regex: operand, $options: options ?? '' } : operand
  const pattern = patternOf(decodeValue(given, decoding, path, 1))
  if (!pattern) refuse(decoding, path, 'has a $regex that is not a regular expression')
  return regexTest(typeof options === 'string' ? { ...pattern, options } : pattern, decoding, path)
}

function bitMask(operand: Json, decoding: Decoding, path: string, depth: number): bigint {
  const value = decodeValue(operand, decoding, path, depth)
  const positions = isArray(value) ? value : undefined
  if (positions?.every((position) => Number.isInteger(position) && Number(position) >= 0 && Number(position) < 64)) {
    return positions.reduce((mask: bigint, position) => mask | (1n << BigInt(Number(position))), 0n)
  }
  if (!Number.isSafeInteger(value) || Number(value) < 0)
    refuse(decoding, path, 'has a bit mask that is not a natural number')
  return BigInt(Number(value))
}
