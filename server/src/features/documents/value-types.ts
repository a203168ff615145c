/** The types that `$type` and `$jsonSchema` name, of values in their stored form. */
import type { Json, JsonObject } from './document-request.ts'
import { RANK, rankOf, wrapperKey } from './document-values.ts'

/** MongoDB's names, also by their numbers. */
// biome-ignore format: a table keeps its columns
export const TYPE_NAMES: Readonly<Record<string, string>> = {
  1: 'double', 2: 'string', 3: 'object', 4: 'array', 5: 'binData', 7: 'objectId', 8: 'bool', 9: 'date', 10: 'null',
  11: 'regex', 16: 'int', 17: 'timestamp', 18: 'long', number: 'number',
}

export function isOfType(value: Json, type: string): boolean {
  const rank = rankOf(value)
  switch (type) {
    case 'number':
      return rank === RANK.number || rank === RANK.nan
    case 'int':
      return typeof value === 'number' && Number.isInteger(value) && value === (value | 0)
    case 'long':
      return rank === RANK.number && isLong(value)
    case 'double':
      return rank === RANK.nan || (rank === RANK.number && !isOfType(value, 'int') && !isLong(value))
    case 'bool':
      return rank === RANK.boolean
    case 'string':
      return rank === RANK.text
    case 'binData':
      return rank === RANK.binary
    case 'null':
      return value === null
    default:
      return rank === RANK[type as 'object' | 'array' | 'objectId' | 'date' | 'regex' | 'timestamp'] // safe: decoded names
  }
}

/** Plain numbers do not keep MongoDB's types: a whole number outside 32 bits counts as a long. */
const isLong = (value: Json) =>
  typeof value === 'number'
    ? Number.isInteger(value) && value !== (value | 0) && Number.isSafeInteger(value)
    : wrapperKey(value as JsonObject) === '$numberLong' // safe: rank `number` is a number or a wrapper
