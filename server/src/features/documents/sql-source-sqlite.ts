/**
 * JSON in SQLite. Its own order of storage classes (NULL, numbers, text, blobs) is used for the key: numbers and text
 * are themselves, every other type is a blob that begins with its rank.
 */
import type { SqlValue } from '../../database/database.ts'
import type { Json, JsonObject } from './document-request.ts'
import { dateMsOf, numberOf, RANK, type Rank, rankOf } from './document-values.ts'
import { DATE_DIGITS, DATE_OFFSET, dateDigits } from './ranked-key.ts'
import type { Path, SqlSource } from './sql-source.ts'
import { pickText, sql, textLiteral } from './sql-text.ts'

/** `document` is the SQL expression that holds the JSON text; `columns` hold the keys of some paths. */
export const sqliteSource = (document: string, columns: ReadonlyMap<string, string>): SqlSource =>
  jsonSource(document, 0, columns)

const NO_COLUMNS: ReadonlyMap<string, string> = new Map()

function jsonSource(document: string, level: number, columns = NO_COLUMNS): SqlSource {
  const at = (path: Path, inner = '') => `${document},${jsonPath(path, inner)}`
  const type = (path: Path) => `json_type(${at(path)})`
  /** Names of nested json_each must differ. */
  const row = `e${level}`

  return {
    dialect: 'sqlite',
    keyOf,
    bounds,
    canAddress: () => true,
    arrayKey: blobLiteral(RANK.array),
    unordered: [blobLiteral(RANK.array), blobLiteral(RANK.array + 1)],
    nullsFirst: false,
    key(path) {
      const column = columns.get(path.join('.'))
      if (column) return column
      const leaf = keyExpression(type(path), `json_extract(${at(path)})`, (name) => `json_extract(${at(path, name)})`)
      const onTheWay = path.slice(0, -1).map((_, index) => `${type(path.slice(0, index + 1))}='array'`)
      return onTheWay.length
        ? `CASE WHEN ${onTheWay.join(' OR ')} THEN ${blobLiteral(RANK.array)} ELSE ${leaf} END`
        : leaf
    },
    typedTest(path, operator, value) {
      if (columns.has(path.join('.'))) return undefined
      const operand = keyOf(value)
      const test = `json_extract(${at(path)})${operator}?`
      if (typeof operand === 'string') return sql(`(${test} AND ${type(path)}='text')`, operand)
      if (typeof operand !== 'number' && typeof operand !== 'bigint') return undefined
      // Numbers that JSON cannot hold are objects: the key knows them.
      const [low, high] = bounds(RANK.number)
      const key = keyExpression(type(path), `json_extract(${at(path)})`, (name) => `json_extract(${at(path, name)})`)
      const wrapped = operator.startsWith('>')
        ? `(${key}${operator}? AND ${key}<${high})`
        : `(${key}${operator}? AND ${key}>=${low})`
      const text = `CASE ${type(path)} WHEN 'integer' THEN ${test} WHEN 'real' THEN ${test} WHEN 'object' THEN ${wrapped} ELSE 0 END`
      return sql(text, operand, operand, operand)
    },
    wholeNumber: (path) =>
      `(CASE WHEN ${type(path)}='integer' AND json_extract(${at(path)}) BETWEEN ${Number.MIN_SAFE_INTEGER} AND ${Number.MAX_SAFE_INTEGER} THEN json_extract(${at(path)}) END)`,
    exists: (path) => `${type(path)} IS NOT NULL`,
    isArray: (path) => `${type(path)}='array'`,
    containsText: (key, text, ignoresCase) =>
      ignoresCase && !/^\P{L}*$/u.test(text)
        ? likeText(key, text)
        : sql(`(typeof(${key})='text' AND instr(${key},?)>0)`, text),
    equalsArray: (path, text) => sql(`json_extract(${at(path)})=?`, text),
    pick: (fields) => pickText(fields, (field) => `(${document} -> ${jsonPath([field], '')})`),
    typedContains(path, text, ignoresCase) {
      if (columns.has(path.join('.'))) return undefined
      const found = `json_extract(${at(path)})`
      const isText = `${type(path)}='text'`
      if (!ignoresCase || /^\P{L}*$/u.test(text)) return sql(`(instr(${found},?)>0 AND ${isText})`, text)
      const pattern = likePattern(text)
      return pattern === undefined ? undefined : sql(`(${found} LIKE ? ESCAPE '\\' AND ${isText})`, pattern)
    },
    arrayLength: (path) => `json_array_length(${at(path)})`,
    someElement(path, condition) {
      const inner = condition(sqliteElementKey(row))
      return sql(`EXISTS(SELECT 1 FROM json_each(${at(path)}) ${row} WHERE ${inner.text})`, ...inner.params)
    },
    someObject(path, condition) {
      const inner = condition(jsonSource(`${row}.value`, level + 1))
      const isObject = `${row}.type='object' AND substr(${row}.value,1,3)<>'{"$'`
      return sql(
        `EXISTS(SELECT 1 FROM json_each(${at(path)}) ${row} WHERE ${isObject} AND ${inner.text})`,
        ...inner.params,
      )
    },
    arraySortKey(path, direction) {
      const elements = `FROM json_each(${at(path)}) ${row}`
      const key = sqliteElementKey(row)
      const hasNull = `EXISTS(SELECT 1 ${elements} WHERE ${key} IS NULL)`
      return {
        notEmpty: `json_array_length(${at(path)})>0`,
        key:
          direction === 1
            ? `CASE WHEN ${hasNull} THEN NULL ELSE (SELECT min(${key}) ${elements}) END`
            : `(SELECT max(${key}) ${elements})`,
      }
    },
  }
}

/** SQLite's LIKE ignores the case of ASCII letters only; other alphabets are left to JavaScript. */
function likeText(key: string, text: string) {
  const pattern = likePattern(text)
  return pattern === undefined ? undefined : sql(`(typeof(${key})='text' AND ${key} LIKE ? ESCAPE '\\')`, pattern)
}

function likePattern(text: string): string | undefined {
  const hasOtherCases = /\p{Lu}|\p{Ll}/u.test(text.replace(/[a-zA-Z]/g, ''))
  return hasOtherCases ? undefined : `%${text.replace(/[\\%_]/g, '\\$&')}%`
}

/** SQLite compares a path's label with the key as JSON writes it, escapes included. */
function jsonPath(path: Path, inner: string): string {
  const labels = inner ? [...path, inner] : path
  return textLiteral(`$${labels.map((label) => `.${JSON.stringify(label)}`).join('')}`)
}

/** The key of one row of json_each. */
export const sqliteElementKey = (row: string) =>
  keyExpression(`${row}.type`, `${row}.value`, (name) => `json_extract(${row}.value,${jsonPath([], name)})`)

function keyExpression(type: string, value: string, field: (name: string) => string): string {
  const ranked = (rank: Rank, content: string) => `CAST(char(${rank})||${content} AS BLOB)`
  const infinite = `CASE ${field('$numberDouble')} WHEN 'Infinity' THEN 9e999 WHEN '-Infinity' THEN -9e999 ELSE ${blobLiteral(RANK.nan)} END`
  const wrappers = [
    ['$date', ranked(RANK.date, `printf('%0${DATE_DIGITS}d',${field('$date')}+${DATE_OFFSET})`)],
    ['$oid', ranked(RANK.objectId, field('$oid'))],
    ['$numberLong', `CAST(${field('$numberLong')} AS INTEGER)`],
    ['$numberDouble', infinite],
    ['$regularExpression', ranked(RANK.regex, value)],
    ['$binary', ranked(RANK.binary, value)],
    ['$timestamp', ranked(RANK.timestamp, value)],
  ] as const
  const object = [
    `WHEN substr(${value},1,3)<>'{"$' THEN ${ranked(RANK.object, value)}`,
    ...wrappers.map(([name, key]) => `WHEN ${field(name)} IS NOT NULL THEN ${key}`),
  ].join(' ')
  return [
    `CASE ${type} WHEN 'text' THEN ${value} WHEN 'integer' THEN ${value} WHEN 'real' THEN ${value}`,
    `WHEN 'object' THEN CASE ${object} END WHEN 'array' THEN ${blobLiteral(RANK.array)}`,
    `WHEN 'true' THEN ${blobLiteral(RANK.boolean, 1)} WHEN 'false' THEN ${blobLiteral(RANK.boolean, 0)} END`,
  ].join(' ')
}

function keyOf(value: Json): SqlValue | undefined {
  const rank = rankOf(value)
  switch (rank) {
    case RANK.null:
      return null
    case RANK.number:
      return numberOf(value)
    case RANK.text:
      return value as string // safe: rank `text`
    case RANK.boolean:
      return Buffer.from([rank, Number(value)])
    case RANK.nan:
      return Buffer.from([rank])
    case RANK.date:
      return rankedBlob(rank, dateDigits(dateMsOf(value)))
    case RANK.objectId:
      return rankedBlob(rank, String((value as JsonObject)['$oid'])) // safe: rank `objectId`
    case RANK.array:
      return undefined
    default:
      return rankedBlob(rank, JSON.stringify(value))
  }
}

const rankedBlob = (rank: Rank, content: string) => Buffer.concat([Buffer.from([rank]), Buffer.from(content)])

const blobLiteral = (...bytes: number[]) => `x'${Buffer.from(bytes).toString('hex')}'`

function bounds(rank: Rank): readonly [string, string] {
  if (rank === RANK.number) return ['-9e999', "''"]
  if (rank === RANK.text) return ["''", "x''"]
  return [blobLiteral(rank), blobLiteral(rank + 1)]
}
