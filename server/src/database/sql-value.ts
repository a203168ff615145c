import type { SqlValue } from './database.ts'

/**
 * A parameter as it may be sent. Drivers differ in what they make of a wrong one: one stores the text '[object Object]',
 * the other NULL. So it is refused here for all of them.
 */
export function checkedValue(value: SqlValue): SqlValue {
  switch (typeof value) {
    case 'string':
    case 'bigint':
      return value
    case 'number':
      if (!Number.isNaN(value)) return value
      break
    case 'object':
      if (value === null || value instanceof Uint8Array) return value
  }
  throw new TypeError(`${typeof value === 'number' ? 'NaN' : `A value of type ${typeof value}`} cannot be stored`)
}

/**
 * Whole numbers as bigints, for drivers that send every number as a float: 3 would become '3.0' in a text column or
 * inside JSON, and MySQL refuses it in LIMIT.
 */
export function withWholeNumbers(value: SqlValue): SqlValue {
  const checked = checkedValue(value)
  const isWhole = typeof checked === 'number' && Number.isSafeInteger(checked) && !Object.is(checked, -0)
  return isWhole ? BigInt(checked) : checked
}

/** A decimal with no more characters than this is exactly a number. */
const EXACT_CHARACTERS = 15

/** A number sent as text: one too large for a number becomes a bigint, a decimal with too many digits stays text. */
export function parseExactNumber(text: string): SqlValue {
  if (!/^-?\d+$/.test(text)) return text.length <= EXACT_CHARACTERS ? Number(text) : text
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}
