/** Applies decoded changes to one document, by MongoDB's rules. The given document is not touched. */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { resolvePositions } from './array-position.ts'
import type { Change, PushChange } from './decode-update.ts'
import type { Filter } from './document-filter.ts'
import { arrayIndex, ownField } from './document-path.ts'
import type { Json, JsonObject } from './document-request.ts'
import {
  compareValues,
  equalValues,
  isArray,
  isPlainObject,
  numberOf,
  RANK,
  rankOf,
  storedNumber,
} from './document-values.ts'
import { compileFilter } from './match-document.ts'
import { compileOrder } from './sort-documents.ts'

type Mutable = { [key: string]: Json } | Json[]

/**
 * @param query says which element a `$` in a path stands for
 * @throws {AppError} `invalid_update` where a change does not fit the document
 */
export function applyUpdate(document: JsonObject, changes: readonly Change[], query?: Filter): JsonObject {
  const updated = structuredClone(document) as { [key: string]: Json } // safe: a fresh copy that nobody else holds
  for (const change of changes) {
    for (const path of resolvePositions(document, change.path, query)) applyChange(updated, { ...change, path })
  }
  if (!equalValues(updated['_id'], document['_id'])) fail('_id', 'cannot be changed')
  return updated
}

function fail(path: string, reason: string): never {
  throw new AppError('invalid_update', `${path} ${reason}.`, { details: { path, reason } })
}

function applyChange(document: Mutable, change: Change) {
  switch (change.kind) {
    case 'unset':
      return removeAt(document, change.path)
    case 'rename':
      return rename(document, change.path, change.to)
    case 'setOnInsert':
      return undefined // updates insert nothing: CloudBase's `set` replaces whole documents
    case 'pop':
    case 'pull':
    case 'pullAll':
      return changeExisting(document, change.path, (value) => shrunk(value, change))
    default:
      return setAt(document, change.path, (value) => changed(value, change))
  }
}

type GrowingChange = Exclude<Change, { kind: 'unset' | 'rename' | 'setOnInsert' | 'pop' | 'pull' | 'pullAll' }>

/** The new value of a field that the change creates if it is missing. */
function changed(value: Json | undefined, change: GrowingChange): Json {
  switch (change.kind) {
    case 'set':
      return change.value
    case 'min':
      return value === undefined || compareValues(change.value, value) < 0 ? change.value : value
    case 'max':
      return value === undefined || compareValues(change.value, value) > 0 ? change.value : value
    case 'inc':
      return value === undefined ? change.value : arithmetic(value, change.value, change.path, 'inc')
    case 'mul':
      return value === undefined ? 0 : arithmetic(value, change.value, change.path, 'mul')
    case 'bit':
      return bitwise(value, change)
    case 'push':
      return pushed(value, change)
    case 'addToSet':
      return withMembers(arrayOrEmpty(value, change.path), change.values)
  }
}

function withMembers(list: readonly Json[], values: readonly Json[]): Json[] {
  const members = [...list]
  for (const value of values) if (!members.some((member) => equalValues(member, value))) members.push(value)
  return members
}

/** Whole numbers stay exact up to 64 bits. */
function arithmetic(value: Json, operand: Json, path: string, kind: 'inc' | 'mul'): Json {
  if (rankOf(value) !== RANK.number && rankOf(value) !== RANK.nan) fail(path, 'is not a number')
  if (rankOf(value) === RANK.nan) return value
  const a = numberOf(value)
  const b = numberOf(operand)
  const result = kind === 'inc' ? Number(a) + Number(b) : Number(a) * Number(b)
  const isWhole = isWholeNumber(a) && isWholeNumber(b)
  if (!isWhole || (Number.isSafeInteger(result) && typeof a === 'number' && typeof b === 'number')) {
    return storedNumber(result)
  }
  const exact = kind === 'inc' ? BigInt(a) + BigInt(b) : BigInt(a) * BigInt(b)
  if (BigInt.asIntN(64, exact) !== exact) fail(path, 'would leave the range of 64-bit integers')
  return storedNumber(exact)
}

const isWholeNumber = (value: number | bigint) => typeof value === 'bigint' || Number.isSafeInteger(value)

function bitwise(value: Json | undefined, change: Extract<Change, { kind: 'bit' }>): Json {
  const start = value ?? 0
  if (rankOf(start) !== RANK.number || !isWholeNumber(numberOf(start))) fail(change.path, 'is not an integer')
  let bits = BigInt(numberOf(start))
  if (change.and !== undefined) bits &= BigInt(numberOf(change.and))
  if (change.or !== undefined) bits |= BigInt(numberOf(change.or))
  if (change.xor !== undefined) bits ^= BigInt(numberOf(change.xor))
  return storedNumber(bits)
}

function pushed(value: Json | undefined, change: PushChange & { path: string }): Json {
  const list = [...arrayOrEmpty(value, change.path)]
  const { position, sort, slice } = change
  list.splice(position === undefined ? list.length : position, 0, ...change.values)
  if (sort === 1 || sort === -1) list.sort((a, b) => compareValues(a, b) * sort)
  else if (sort) list.sort(compileOrder(sort))
  if (slice === undefined) return list
  return slice >= 0 ? list.slice(0, slice) : list.slice(slice)
}

function arrayOrEmpty(value: Json | undefined, path: string): readonly Json[] {
  if (value === undefined) return []
  return isArray(value) ? value : fail(path, 'is not an array')
}

function shrunk(value: Json, change: Extract<Change, { kind: 'pop' | 'pull' | 'pullAll' }>): Json {
  if (!isArray(value)) return fail(change.path, 'is not an array')
  if (change.kind === 'pop') return change.end === 'last' ? value.slice(0, -1) : value.slice(1)
  if (change.kind === 'pullAll')
    return value.filter((element) => !change.values.some((gone) => equalValues(element, gone)))
  const isGone = pullTest(change)
  return value.filter((element) => !isGone(element))
}

/** The filter language tests fields of documents: for bare elements the element is put into a field. */
function pullTest({ test, filter }: Extract<Change, { kind: 'pull' }>): (element: Json) => boolean {
  if (filter) {
    const matches = compileFilter(filter)
    return (element) => isPlainObject(element) && matches(element)
  }
  if (!test) return () => false
  const matches = compileFilter({ kind: 'field', path: 'element', test })
  return (element) => matches({ element })
}

/** Walks to the parent of the path's last segment, creating objects on the way; then sets what `next` returns. */
function setAt(document: Mutable, path: string, next: (value: Json | undefined) => Json) {
  const segments = path.split('.')
  const last = segments.pop() ?? ''
  let parent = document
  for (const segment of segments) {
    const child = childOf(parent, segment)
    if (child === undefined) {
      const created = {}
      put(parent, segment, created, path)
      parent = created
    } else if (isContainer(child)) parent = child
    else fail(path, `leads through ${segment}, which is neither an object nor an array`)
  }
  put(parent, last, next(childOf(parent, last)), path)
}

function changeExisting(document: Mutable, path: string, next: (value: Json) => Json) {
  const { parent, last } = findParent(document, path)
  const value = parent && childOf(parent, last)
  if (parent && value !== undefined) put(parent, last, next(value), path)
}

function removeAt(document: Mutable, path: string) {
  const { parent, last } = findParent(document, path)
  if (!parent) return
  if (!Array.isArray(parent)) delete parent[last]
  else if (childOf(parent, last) !== undefined) put(parent, last, null, path) // elements keep their places
}

function rename(document: Mutable, from: string, to: string) {
  const { parent, last } = findParent(document, from)
  if (leadsThroughArray(document, from)) fail(from, 'is inside an array and cannot be renamed')
  const value = parent && childOf(parent, last)
  if (value === undefined) return
  removeAt(document, from)
  setAt(document, to, () => value)
}

function leadsThroughArray(document: Mutable, path: string): boolean {
  let current: Json | undefined = document
  return path.split('.').some((segment) => {
    if (isArray(current)) return true
    current = isContainer(current) ? childOf(current, segment) : undefined
    return false
  })
}

function findParent(document: Mutable, path: string): { parent: Mutable | undefined; last: string } {
  const segments = path.split('.')
  const last = segments.pop() ?? ''
  let parent: Mutable | undefined = document
  for (const segment of segments) {
    const child: Json | undefined = parent && childOf(parent, segment)
    parent = isContainer(child) ? child : undefined
  }
  return { parent, last }
}

const isContainer = (value: Json | undefined): value is Mutable & Json => isArray(value) || isPlainObject(value)

function childOf(parent: Mutable, segment: string): Json | undefined {
  if (!Array.isArray(parent)) return ownField(parent, segment)
  const index = arrayIndex(segment)
  return index === undefined ? undefined : parent[index]
}

function put(parent: Mutable, segment: string, value: Json, path: string) {
  if (!Array.isArray(parent)) {
    parent[segment] = value
    return
  }
  const index = arrayIndex(segment)
  if (index === undefined) fail(path, `names the field ${segment} in an array`)
  if (index > LIMITS.arrayElements) fail(path, `leads beyond ${LIMITS.arrayElements} elements`)
  while (parent.length < index) parent.push(null)
  parent[index] = value
}
