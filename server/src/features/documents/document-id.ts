/**
 * A document's `_id` as the text of the table's key column. Strings stay as they are, so that plain SQL can name them;
 * other types get a prefix that keeps MongoDB's order (numbers, text, ObjectIds) under byte comparison.
 */
import { randomBytes } from 'node:crypto'
import { AppError } from '../../errors.ts'
import type { Json } from './document-request.ts'
import { isObject } from './document-values.ts'

const NUMBER_PREFIX = '\u0001#'
/** For strings that themselves begin with U+0001. */
const LOW_TEXT_PREFIX = '\u0001$'
/** For strings that themselves begin with U+10FFFF. */
const HIGH_TEXT_PREFIX = '\u{10ffff}a'
const OBJECT_ID_PREFIX = '\u{10ffff}o'

/** Bytes of one `_id`: MySQL's longest index key leaves room for no more. */
export const ID_LIMIT_BYTES = 512

/** @throws {AppError} `invalid_document` if it is not a string, a number or an ObjectId of reasonable length */
export function idKey(id: Json): string {
  const key = encode(id)
  if (key === undefined || Buffer.byteLength(key) > ID_LIMIT_BYTES) {
    const reason = `must be a string, a finite number or an ObjectId, of at most ${ID_LIMIT_BYTES} bytes`
    throw new AppError('invalid_document', `_id ${reason}.`, { details: { path: '_id', reason } })
  }
  return key
}

/** The key, or undefined if no document can have this id. */
export function findIdKey(id: Json): string | undefined {
  const key = encode(id)
  return key !== undefined && Buffer.byteLength(key) <= ID_LIMIT_BYTES ? key : undefined
}

/** Around the keys of all ids of one type: at least the first, less than the second. */
export const ID_KEY_BOUNDS = {
  number: [NUMBER_PREFIX, LOW_TEXT_PREFIX],
  text: [LOW_TEXT_PREFIX, OBJECT_ID_PREFIX],
  objectId: [OBJECT_ID_PREFIX, '\u{10ffff}p'],
} as const

/** 32 hexadecimal digits as CloudBase's: eight of the time first, so that new ids are neighbours in the index. */
export const newId = (nowMs: number) =>
  Math.floor(nowMs / 1000)
    .toString(16)
    .padStart(8, '0') + randomBytes(12).toString('hex')

function encode(id: Json): string | undefined {
  if (typeof id === 'string') {
    if (id === '') return undefined
    if (id.startsWith('\u0001')) return LOW_TEXT_PREFIX + id
    return id.startsWith('\u{10ffff}') ? HIGH_TEXT_PREFIX + id : id
  }
  if (typeof id === 'number') return Number.isFinite(id) ? NUMBER_PREFIX + orderedHex(id) : undefined
  return isObject(id) && typeof id['$oid'] === 'string' ? OBJECT_ID_PREFIX + id['$oid'] : undefined
}

/** The double's bits, turned so that their hexadecimal text sorts as the numbers do. */
function orderedHex(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value === 0 ? 0 : value)
  const isNegative = value < 0
  for (let index = 0; index < 8; index++) {
    const byte = bytes[index] ?? 0
    bytes[index] = isNegative ? ~byte : index === 0 ? byte | 0x80 : byte
  }
  return bytes.toString('hex')
}
