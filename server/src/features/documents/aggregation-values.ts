/**
 * Between stored values and the ones that mingo computes with: dates become Date, infinite numbers become numbers, and
 * what mingo has no type for (64-bit integers, ObjectIds, binary data) is carried along in one piece.
 */
import type { Json, JsonObject } from './document-request.ts'
import { dateMsOf, isArray, isObject, storedNumber, wrapperKey } from './document-values.ts'

/** A value that aggregation can compare and carry, but not calculate with. */
export class CarriedValue {
  readonly json: JsonObject

  constructor(json: JsonObject) {
    this.json = json
  }

  /** What mingo compares and groups by. */
  toString() {
    return JSON.stringify(this.json)
  }
}

export function revive(value: Json): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (isArray(value)) return value.map(revive)
  const key = isObject(value) ? wrapperKey(value) : undefined
  if (key === '$date') return new Date(dateMsOf(value))
  if (key === '$numberDouble' && isObject(value)) return Number(value[key])
  if (key !== undefined && WRAPPERS.has(key) && isObject(value)) return new CarriedValue(value)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, revive(field)]))
}

const WRAPPERS = new Set(['$oid', '$numberLong', '$binary', '$timestamp', '$regularExpression'])

/** A value that is referred to many times is written out many times. */
const RESTORED_UNITS = 1

/** The stored form of a result; undefined where there is none, as for a missing field. */
export function restore(value: unknown, budget?: { spend(units: number): void }): Json | undefined {
  budget?.spend(RESTORED_UNITS)
  switch (typeof value) {
    case 'string':
      return value.toWellFormed()
    case 'number':
      return storedNumber(value)
    case 'bigint':
      return storedNumber(value)
    case 'boolean':
      return value
    case 'object':
      break
    default:
      return undefined
  }
  if (value === null) return null
  if (Array.isArray(value)) return value.map((element) => restore(element, budget) ?? null)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : { $date: value.getTime() }
  if (value instanceof CarriedValue) return value.json
  const restored: { [key: string]: Json } = {}
  for (const [name, field] of Object.entries(value)) {
    const part = restore(field, budget)
    if (part !== undefined && name !== '__proto__') restored[name] = part
  }
  return restored
}
