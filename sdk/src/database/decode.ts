import { reviveGeometry } from './geometry.ts'

/** Wire values as a program expects them: numbers, `Date`, `RegExp`, Geo objects. Always a fresh copy. */
export function decodeValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeValue)
  if (typeof value !== 'object' || value === null) return value
  const object = value as Record<string, unknown> // checked above
  const keys = Object.keys(object)
  const typed = keys.length === 1 ? decodeTyped(String(keys[0]), object[String(keys[0])]) : undefined
  if (typed !== undefined) return typed
  const plain: Record<string, unknown> = {}
  for (const key of keys) plain[key] = decodeValue(object[key])
  return reviveGeometry(plain) || plain
}

function decodeTyped(type: string, value: unknown): unknown {
  if (/^\$number/.test(type)) return Number(value)
  if (type === '$date') return new Date(decodeValue(value) as number | string) // milliseconds, or an ISO date
  if (type === '$oid') return value
  if (type !== '$regularExpression') return undefined
  const { pattern, options } = value as { pattern: string; options: string } // the shape that this type has
  return new RegExp(pattern, options)
}
