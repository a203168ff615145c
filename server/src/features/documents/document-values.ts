/**
 * Values as they are stored: plain JSON, with Extended JSON objects for what JSON lacks (`{"$date": 5}`). Nothing is
 * revived: the stored text is the wire text, and comparing needs no other form.
 *
 * Types compare in MongoDB's order. Two deviations, kept the same in SQL: NaN sorts after text instead of first among
 * the numbers, and objects compare by their JSON text.
 */
import type { Json, JsonObject } from './document-request.ts'

/** MongoDB's order of types; the number is also the first byte of the key that SQL compares. */
export const RANK = {
  null: 0,
  number: 1,
  text: 2,
  nan: 3,
  object: 4,
  array: 5,
  binary: 6,
  objectId: 7,
  boolean: 8,
  date: 9,
  timestamp: 10,
  regex: 11,
} as const
export type Rank = (typeof RANK)[keyof typeof RANK]

/** The Extended JSON wrappers that may be stored, by their first key. */
const WRAPPER_RANK: Readonly<Record<string, Rank>> = {
  $date: RANK.date,
  $oid: RANK.objectId,
  $numberLong: RANK.number,
  $numberDouble: RANK.number,
  $binary: RANK.binary,
  $timestamp: RANK.timestamp,
  $regularExpression: RANK.regex,
}

export const isArray = (value: unknown): value is readonly Json[] => Array.isArray(value)

/** An object in the JSON sense, wrapper or not. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The first key if it starts with `$`: then the object is a wrapper. Stored documents have no other such keys. */
export function wrapperKey(value: JsonObject): string | undefined {
  for (const key in value) return key.startsWith('$') ? key : undefined
  return undefined
}

/** A document or sub-document: an object that is not a wrapper. */
export const isPlainObject = (value: unknown): value is JsonObject => isObject(value) && wrapperKey(value) === undefined

export function rankOf(value: Json | undefined): Rank {
  switch (typeof value) {
    case 'undefined':
      return RANK.null
    case 'number':
      return RANK.number
    case 'string':
      return RANK.text
    case 'boolean':
      return RANK.boolean
  }
  if (value === null) return RANK.null
  if (isArray(value)) return RANK.array
  const key = wrapperKey(value)
  if (key === undefined) return RANK.object
  if (key === '$numberDouble' && value[key] === 'NaN') return RANK.nan
  return WRAPPER_RANK[key] ?? RANK.object
}

/** A number as JavaScript can compare it: bigint for `$numberLong`. Call it for values of rank `number` only. */
export function numberOf(value: Json): number | bigint {
  if (typeof value === 'number') return value
  const wrapper = value as JsonObject // safe: rank `number` is a number or a wrapper
  if (typeof wrapper['$numberLong'] === 'string') return BigInt(wrapper['$numberLong'])
  return Number(wrapper['$numberDouble'])
}

/** A number in its stored form: plain where a double holds it exactly. */
export function storedNumber(value: number | bigint): Json {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : { $numberDouble: String(value) }
  }
  const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
  return isSafe ? Number(value) : { $numberLong: String(value) }
}

/** Negative, zero or positive, in MongoDB's order over all types. A missing value equals null. */
export function compareValues(a: Json | undefined, b: Json | undefined): number {
  const rankA = rankOf(a)
  const rankB = rankOf(b)
  if (rankA !== rankB) return rankA - rankB
  if (a === undefined || b === undefined || a === null || b === null) return 0
  switch (rankA) {
    case RANK.number:
      return comparePrimitives(numberOf(a), numberOf(b))
    case RANK.text:
      return compareText(a as string, b as string) // safe: both have rank `text`
    case RANK.boolean:
      return Number(a) - Number(b)
    case RANK.date:
      return comparePrimitives(dateMsOf(a), dateMsOf(b))
    case RANK.array:
      return compareArrays(a as readonly Json[], b as readonly Json[]) // safe: both have rank `array`
    case RANK.nan:
      return 0
    default:
      return compareText(JSON.stringify(a), JSON.stringify(b))
  }
}

export const equalValues = (a: Json | undefined, b: Json | undefined) => compareValues(a, b) === 0

/** Call it for values of rank `date` only. */
export const dateMsOf = (value: Json): number => (value as { $date: number }).$date // safe: decoding stores no other form

const comparePrimitives = (a: number | bigint, b: number | bigint) => (a < b ? -1 : a > b ? 1 : 0)

/** By code point, which is the order of UTF-8 bytes in all three databases; `<` would order by UTF-16 unit. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const unitA = a.charCodeAt(index)
    const unitB = b.charCodeAt(index)
    if (unitA === unitB) continue
    // Surrogates stand for code points above every other unit.
    const isHighA = unitA >= 0xd800 && unitA <= 0xdfff
    const isHighB = unitB >= 0xd800 && unitB <= 0xdfff
    return isHighA === isHighB ? unitA - unitB : isHighA ? 1 : -1
  }
  return a.length - b.length
}

function compareArrays(a: readonly Json[], b: readonly Json[]): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const order = compareValues(a[index], b[index])
    if (order) return order
  }
  return a.length - b.length
}
