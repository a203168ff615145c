/**
 * JSON in MySQL 8 and MariaDB. Only functions that both have and that mean the same in both: elements of arrays are left
 * to the matcher, and so are fields whose names need escaping in a JSON path.
 */
import { RANK, type Rank, rankOf } from './document-values.ts'
import { DATE_DIGITS, DATE_OFFSET, KEY_BYTES, KEY_BYTES_MAX, rankedKey } from './ranked-key.ts'
import type { Path, SqlSource } from './sql-source.ts'

export const MYSQL_KEY_TYPE = `VARBINARY(${KEY_BYTES_MAX})`

/** Numbers are keyed as decimals, moved so that none is negative: 34 digits, a point, 30 digits. */
const DECIMALS = 30
const DECIMAL_OFFSET = 5n * 10n ** 33n
const DECIMAL_LENGTH = 65
const LARGEST = 4.9e33

/** `document` is the SQL expression that holds the JSON text; `columns` hold the keys of some paths. */
export function mysqlSource(document: string, columns: ReadonlyMap<string, string>): SqlSource {
  const extract = (path: Path, inner = '') => `JSON_EXTRACT(${document},${jsonPath(inner ? [...path, inner] : path)})`
  const type = (path: Path) => `JSON_TYPE(${extract(path)})`

  return {
    dialect: 'mysql',
    canAddress: (path) => path.every((part) => ADDRESSABLE.test(part)),
    // The databases reformat objects: only the matcher compares their text.
    keyOf: (operand) => (REFORMATTED.has(rankOf(operand)) ? undefined : rankedKey(operand, decimalKey)),
    unordered: [hex(RANK.object), hex(RANK.array + 1)],
    bounds: (rank: Rank) => [hex(rank), hex(rank + 1)],
    arrayKey: hex(RANK.array),
    nullsFirst: false,
    key(path) {
      const column = columns.get(path.join('.'))
      if (column) return column
      const leaf = keyExpression(extract(path), (name) => extract(path, name))
      const onTheWay = path.slice(0, -1).map((_, index) => `${type(path.slice(0, index + 1))}='ARRAY'`)
      return onTheWay.length ? `CASE WHEN ${onTheWay.join(' OR ')} THEN ${hex(RANK.array)} ELSE ${leaf} END` : leaf
    },
    // 15 digits are below 2^53.
    wholeNumber: (path) =>
      `(CASE WHEN ${type(path)}='INTEGER' AND CHAR_LENGTH(CAST(${extract(path)} AS CHAR))<=15 THEN CAST(${extract(path)} AS SIGNED) END)`,
    exists: (path) => `${extract(path)} IS NOT NULL`,
    isArray: (path) => `${type(path)}='ARRAY'`,
    containsText: () => undefined,
    equalsArray: () => undefined,
    pick: () => undefined,
    arrayLength: (path) => `JSON_LENGTH(${extract(path)})`,
    someElement: () => undefined,
    someObject: () => undefined,
    arraySortKey: () => undefined,
  }
}

/** The key of a JSON value that is not a column. */
export const mysqlElementKey = (value: string) =>
  keyExpression(value, (name) => `JSON_EXTRACT(${value},${jsonPath([name])})`)

/** MariaDB's JSON paths stumble over some punctuation even inside quotes, such as `--`. */
const ADDRESSABLE = /^[\p{L}\p{N}_ ]+(?:-[\p{L}\p{N}_ ]+)*$/u

const REFORMATTED: ReadonlySet<Rank> = new Set([RANK.object, RANK.binary, RANK.timestamp, RANK.regex])

const hex = (...bytes: number[]) => `x'${Buffer.from(bytes).toString('hex')}'`

/** A literal: backslashes are special in MySQL's. */
const literal = (text: string) => `'${text.replace(/\\/g, '\\\\').replaceAll("'", "''")}'`

const jsonPath = (path: Path) => literal(`$${path.map((part) => `."${part}"`).join('')}`)

/** What JSON_UNQUOTE answers has the bytes of UTF-8; beside a binary string CONCAT keeps them. */
function keyExpression(value: string, field: (name: string) => string): string {
  const text = `JSON_UNQUOTE(${value})`
  const unquoted = (name: string) => `JSON_UNQUOTE(${field(name)})`
  const ranked = (rank: Rank, content: string) => `CONCAT(${hex(rank)},${content})`
  const short = (rank: Rank, content: string) => {
    const key = ranked(rank, content)
    return `CASE WHEN LENGTH(${key})>${KEY_BYTES} THEN CONCAT(LEFT(${key},${KEY_BYTES}),MD5(${key})) ELSE ${key} END`
  }
  const number = (content: string) => {
    const bounded = `CAST(GREATEST(LEAST(CAST(${content} AS DOUBLE),${LARGEST}),-${LARGEST}) AS DOUBLE)`
    const exact = `CASE WHEN ABS(${bounded})<${LARGEST} THEN CAST(${content} AS DECIMAL(65,${DECIMALS})) ELSE CAST(${bounded} AS DECIMAL(65,${DECIMALS})) END`
    return ranked(RANK.number, `LPAD(CAST((${exact}+${DECIMAL_OFFSET}) AS CHAR),${DECIMAL_LENGTH},'0')`)
  }
  const date = `LPAD(CAST((CAST(${unquoted('$date')} AS SIGNED)+${DATE_OFFSET}) AS CHAR),${DATE_DIGITS},'0')`
  const infinite = `CASE ${unquoted('$numberDouble')} WHEN 'Infinity' THEN ${hex(RANK.number, 0x3a)} WHEN '-Infinity' THEN ${hex(RANK.number, 0x2f)} ELSE ${hex(RANK.nan)} END`
  const object = [
    `WHEN ${value} NOT LIKE '{"$%' THEN ${hex(RANK.object)}`,
    `WHEN ${field('$date')} IS NOT NULL THEN ${ranked(RANK.date, date)}`,
    `WHEN ${field('$oid')} IS NOT NULL THEN ${ranked(RANK.objectId, unquoted('$oid'))}`,
    `WHEN ${field('$numberLong')} IS NOT NULL THEN ${number(unquoted('$numberLong'))}`,
    `WHEN ${field('$numberDouble')} IS NOT NULL THEN ${infinite}`,
    `WHEN ${field('$regularExpression')} IS NOT NULL THEN ${short(RANK.regex, value)}`,
    `WHEN ${field('$binary')} IS NOT NULL THEN ${short(RANK.binary, value)}`,
    `WHEN ${field('$timestamp')} IS NOT NULL THEN ${short(RANK.timestamp, value)}`,
  ].join(' ')
  // Text compares as if padded with spaces; bytes do not.
  return [
    `CAST(CASE JSON_TYPE(${value}) WHEN 'STRING' THEN ${short(RANK.text, text)} WHEN 'NULL' THEN NULL`,
    `WHEN 'ARRAY' THEN ${hex(RANK.array)} WHEN 'OBJECT' THEN CASE ${object} END`,
    `WHEN 'BOOLEAN' THEN CASE WHEN ${text}='true' THEN ${hex(RANK.boolean, 1)} ELSE ${hex(RANK.boolean, 0)} END`,
    `ELSE ${number(text)} END AS BINARY)`,
  ].join(' ')
}

/** Undefined beyond the decimals' range: there the matcher compares. */
export function decimalKey(value: number): Buffer | undefined {
  if (value === Number.POSITIVE_INFINITY) return Buffer.from([RANK.number, 0x3a])
  if (value === Number.NEGATIVE_INFINITY) return Buffer.from([RANK.number, 0x2f])
  if (Math.abs(value) > LARGEST || (value !== 0 && Math.abs(value) < 1e-25)) return undefined
  const [, sign = '', whole = '0', fraction = '', exponent = '0'] =
    /^(-?)(\d+)\.?(\d*)(?:e([+-]?\d+))?$/.exec(String(value)) ?? []
  const shift = DECIMALS + Number(exponent) - fraction.length
  const digits = BigInt(whole + fraction)
  const scaled = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift)
  const moved = String((sign ? -scaled : scaled) + DECIMAL_OFFSET * 10n ** BigInt(DECIMALS)).padStart(
    DECIMAL_LENGTH - 1,
    '0',
  )
  const text = `${moved.slice(0, -DECIMALS)}.${moved.slice(-DECIMALS)}`
  return Buffer.concat([Buffer.from([RANK.number]), Buffer.from(text)])
}
