/**
 * An index on the elements of arrays: a table beside the collection's, with a row for each element (or for the value,
 * where it is not an array), kept by triggers, so that every way of writing keeps it. `{ members: 'me' }` then reads the
 * rows that have this member, however many others there are.
 */
import { createHash } from 'node:crypto'
import { type Dialect, transactionScript } from '../../database/database.ts'
import type { Collection, NamedIndex } from './collection.ts'
import type { FieldTest } from './document-filter.ts'
import type { IndexDefinition, Json } from './document-request.ts'
import { RANK, rankOf } from './document-values.ts'
import { MYSQL_KEY_TYPE, mysqlElementKey, mysqlSource } from './sql-source-mysql.ts'
import { postgresSource } from './sql-source-postgres.ts'
import { sqliteElementKey, sqliteSource } from './sql-source-sqlite.ts'
import { textLiteral } from './sql-text.ts'

export const isElementIndex = ({ fields }: IndexDefinition) => Object.values(fields).includes('array')

/** Whether the element table alone says which rows pass. */
export function isElementTest(test: FieldTest): boolean {
  const isScalar = (value: Json) => rankOf(value) !== RANK.null && rankOf(value) !== RANK.array
  switch (test.kind) {
    case 'eq':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return isScalar(test.value)
    case 'in':
      return test.patterns.length === 0 && test.values.every(isScalar)
    default:
      return false
  }
}

/** Derived from hashes: nothing of the given names reaches SQL. */
export const elementTableName = (table: string, { name }: Pick<NamedIndex, 'name'>) =>
  `el_${createHash('sha256').update(`${table} ${name}`).digest('hex').slice(0, 24)}`

type Place = {
  readonly dialect: Dialect
  /** Both quoted. */
  readonly table: string
  readonly elements: string
  readonly field: string
  readonly name: string
}

const placeOf = (dialect: Dialect, { table }: Collection, index: NamedIndex): Place => {
  const name = elementTableName(table, index)
  const [field = ''] = Object.keys(index.fields)
  return { dialect, table: dialect.quote(table), elements: dialect.quote(name), field, name }
}

/** Statements that may run again: after them, writes keep the table; `fillSteps` adds what was there before. */
export function elementIndexSql(dialect: Dialect, collection: Collection, index: NamedIndex): string[] {
  const place = placeOf(dialect, collection, index)
  return [...tableSql(place), ...triggerSql(place)]
}

export function dropElementsSql(dialect: Dialect, collection: Collection, index: NamedIndex): string[] {
  const { table, elements, name } = placeOf(dialect, collection, index)
  const triggers = EVENTS.map(([event]) => dialect.quote(`${name}_${event}`))
  if (dialect.name === 'postgres') {
    return [
      `DROP TRIGGER IF EXISTS ${dialect.quote(`${name}_all`)} ON ${table}`,
      `DROP FUNCTION IF EXISTS ${dialect.quote(`${name}_keep`)}()`,
      `DROP TABLE IF EXISTS ${elements}`,
    ]
  }
  return [...triggers.map((trigger) => `DROP TRIGGER IF EXISTS ${trigger}`), `DROP TABLE IF EXISTS ${elements}`]
}

/** What stands in the collection goes into the index; writers wait meanwhile, readers do not. */
export function fillSteps(dialect: Dialect, collection: Collection, index: NamedIndex): string[] {
  const place = placeOf(dialect, collection, index)
  const rows = selectElements(place, { doc: 't.doc', seq: 't.seq', from: `${place.table} t` })
  const insert = `INSERT INTO ${place.elements} (k, seq) ${rows}`
  // Nothing may change a row between reading it here and its element's arrival, or the element would stay for ever.
  if (dialect.name === 'postgres')
    return [`LOCK TABLE ${place.table} IN SHARE ROW EXCLUSIVE MODE`, emptySql(place), insert]
  return [emptySql(place), dialect.name === 'mysql' ? `${insert} LOCK IN SHARE MODE` : insert]
}

const emptySql = ({ elements }: Place) => `DELETE FROM ${elements}`

export const runSteps = transactionScript(
  import.meta.url,
  'runSteps',
  function* (steps: readonly string[]) {
    for (const sql of steps) yield { sql }
  },
  { isAlone: true },
)

function tableSql({ dialect, elements, name }: Place): string[] {
  const key = { sqlite: '', mysql: MYSQL_KEY_TYPE, postgres: 'BYTEA' }[dialect.name]
  const suffix = dialect.name === 'mysql' ? ` , KEY by_row (seq)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC` : ')'
  const bySeq = `CREATE INDEX IF NOT EXISTS ${dialect.quote(`${name}_row`)} ON ${elements} (seq)`
  return [
    `CREATE TABLE IF NOT EXISTS ${elements} (k ${key} NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (k, seq)${suffix}${dialect.name === 'sqlite' ? ' WITHOUT ROWID' : ''}`,
    ...(dialect.name === 'mysql' ? [] : [bySeq]),
  ]
}

type RowSource = { readonly doc: string; readonly seq: string; readonly from: string | undefined }

/** The keys of a row's elements, or of its value, each once. */
function selectElements({ dialect, field }: Place, { doc, seq, from }: RowSource): string {
  const isNeeded = (condition: string) => ` WHERE ${condition}`
  const also = from ? `${from}, ` : ''
  const only = from ? ` FROM ${from}` : ''
  let elements: string
  let value: string
  switch (dialect.name) {
    case 'sqlite': {
      const path = textLiteral(`$.${JSON.stringify(field)}`)
      const isArray = `json_type(${doc},${path})='array'`
      elements = `SELECT ${sqliteElementKey('e0')} AS k, ${seq} AS seq FROM ${also}json_each(${doc},${path}) e0${isNeeded(isArray)}`
      const key = sqliteSource(doc, new Map()).key([field])
      value = `SELECT ${key} AS k, ${seq} AS seq${only}${isNeeded(`json_type(${doc},${path})<>'array'`)}`
      break
    }
    case 'postgres': {
      const source = postgresSource(doc)
      const path = `(${doc}::json -> ${textLiteral(field)})`
      const list = `json_array_elements(CASE WHEN json_typeof(${path})='array' THEN ${path} ELSE '[]'::json END)`
      const lateral = from ? `${from} CROSS JOIN LATERAL ` : ''
      elements = `SELECT sampan_key(e.value) AS k, ${seq} AS seq FROM ${lateral}${list} AS e(value)`
      value = `SELECT ${source.key([field])} AS k, ${seq} AS seq${only}${isNeeded(`json_typeof(${path})<>'array'`)}`
      break
    }
    case 'mysql': {
      const path = `$."${field}"`
      const isArray = `JSON_TYPE(JSON_EXTRACT(${doc},'${path}'))='ARRAY'`
      const places = `JSON_TABLE(${doc}, '${path}[*]' COLUMNS (i FOR ORDINALITY)) e`
      const list = `SELECT JSON_EXTRACT(${doc}, CONCAT('${path}[', e.i - 1, ']')) AS v, ${seq} AS seq FROM ${also}${places}${isNeeded(isArray)}`
      elements = `SELECT ${mysqlElementKey('x.v')} AS k, x.seq AS seq FROM (${list}) x`
      const key = mysqlSource(doc, new Map()).key([field])
      value = `SELECT ${key} AS k, ${seq} AS seq${only || ' FROM DUAL'}${isNeeded(`NOT (${isArray})`)}`
    }
  }
  return `SELECT DISTINCT u.k, u.seq FROM (${elements} UNION ALL ${value}) u WHERE u.k IS NOT NULL`
}

const EVENTS = [
  ['insert', 'AFTER INSERT', false, true],
  ['update', 'AFTER UPDATE', true, true],
  ['delete', 'AFTER DELETE', true, false],
] as const

function triggerSql(place: Place): string[] {
  const { dialect, table, elements, name } = place
  const forget = `DELETE FROM ${elements} WHERE seq = OLD.seq`
  const learn = `INSERT INTO ${elements} (k, seq) ${selectElements(place, { doc: 'NEW.doc', seq: 'NEW.seq', from: undefined })}`
  if (dialect.name === 'postgres') {
    const keep = dialect.quote(`${name}_keep`)
    const trigger = dialect.quote(`${name}_all`)
    return [
      `CREATE OR REPLACE FUNCTION ${keep}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
  IF TG_OP <> 'INSERT' THEN ${forget}; END IF;
  IF TG_OP <> 'DELETE' THEN ${learn}; END IF;
  RETURN NULL;
END $body$`,
      `DROP TRIGGER IF EXISTS ${trigger} ON ${table}`,
      `CREATE TRIGGER ${trigger} AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION ${keep}()`,
    ]
  }
  return EVENTS.flatMap(([event, when, forgets, learns]) => {
    const trigger = dialect.quote(`${name}_${event}`)
    const body = [...(forgets ? [`${forget};`] : []), ...(learns ? [`${learn};`] : [])].join(' ')
    return [
      `DROP TRIGGER IF EXISTS ${trigger}`,
      `CREATE TRIGGER ${trigger} ${when} ON ${table} FOR EACH ROW BEGIN ${body} END`,
    ]
  })
}
