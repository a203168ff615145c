/** Which fields of a document are answered: MongoDB's projection, including dotted paths, `$slice` and `$elemMatch`. */
import { checkPath, decodeNestedFilter, decodeNestedTest, hasOperators } from './decode-filter.ts'
import { type Decoding, decodeValue, refuse, startDecoding } from './decode-value.ts'
import type { FieldTest } from './document-filter.ts'
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isObject, isPlainObject } from './document-values.ts'
import { compileFilter } from './match-document.ts'

export type Projection = {
  readonly mode: 'include' | 'exclude'
  readonly hasId: boolean
  readonly fields: FieldTree
}
/** `true` at a leaf; nested trees below a dotted path; or a change of the array there. */
type FieldTree = { [field: string]: true | FieldTree | ArrayProjection }
type ArrayProjection = { readonly kind: 'array'; apply(value: Json): Json | undefined }

/** @returns undefined if everything is wanted. @throws {AppError} `invalid_query` */
export function decodeProjection(projection: unknown): Projection | undefined {
  if (projection === undefined) return undefined
  const decoding = startDecoding('invalid_query', 0)
  if (!isObject(projection)) refuse(decoding, 'projection', 'is not an object')
  const fields: FieldTree = {}
  let mode: Projection['mode'] | undefined
  let hasId = true
  let hasArrayParts = false
  for (const [path, given] of Object.entries(projection)) {
    checkPath(path, decoding)
    if (hasOperators(given)) {
      putAt(fields, path, decodeArrayProjection(given, decoding, path), decoding)
      if ('$elemMatch' in given) mode ??= 'include'
      hasArrayParts = true
      continue
    }
    const isWanted = isTruthy(decodeValue(given, decoding, path, 1))
    if (path === '_id') {
      hasId = isWanted
      if (isWanted) mode ??= Object.keys(projection).length === 1 ? 'include' : undefined
      continue
    }
    const fieldMode = isWanted ? 'include' : 'exclude'
    if (mode && mode !== fieldMode) refuse(decoding, path, 'mixes fields to include with fields to leave out')
    mode = fieldMode
    putAt(fields, path, true, decoding)
  }
  if (mode === undefined && hasId && !hasArrayParts) return undefined
  return { mode: mode ?? 'exclude', hasId, fields }
}

const isTruthy = (value: Json) => !(value === false || value === 0 || value === null)

function putAt(tree: FieldTree, path: string, leaf: true | ArrayProjection, decoding: Decoding) {
  const segments = path.split('.')
  const last = segments.pop() ?? ''
  let current = tree
  for (const segment of segments) {
    const next = Object.hasOwn(current, segment) ? current[segment] : undefined
    if (next === true || isArrayProjection(next))
      refuse(decoding, path, 'conflicts with another field of the projection')
    if (next === undefined) current[segment] = {}
    current = current[segment] as FieldTree // safe: just set, or checked above
  }
  if (Object.hasOwn(current, last)) refuse(decoding, path, 'conflicts with another field of the projection')
  current[last] = leaf
}

const isArrayProjection = (value: unknown): value is ArrayProjection => isObject(value) && value['kind'] === 'array'

function decodeArrayProjection(given: JsonObject, decoding: Decoding, path: string): ArrayProjection {
  const operators = Object.keys(given)
  if (operators.length === 1 && given['$slice'] !== undefined) {
    const slice = decodeValue(given['$slice'], decoding, path, 1)
    const [skip, limit] = isArray(slice) ? slice : [undefined, slice]
    if (!Number.isSafeInteger(limit) || (skip !== undefined && !Number.isSafeInteger(skip))) {
      refuse(decoding, path, 'has a $slice that is not a number or two')
    }
    return { kind: 'array', apply: (value) => (isArray(value) ? sliced(value, skip, Number(limit)) : value) }
  }
  const condition = given['$elemMatch']
  if (operators.length === 1 && isObject(condition)) {
    const isWanted = elementPredicate(condition, decoding, path)
    return {
      kind: 'array',
      apply(value) {
        const found = isArray(value) ? value.find(isWanted) : undefined
        return found === undefined ? undefined : [found]
      },
    }
  }
  return refuse(decoding, path, 'has an operator that projections do not support')
}

function elementPredicate(condition: JsonObject, decoding: Decoding, path: string): (element: Json) => boolean {
  if (!hasOperators(condition)) {
    const matches = compileFilter(decodeNestedFilter(condition, decoding))
    return (element) => isPlainObject(element) && matches(element)
  }
  const test: FieldTest = decodeNestedTest(condition, decoding, path)
  const matches = compileFilter({ kind: 'field', path: 'element', test })
  return (element) => matches({ element })
}

function sliced(value: readonly Json[], skip: Json | undefined, limit: number): Json[] {
  if (skip === undefined) return limit >= 0 ? value.slice(0, limit) : value.slice(limit)
  const start = Number(skip) < 0 ? Math.max(0, value.length + Number(skip)) : Number(skip)
  return value.slice(start, start + limit)
}

export function projectDocument(document: JsonObject, { mode, hasId, fields }: Projection): JsonObject {
  const { _id, ...rest } = document
  const projected = mode === 'include' ? included(rest, fields) : excluded(rest, fields)
  return hasId && _id !== undefined ? { _id, ...projected } : projected
}

function included(document: JsonObject, fields: FieldTree): JsonObject {
  const kept: { [key: string]: Json } = {}
  // In the order of the document, as MongoDB answers.
  for (const [key, value] of Object.entries(document)) {
    const wanted = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (wanted === undefined) continue
    const part =
      wanted === true ? value : isArrayProjection(wanted) ? wanted.apply(value) : includedValue(value, wanted)
    if (part !== undefined) kept[key] = part
  }
  return kept
}

function includedValue(value: Json, fields: FieldTree): Json | undefined {
  if (isPlainObject(value)) return included(value, fields)
  if (!isArray(value)) return undefined
  return value.map((element) => includedValue(element, fields)).filter((element) => element !== undefined)
}

function excluded(document: JsonObject, fields: FieldTree): JsonObject {
  const kept: { [key: string]: Json } = {}
  for (const [key, value] of Object.entries(document)) {
    const rule = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (rule === true) continue
    const part = rule === undefined ? value : isArrayProjection(rule) ? rule.apply(value) : excludedValue(value, rule)
    if (part !== undefined) kept[key] = part
  }
  return kept
}

function excludedValue(value: Json, fields: FieldTree): Json {
  if (isPlainObject(value)) return excluded(value, fields)
  return isArray(value) ? value.map((element) => excludedValue(element, fields)) : value
}
