/**
 * `$match` and `$group` as one GROUP BY, where its answer is exactly the one that JavaScript would compute: by null or one
 * field that holds texts, whole numbers, dates, booleans or ObjectIds; counts, and sums, averages and extremes of whole
 * numbers. One value of another kind, and the records are read after all.
 */
import type { Row } from '../../database/database.ts'
import type { Stage } from './decode-pipeline.ts'
import { ownField } from './document-path.ts'
import type { DocumentText, Json, JsonObject } from './document-request.ts'
import { isObject, isPlainObject, RANK, type Rank } from './document-values.ts'
import type { Engine } from './documents-needs.ts'
import { fromOf, hasArrays, prepareSelection, readRows, textOf } from './run-selection.ts'
import type { Selection } from './selection.ts'
import type { SqlSource } from './sql-source.ts'

/** More groups than this are collected in JavaScript, where their number is bounded otherwise. */
const GROUPS_MAX = 5_000
/** Rows whose values of `_id` are fetched at once. */
const PAGE_ROWS = 500

type Accumulator = {
  readonly name: string
  readonly kind: 'count' | 'sum' | 'avg' | 'min' | 'max'
  /** Of `count`: what each record adds. */
  readonly step: number
  readonly path: string
}
type Group = { readonly path: string | undefined; readonly accumulators: readonly Accumulator[] }

/**
 * @param selection of all records that match, without a limit
 * @returns undefined where the stage must be computed from the records
 */
export async function groupInSql(
  engine: Engine,
  selection: Selection,
  stage: Stage | undefined,
): Promise<DocumentText[] | undefined> {
  const statement = groupStatement(engine, selection, stage)
  if (!statement) return undefined
  const { group, sql, prepared } = statement
  const rows = await readRows(engine, sql, prepared.params, selection.timeoutMs, prepared.isQuick)
  const isExact = rows.length <= GROUPS_MAX && rows.every((row) => Number(row['bad']) === 0 && hasSafeSums(row, group))
  if (!isExact || (await hasArrays(engine, selection, prepared, []))) return undefined
  const ids = await idsOf(engine, selection, group, rows)
  return rows.map((row) => JSON.stringify({ _id: ids.get(Number(row['first_seq'])) ?? null, ...results(row, group) }))
}

/** The statement, if SQL can do the stage at all. */
export function groupStatement(engine: Engine, selection: Selection, stage: Stage | undefined) {
  const group = stage && decodeGroup(stage)
  const { source } = selection.collection
  if (!group || selection.order.length > 0 || selection.skip > 0) return undefined
  if (!pathsOf(group).every((path) => source.canAddress(path.split('.')))) return undefined
  const everything = { ...selection, fields: undefined, limit: Number.MAX_SAFE_INTEGER }
  const prepared = prepareSelection(engine, everything, true, false)
  if (!prepared.isExact) return undefined
  return { group, prepared, sql: groupText(group, source, fromOf(prepared.sql)) }
}

const pathsOf = ({ path, accumulators }: Group) =>
  [path ?? '', ...accumulators.map((accumulator) => accumulator.path)].filter(Boolean)

function decodeGroup({ name, spec }: Stage): Group | undefined {
  if (name !== '$group' || !isObject(spec)) return undefined
  const { _id, ...fields } = spec
  const path = _id === null ? undefined : fieldOf(_id ?? null)
  if (_id !== null && path === undefined) return undefined
  const accumulators: Accumulator[] = []
  for (const [field, given] of Object.entries(fields)) {
    const accumulator = decodeAccumulator(field, given)
    if (!accumulator) return undefined
    accumulators.push(accumulator)
  }
  return { path, accumulators }
}

const KINDS: Readonly<Record<string, Accumulator['kind']>> = { $sum: 'sum', $avg: 'avg', $min: 'min', $max: 'max' }

function decodeAccumulator(name: string, given: Json): Accumulator | undefined {
  const [operator = '', ...others] = isObject(given) ? Object.keys(given) : []
  const kind = KINDS[operator]
  if (!kind || others.length || !isObject(given)) return undefined
  const operand = given[operator] ?? null
  if (kind === 'sum' && Number.isSafeInteger(operand)) return { name, kind: 'count', step: Number(operand), path: '' }
  const path = fieldOf(operand)
  return path === undefined ? undefined : { name, kind, step: 0, path }
}

/** `$a.b`, but not `$$ROOT`; places in arrays are not fields. */
function fieldOf(expression: Json): string | undefined {
  if (typeof expression !== 'string' || !/^\$[^$]/.test(expression)) return undefined
  const path = expression.slice(1)
  return path === '_id' || path.split('.').some((part) => /^\d+$/.test(part)) ? undefined : path
}

/** Kinds of `_id` whose keys are equal exactly if the values are. */
const EXACT_RANKS: readonly Rank[] = [RANK.text, RANK.boolean, RANK.date, RANK.objectId]

function groupText({ path, accumulators }: Group, source: SqlSource, from: string): string {
  const unfit = accumulators
    .filter((accumulator) => accumulator.path)
    .map((accumulator) => unfitNumber(source, accumulator.path))
  const key = path === undefined ? undefined : source.key(path.split('.'))
  if (path !== undefined && key !== undefined) unfit.push(unfitKey(source, path, key))
  const bad = unfit.length ? `SUM(CASE WHEN ${unfit.join(' OR ')} THEN 1 ELSE 0 END)` : '0'
  const columns = accumulators.flatMap(({ kind, path: of }, place) => {
    if (kind === 'count') return []
    const number = source.wholeNumber(of.split('.'))
    if (kind === 'min' || kind === 'max') return [`${kind}(${number}) AS r${place}`]
    return [`SUM(${number}) AS r${place}`, `COUNT(${number}) AS n${place}`]
  })
  const list = ['COUNT(*) AS total', 'MIN(seq) AS first_seq', `${bad} AS bad`, ...columns].join(', ')
  const grouping = key === undefined ? ' HAVING COUNT(*) > 0' : ` GROUP BY ${key}`
  return `SELECT ${list} ${from}${grouping} ORDER BY first_seq LIMIT ${GROUPS_MAX + 1}`
}

/** Null and missing do not count; whatever else is no whole number needs JavaScript. */
const unfitNumber = (source: SqlSource, path: string) =>
  `(${source.key(path.split('.'))} IS NOT NULL AND ${source.wholeNumber(path.split('.'))} IS NULL)`

function unfitKey(source: SqlSource, path: string, key: string): string {
  const exact = EXACT_RANKS.map((rank) => {
    const [low, high] = source.bounds(rank)
    return `(${key} >= ${low} AND ${key} < ${high})`
  })
  return `(${key} IS NOT NULL AND ${source.wholeNumber(path.split('.'))} IS NULL AND NOT (${exact.join(' OR ')}))`
}

const hasSafeSums = (row: Row, { accumulators }: Group) =>
  accumulators.every(
    ({ kind, step }, place) =>
      (kind === 'min' || kind === 'max' || Number.isSafeInteger(Number(row[`r${place}`] ?? 0))) &&
      Number.isSafeInteger(step * Number(row['total'])),
  )

function results(row: Row, { accumulators }: Group): JsonObject {
  const total = Number(row['total'])
  return Object.fromEntries(
    accumulators.map(({ name, kind, step }, place): [string, Json] => {
      const result = row[`r${place}`] ?? null
      switch (kind) {
        case 'count':
          return [name, step * total]
        case 'sum':
          return [name, Number(result ?? 0)]
        case 'avg':
          return [name, Number(row[`n${place}`]) ? Number(result) / Number(row[`n${place}`]) : null]
        default:
          return [name, result === null ? null : Number(result)]
      }
    }),
  )
}

/** The values of `_id` as they are stored, from one record of each group. */
async function idsOf(engine: Engine, selection: Selection, { path }: Group, rows: readonly Row[]) {
  const ids = new Map<number, Json>()
  if (path === undefined) return ids
  const { database } = engine
  const table = database.dialect.quote(selection.collection.table)
  for (let start = 0; start < rows.length; start += PAGE_ROWS) {
    const page = rows.slice(start, start + PAGE_ROWS).map((row) => Number(row['first_seq']))
    const statement = `SELECT seq, doc FROM ${table} WHERE seq IN (${page.join(',')})`
    const found = await database.read(statement, [], { timeoutMs: selection.timeoutMs, cost: 'cheap' })
    for (const row of found) ids.set(Number(row['seq']), valueAt(JSON.parse(textOf(row)), path.split('.')))
  }
  return ids
}

function valueAt(document: JsonObject, path: readonly string[]): Json {
  let current: Json | undefined = document
  for (const part of path) current = isPlainObject(current) ? ownField(current, part) : undefined
  return current ?? null
}
