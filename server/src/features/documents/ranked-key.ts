/**
 * Keys as bytes, for databases whose columns have one type: the first byte is the type's rank, the rest sorts within the
 * type. Long text keeps its first bytes and a hash of all of it: still equal only to itself, and sorted by its beginning.
 */
import { createHash } from 'node:crypto'
import type { Json, JsonObject } from './document-request.ts'
import { dateMsOf, numberOf, RANK, type Rank, rankOf } from './document-values.ts'

/** Bytes of a key before its hash: eight such columns fit into MySQL's longest index key, one into PostgreSQL's. */
export const KEY_BYTES = 300
/** With the hash, in hexadecimal. */
export const KEY_BYTES_MAX = KEY_BYTES + 32

/** Makes every date's milliseconds positive, with 17 digits. */
export const DATE_OFFSET = 10n ** 16n
export const DATE_DIGITS = 17

/** Undefined where only the matcher can compare exactly. */
export function rankedKey(value: Json, numberKey: (value: number) => Buffer | undefined): Buffer | null | undefined {
  const rank = rankOf(value)
  switch (rank) {
    case RANK.null:
      return null
    case RANK.array:
      return undefined
    case RANK.nan:
      return Buffer.from([rank])
    case RANK.boolean:
      return Buffer.from([rank, Number(value)])
    case RANK.number: {
      const number = numberOf(value)
      // Beyond 2^53 stored 64-bit integers have the key of the nearest double.
      const isExact = typeof number === 'number' && (Math.abs(number) < 2 ** 53 || !Number.isFinite(number))
      return isExact ? numberKey(number) : undefined
    }
    case RANK.text:
      return shortened(rank, String(value))
    case RANK.date:
      return shortened(rank, dateDigits(dateMsOf(value)))
    case RANK.objectId:
      return shortened(rank, String((value as JsonObject)['$oid'])) // safe: rank `objectId`
    default:
      return shortened(rank, JSON.stringify(value))
  }
}

export const dateDigits = (ms: number) => String(BigInt(ms) + DATE_OFFSET).padStart(DATE_DIGITS, '0')

function shortened(rank: Rank, content: string): Buffer {
  const key = Buffer.concat([Buffer.from([rank]), Buffer.from(content)])
  if (key.length <= KEY_BYTES) return key
  return Buffer.concat([key.subarray(0, KEY_BYTES), Buffer.from(createHash('md5').update(key).digest('hex'))])
}

/** The double's bits, turned so that their bytes sort as the numbers do. */
export function orderedDouble(value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes.writeUInt8(RANK.number)
  bytes.writeDoubleBE(value === 0 ? 0 : value, 1)
  for (let index = 1; index < 9; index++) {
    const byte = bytes[index] ?? 0
    bytes[index] = value < 0 ? ~byte : index === 1 ? byte | 0x80 : byte
  }
  return bytes
}
