/**
 * Which values a dotted path leads to, by MongoDB's rules: through objects by name, through arrays into each element that
 * is an object, or by index. A path that leads nowhere through objects yields `undefined` once: that is what "missing
 * equals null" means.
 */
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isPlainObject } from './document-values.ts'

/** Visits each value the path leads to, without entering an array at its end; stops when `visit` returns true. */
export function someValueAt(value: Json | undefined, path: readonly string[], visit: Visit, from = 0): boolean {
  let current = value
  for (let index = from; index < path.length; index++) {
    if (isArray(current)) return someInArray(current, path, index, visit)
    current = isPlainObject(current) ? ownField(current, path[index] ?? '') : undefined
    if (current === undefined) return visit(undefined)
  }
  return visit(current)
}

type Visit = (value: Json | undefined) => boolean

function someInArray(array: readonly Json[], path: readonly string[], index: number, visit: Visit): boolean {
  for (const element of array) {
    if (isPlainObject(element) && someValueAt(element, path, visit, index)) return true
  }
  const place = arrayIndex(path[index] ?? '')
  if (place === undefined || place >= array.length) return false
  return someValueAt(array[place], path, visit, index + 1)
}

/** The same, and at an array's end also each of its elements, before the array itself. */
export function someElementAt(document: Json, path: readonly string[], visit: Visit): boolean {
  return someValueAt(document, path, (value) => (isArray(value) && value.some(visit)) || visit(value))
}

export const arrayIndex = (segment: string): number | undefined =>
  /^(0|[1-9]\d{0,5})$/.test(segment) ? Number(segment) : undefined

export const ownField = (object: { readonly [key: string]: Json }, name: string): Json | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined

/** A copy with the field at the path replaced, or taken away. */
export function withField(
  document: JsonObject,
  [name = '', ...rest]: readonly string[],
  value: Json | undefined,
): JsonObject {
  if (rest.length === 0) {
    if (value !== undefined) return { ...document, [name]: value }
    const { [name]: _gone, ...others } = document
    return others
  }
  const inner = Object.hasOwn(document, name) ? document[name] : undefined
  return { ...document, [name]: withField(isPlainObject(inner) ? inner : {}, rest, value) }
}
