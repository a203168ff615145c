/**
 * The entrance: turns Extended JSON as it arrives into the stored form, once, and refuses what cannot be stored and read
 * back equal on all three databases.
 */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isObject, storedNumber } from './document-values.ts'

export type DecodeError = 'invalid_document' | 'invalid_query' | 'invalid_update'

/** What decoding carries along: which error to throw, the clock of server dates, and how much was read. */
export type Decoding = {
  readonly error: DecodeError
  readonly nowMs: number
  keys: number
}

export const startDecoding = (error: DecodeError, nowMs: number): Decoding => ({ error, nowMs, keys: 0 })

export function refuse(decoding: Pick<Decoding, 'error'>, path: string, reason: string): never {
  throw new AppError(decoding.error, `${path || 'The value'} ${reason}.`, { details: { path, reason } })
}

const LARGEST_DATE_MS = 8.64e15
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** @throws {AppError} of `decoding.error`, with `details` {path, reason} */
export function decodeValue(value: unknown, decoding: Decoding, path: string, depth: number): Json {
  if (depth > LIMITS.documentDepth) refuse(decoding, path, `is nested deeper than ${LIMITS.documentDepth} levels`)
  switch (typeof value) {
    case 'string':
      return checkText(value, decoding, path)
    case 'number':
      return decodeNumber(value, decoding, path)
    case 'boolean':
      return value
  }
  if (value === null) return null
  if (isArray(value)) return decodeArray(value, decoding, path, depth)
  if (!isObject(value)) refuse(decoding, path, 'is not JSON')
  const keys = Object.keys(value)
  const first = keys[0]
  if (first?.startsWith('$')) return decodeWrapper(value, first, keys, decoding, path)
  return decodeFields(value, keys, decoding, path, depth)
}

/** An object whose keys are field names. */
export function decodeFields(
  value: JsonObject,
  keys: readonly string[],
  decoding: Decoding,
  path: string,
  depth: number,
): JsonObject {
  decoding.keys += keys.length
  if (decoding.keys > LIMITS.documentKeys) refuse(decoding, path, `has more than ${LIMITS.documentKeys} keys in all`)
  const decoded: { [key: string]: Json } = {}
  for (const key of keys) {
    const inner = path ? `${path}.${key}` : key
    checkFieldName(key, decoding, inner)
    const field = value[key]
    if (field !== undefined) decoded[key] = decodeValue(field, decoding, inner, depth + 1)
  }
  return decoded
}

function decodeArray(value: readonly Json[], decoding: Decoding, path: string, depth: number): Json[] {
  if (value.length > LIMITS.arrayElements) refuse(decoding, path, `has more than ${LIMITS.arrayElements} elements`)
  return value.map((element, index) => decodeValue(element ?? null, decoding, `${path}.${index}`, depth + 1))
}

function decodeNumber(value: number, decoding: Decoding, path: string): Json {
  // JSON.parse rounds such integers silently: what arrived is no longer what was sent.
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 2 ** 63) {
    refuse(decoding, path, 'is an integer beyond 2^53; send it as {"$numberLong": "…"}')
  }
  if (!Number.isFinite(value)) refuse(decoding, path, 'is a number that JSON cannot hold')
  return storedNumber(value)
}

/** One segment of a path, where it is written: the top of a document, a sub-document or an update. */
export function checkFieldName(name: string, decoding: Decoding, path: string) {
  if (name === '__proto__') refuse(decoding, path, 'must not be named __proto__')
  if (name === '') refuse(decoding, path, 'has an empty field name')
  if (name.startsWith('$')) refuse(decoding, path, 'is a field name that begins with $')
  if (name.includes('.')) refuse(decoding, path, 'is a field name with a dot')
  if (Buffer.byteLength(name) > LIMITS.fieldNameBytes) {
    refuse(decoding, path.slice(0, 64), `is a field name longer than ${LIMITS.fieldNameBytes} bytes`)
  }
  checkText(name, decoding, path)
}

function checkText(text: string, decoding: Decoding, path: string): string {
  if (text.includes('\u0000')) refuse(decoding, path, 'contains the character NUL')
  if (!text.isWellFormed()) refuse(decoding, path, 'contains half of a surrogate pair')
  return text
}

/** Extended JSON, canonical and relaxed, in CloudBase's own forms too; anything else with `$` is refused. */
function decodeWrapper(
  value: JsonObject,
  key: string,
  keys: readonly string[],
  decoding: Decoding,
  path: string,
): Json {
  const inner = value[key]
  const isSingle = keys.length === 1
  switch (isSingle ? key : undefined) {
    case '$numberInt':
      return decodeLong(inner, decoding, path)
    case '$numberLong':
      return decodeLong(inner, decoding, path)
    case '$numberDouble':
      return decodeDouble(inner, decoding, path)
    case '$date':
      return { $date: decodeDateMs(inner, decoding, path) }
    case '$oid':
      if (typeof inner !== 'string' || !/^[0-9a-fA-F]{24}$/.test(inner)) refuse(decoding, path, 'is not an ObjectId')
      return { $oid: inner.toLowerCase() }
    case '$tcb_server_date':
    case '$serverDate':
      return { $date: decoding.nowMs + serverDateOffsetMs(inner, decoding, path) }
    case '$regularExpression':
      return { $regularExpression: decodeRegex(inner, decoding, path) }
    case '$binary':
      return { $binary: decodeBinary(inner, decoding, path) }
    case '$timestamp':
      return { $timestamp: decodeTimestamp(inner, decoding, path) }
    case '$numberDecimal':
      refuse(decoding, path, 'is a Decimal128, which is not supported; store whole numbers (such as fen) or text')
  }
  if (key === '$regex' && keys.every((name) => name === '$regex' || name === '$options')) {
    return {
      $regularExpression: decodeRegex({ pattern: inner ?? '', options: value['$options'] ?? '' }, decoding, path),
    }
  }
  return refuse(decoding, path, `has the unknown operator ${key.slice(0, 40)}`)
}

function decodeLong(inner: Json | undefined, decoding: Decoding, path: string): Json {
  const text = String(inner)
  if (!/^[+-]?\d{1,19}$/.test(text)) refuse(decoding, path, 'is not a 64-bit integer')
  const value = BigInt(text)
  if (value < INT64_MIN || value > INT64_MAX) refuse(decoding, path, 'is not a 64-bit integer')
  return storedNumber(value)
}

function decodeDouble(inner: Json | undefined, decoding: Decoding, path: string): Json {
  const text = String(inner)
  if (/^(NaN|-?Infinity)$/.test(text)) return { $numberDouble: text }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) refuse(decoding, path, 'is not a number')
  return storedNumber(Number(text))
}

function decodeDateMs(inner: Json | undefined, decoding: Decoding, path: string): number {
  const ms =
    typeof inner === 'number'
      ? inner
      : typeof inner === 'string'
        ? Date.parse(inner)
        : isObject(inner)
          ? Number(inner['$numberLong'] ?? inner['$numberDouble'] ?? inner['$numberInt'] ?? Number.NaN)
          : Number.NaN
  if (isObject(inner) && 'offset' in inner) return decoding.nowMs + serverDateOffsetMs(inner, decoding, path)
  if (!Number.isFinite(ms) || Math.abs(ms) > LARGEST_DATE_MS) refuse(decoding, path, 'is not a date')
  return Math.trunc(ms) || 0
}

function serverDateOffsetMs(inner: Json | undefined, decoding: Decoding, path: string): number {
  const offset = isObject(inner) ? inner['offset'] : undefined
  if (offset === undefined || offset === null) return 0
  const ms = decodeValue(offset, decoding, path, 1)
  if (typeof ms !== 'number' || Math.abs(ms) > LARGEST_DATE_MS / 2) {
    refuse(decoding, path, 'has an offset that is not a number of milliseconds')
  }
  return Math.trunc(ms)
}

function decodeRegex(inner: Json | undefined, decoding: Decoding, path: string): JsonObject {
  const nested = isObject(inner) && isObject(inner['$regularExpression']) ? inner['$regularExpression'] : inner
  const pattern = isObject(nested) ? nested['pattern'] : undefined
  const options = isObject(nested) ? (nested['options'] ?? '') : ''
  if (typeof pattern !== 'string' || typeof options !== 'string') refuse(decoding, path, 'is not a regular expression')
  checkText(pattern, decoding, path)
  if (pattern.length > LIMITS.regexCharacters) {
    refuse(decoding, path, `is a regular expression longer than ${LIMITS.regexCharacters} characters`)
  }
  if (!/^[imsxugly]*$/.test(options)) refuse(decoding, path, 'has unknown regular expression options')
  return { pattern, options: [...new Set(options)].sort().join('') }
}

function decodeBinary(inner: Json | undefined, decoding: Decoding, path: string): JsonObject {
  const base64 = isObject(inner) ? inner['base64'] : undefined
  const subType = isObject(inner) ? inner['subType'] : undefined
  if (typeof base64 !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) refuse(decoding, path, 'is not binary data')
  if (typeof subType !== 'string' || !/^[0-9a-fA-F]{1,2}$/.test(subType)) refuse(decoding, path, 'is not binary data')
  return { base64, subType }
}

function decodeTimestamp(inner: Json | undefined, decoding: Decoding, path: string): JsonObject {
  const t = isObject(inner) ? inner['t'] : undefined
  const i = isObject(inner) ? inner['i'] : undefined
  const isUint32 = (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32
  if (!isUint32(t) || !isUint32(i)) refuse(decoding, path, 'is not a timestamp')
  return { t: Number(t), i: Number(i) }
}
