/** MongoDB's update language → a list of changes, each at one path. Unknown operators are refused, never ignored. */
import { LIMITS } from '@sampan/protocol/limits'
import { EVERY, isPositional, MATCHED } from './array-position.ts'
import { decodeNestedFilter, decodeNestedTest, hasOperators } from './decode-filter.ts'
import { checkFieldName, type Decoding, decodeValue, refuse, startDecoding } from './decode-value.ts'
import type { FieldTest, Filter } from './document-filter.ts'
import type { Json } from './document-request.ts'
import { isArray, isObject, isPlainObject, RANK, rankOf } from './document-values.ts'
import type { SortKey } from './sort-documents.ts'

export type Change = { readonly path: string } & (
  | { readonly kind: 'set' | 'min' | 'max' | 'inc' | 'mul'; readonly value: Json }
  | { readonly kind: 'setOnInsert'; readonly value: Json }
  | { readonly kind: 'unset' }
  | { readonly kind: 'rename'; readonly to: string }
  | { readonly kind: 'bit'; readonly and?: Json; readonly or?: Json; readonly xor?: Json }
  | PushChange
  | { readonly kind: 'pop'; readonly end: 'first' | 'last' }
  | { readonly kind: 'pull'; readonly test?: FieldTest; readonly filter?: Filter }
  | { readonly kind: 'pullAll'; readonly values: readonly Json[] }
  | { readonly kind: 'addToSet'; readonly values: readonly Json[] }
)
export type PushChange = {
  readonly kind: 'push'
  readonly values: readonly Json[]
  readonly position?: number
  readonly slice?: number
  /** Whole elements by direction, or the elements' fields. */
  readonly sort?: 1 | -1 | readonly SortKey[]
}

/** @throws {AppError} `invalid_update` */
export function decodeUpdate(changes: unknown, nowMs: number): Change[] {
  const decoding = startDecoding('invalid_update', nowMs)
  if (!isObject(changes)) refuse(decoding, 'data', 'is not an object')
  const decoded: Change[] = []
  for (const [operator, fields] of Object.entries(changes)) {
    const decode = OPERATORS.get(operator)
    if (!decode) refuse(decoding, operator.slice(0, 40), 'is not a supported update operator')
    if (!isObject(fields)) refuse(decoding, operator, 'needs an object of fields')
    for (const [path, operand] of Object.entries(fields)) {
      checkUpdatePath(path, decoding)
      decoded.push({ path, ...decode(operand, decoding, path) } as Change) // safe: each operator returns one of Change's
    }
  }
  if (decoded.length > LIMITS.queryNodes) refuse(decoding, 'data', `changes more than ${LIMITS.queryNodes} fields`)
  refuseConflicts(decoded, decoding)
  return decoded
}

function checkUpdatePath(path: string, decoding: Decoding) {
  const segments = path.split('.')
  if (segments.length > LIMITS.documentDepth) refuse(decoding, path.slice(0, 64), 'is a path with too many parts')
  for (const [place, segment] of segments.entries()) {
    if (place > 0 && (segment === MATCHED || segment === EVERY)) continue
    if (segment.startsWith('$[')) refuse(decoding, path, 'names elements by arrayFilters, which are not supported')
    checkFieldName(segment, decoding, path)
  }
}

/** Two changes at one path, or at a path and inside it, have no order that would be right. */
function refuseConflicts(changes: readonly Change[], decoding: Decoding) {
  const paths = changes
    .flatMap((change) => (change.kind === 'rename' ? [change.path, change.to] : [change.path]))
    .sort()
  const seen = new Set<string>()
  for (const path of paths) {
    const segments = path.split('.')
    for (let length = 1; length <= segments.length; length++) {
      const prefix = segments.slice(0, length).join('.')
      if (seen.has(prefix)) refuse(decoding, path, `conflicts with another change at ${prefix}`)
    }
    seen.add(path)
  }
}

type WithoutPath<T> = T extends unknown ? Omit<T, 'path'> : never
type DecodeOperator = (operand: Json, decoding: Decoding, path: string) => WithoutPath<Change>

const valued =
  (kind: 'set' | 'min' | 'max' | 'setOnInsert'): DecodeOperator =>
  (operand, decoding, path) => ({ kind, value: decodeValue(operand, decoding, path, path.split('.').length) })

const numeric =
  (kind: 'inc' | 'mul'): DecodeOperator =>
  (operand, decoding, path) => {
    const value = decodeValue(operand, decoding, path, 1)
    if (rankOf(value) !== RANK.number) refuse(decoding, path, `has an $${kind} that is not a number`)
    return { kind, value }
  }

const OPERATORS: ReadonlyMap<string, DecodeOperator> = new Map<string, DecodeOperator>([
  ['$set', valued('set')],
  ['$setOnInsert', valued('setOnInsert')],
  ['$min', valued('min')],
  ['$max', valued('max')],
  ['$inc', numeric('inc')],
  ['$mul', numeric('mul')],
  ['$unset', () => ({ kind: 'unset' })],
  ['$rename', decodeRename],
  ['$bit', decodeBit],
  ['$currentDate', (_operand, decoding) => ({ kind: 'set', value: { $date: decoding.nowMs } })],
  ['$push', decodePush],
  ['$pop', decodePop],
  ['$pull', decodePull],
  ['$pullAll', decodePullAll],
  ['$addToSet', decodeAddToSet],
])

function decodeRename(operand: Json, decoding: Decoding, path: string): WithoutPath<Change> {
  if (typeof operand !== 'string') refuse(decoding, path, 'has a $rename without a new name')
  checkUpdatePath(operand, decoding)
  if (isPositional({ path }) || isPositional({ path: operand }))
    refuse(decoding, path, 'cannot be renamed inside an array')
  return { kind: 'rename', to: operand }
}

function decodeBit(operand: Json, decoding: Decoding, path: string): WithoutPath<Change> {
  if (!isObject(operand) || Object.keys(operand).length === 0) refuse(decoding, path, 'has a $bit without an operation')
  const bits: { [operation: string]: Json } = {}
  for (const [operation, value] of Object.entries(operand)) {
    const decoded = decodeValue(value, decoding, path, 1)
    if (!['and', 'or', 'xor'].includes(operation)) refuse(decoding, path, 'has a $bit other than and, or, xor')
    if (rankOf(decoded) !== RANK.number || (typeof decoded === 'number' && !Number.isInteger(decoded))) {
      refuse(decoding, path, 'has a $bit that is not an integer')
    }
    bits[operation] = decoded
  }
  return { kind: 'bit', ...bits }
}

function decodePush(operand: Json, decoding: Decoding, path: string): WithoutPath<Change> {
  if (!isObject(operand) || !('$each' in operand))
    return { kind: 'push', values: [decodeValue(operand, decoding, path, 2)] }
  const { $each, $position, $slice, $sort, ...others } = operand
  const [unknown] = Object.keys(others)
  if (unknown) refuse(decoding, path, `has a $push with the unknown part ${unknown.slice(0, 40)}`)
  const position = decodeInteger($position, decoding, path, '$position')
  const slice = decodeInteger($slice, decoding, path, '$slice')
  const sort = $sort === undefined || $sort === null ? undefined : decodePushSort($sort, decoding, path)
  return {
    kind: 'push',
    values: decodeList($each, decoding, path),
    ...(position !== undefined && { position }),
    ...(slice !== undefined && { slice }),
    ...(sort !== undefined && { sort }),
  }
}

function decodeInteger(value: Json | undefined, decoding: Decoding, path: string, name: string): number | undefined {
  if (value === undefined || value === null) return undefined
  const decoded = decodeValue(value, decoding, path, 1)
  if (!Number.isSafeInteger(decoded)) refuse(decoding, path, `has a ${name} that is not an integer`)
  return Number(decoded)
}

function decodePushSort(sort: Json, decoding: Decoding, path: string): 1 | -1 | SortKey[] {
  const direction = (value: Json): 1 | -1 => {
    const decoded = decodeValue(value, decoding, path, 1)
    if (decoded !== 1 && decoded !== -1) refuse(decoding, path, 'has a $sort that is neither 1 nor -1')
    return decoded
  }
  if (!isPlainObject(sort)) return direction(sort)
  return Object.entries(sort).map(([field, value]) => ({ path: field, direction: direction(value) }))
}

function decodeList(value: Json | undefined, decoding: Decoding, path: string): readonly Json[] {
  const list = decodeValue(value ?? null, decoding, path, 1)
  if (!isArray(list)) refuse(decoding, path, 'needs an array')
  return list
}

function decodePop(operand: Json, decoding: Decoding, path: string): WithoutPath<Change> {
  const value = decodeValue(operand, decoding, path, 1)
  if (value !== 1 && value !== -1) refuse(decoding, path, 'has a $pop that is neither 1 nor -1')
  return { kind: 'pop', end: value === 1 ? 'last' : 'first' }
}

/** Operators test each element; a plain object is a condition on elements that are objects; else equality. */
function decodePull(operand: Json, decoding: Decoding, path: string): WithoutPath<Change> {
  if (hasOperators(operand)) return { kind: 'pull', test: decodeNestedTest(operand, decoding, path) }
  if (isPlainObject(operand)) return { kind: 'pull', filter: decodeNestedFilter(operand, decoding) }
  return { kind: 'pull', test: { kind: 'eq', value: decodeValue(operand, decoding, path, 1) } }
}

function decodePullAll(operand: Json, decoding: Decoding, path: string): WithoutPath<Change> {
  return { kind: 'pullAll', values: decodeList(operand, decoding, path) }
}

/** `{each: […]}` without `$` is what CloudBase's own client sends for the form in WeChat's documentation. */
function decodeAddToSet(operand: Json, decoding: Decoding, path: string): WithoutPath<Change> {
  const [first, ...others] = isObject(operand) ? Object.keys(operand) : []
  if (
    isObject(operand) &&
    others.length === 0 &&
    (first === '$each' || (first === 'each' && isArray(operand[first])))
  ) {
    return { kind: 'addToSet', values: decodeList(operand[first], decoding, path) }
  }
  return { kind: 'addToSet', values: [decodeValue(operand, decoding, path, 2)] }
}
