/** Runs a compiled read: by an index where one serves, in pages through the matcher where SQL cannot decide. */
import type { Row, SqlValue } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Collection, NamedIndex } from './collection.ts'
import { OWNER_INDEX } from './collection-indexes.ts'
import { compileFilterSql } from './compile-filter.ts'
import { orderSql } from './compile-order.ts'
import type { DocumentText, JsonObject } from './document-request.ts'
import type { Engine } from './documents-needs.ts'
import { nearOf, sortByDistance } from './geo-distance.ts'
import { compileFilter } from './match-document.ts'
import { planQuery } from './plan-query.ts'
import type { PreparedSelection, Selection } from './selection.ts'
import { noteSlowQuery } from './slow-queries.ts'
import { sortItems } from './sort-documents.ts'
import { orSql, type Sql } from './sql-text.ts'

/** Rows fetched at once while JavaScript filters them. */
const RESIDUAL_PAGE_ROWS = 500
/** How long a statement that should be quick may keep the event loop; then a reader thread takes it. */
const QUICK_LIMIT_MS = 15
/** Rows that a statement without conditions may return in the process. */
const QUICK_ROWS = 1_000

const ID_INDEX: NamedIndex = { name: '_id_', fields: { _id: 1 } }

export const indexesOf = ({ indexes }: Collection): NamedIndex[] => [ID_INDEX, OWNER_INDEX, ...indexes]

/** @param usesIndexes false for the general form, which assumes nothing about arrays */
export function prepareSelection(
  engine: Engine,
  selection: Selection,
  usesIndexes: boolean,
  // SQLite would ask them again for every row; over a network a second question costs more.
  embedsGuards = engine.database.dialect.name !== 'sqlite',
): PreparedSelection {
  const { collection, filter, order, skip, limit } = selection
  const { dialect } = engine.database
  const { source } = collection
  const plan = usesIndexes ? planQuery(filter, order, indexesOf(collection), source) : undefined
  const compiled = compileFilterSql(filter, source, plan?.withoutArrays)
  const sorted = orderSql(order, source, plan?.withoutArrays)
  const where = compiled.sql.text
  const isById = /^\(?_id = \?(\)|$| AND)/.test(where)
  const isEverything = where === '1=1' && order.length === 0 && skip + limit <= QUICK_ROWS
  const guards = plan && embedsGuards ? existsSql(plan.guards, dialect.quote(collection.table)) : undefined
  const guardColumn = guards ? `, ${guards.text} AS has_arrays` : ''
  // A statement that reads no row in vain ends by itself; the guard costs a call for each row.
  const isBounded = isById || (skip + limit <= QUICK_ROWS && (isEverything || (plan?.coversFilter && plan.servesOrder)))
  // First, because rows that another condition refuses would not reach it.
  const deadline = !isBounded && dialect.deadlineGuard ? `${dialect.deadlineGuardOf('seq')} AND ` : ''
  const isExact = compiled.isExact && sorted !== undefined
  const pick = selection.fields && source.pick(selection.fields)
  const picked = pick ? `${pick} AS doc` : 'doc'
  return {
    sql: `SELECT ${isExact ? picked : 'seq, doc'}${guardColumn} FROM ${dialect.quote(collection.table)} WHERE ${deadline}${where}${sorted ?? ''}`,
    params: [...(guards?.params ?? []), ...compiled.sql.params],
    plan,
    isExact: compiled.isExact,
    isOrdered: sorted !== undefined,
    isQuick: isById || isEverything || plan !== undefined,
  }
}

function existsSql(guards: readonly Sql[], table: string): Sql | undefined {
  if (guards.length === 0) return undefined
  const parts = guards.map(({ text, params }) => ({ text: `EXISTS(SELECT 1 FROM ${table} WHERE ${text})`, params }))
  return orSql(parts)
}

/** The texts of the selected documents. */
export async function select(engine: Engine, selection: Selection): Promise<DocumentText[]> {
  const near = selection.order.length === 0 ? nearOf(selection.filter) : undefined
  if (!near) return selectInOrder(engine, selection)
  const { skip, limit } = selection
  const texts = await selectInOrder(engine, { ...selection, skip: 0, limit: engine.settings.residualRowsMax })
  return sortByDistance(texts, near.path, near.center)
    .slice(skip, skip + limit)
    .map(({ text }) => text)
}

async function selectInOrder(engine: Engine, selection: Selection): Promise<DocumentText[]> {
  const startedMs = performance.now()
  const { prepared, texts } = await selectWith(engine, selection)
  noteSlowQuery(engine, selection, prepared, performance.now() - startedMs)
  return texts
}

async function selectWith(engine: Engine, selection: Selection) {
  const fast = prepareSelection(engine, selection, true)
  const indexKey = fast.plan && `${selection.collection.table} ${fast.plan.index.name}`
  if (!indexKey || !engine.arrayIndexes.has(indexKey)) {
    const texts = await runPrepared(engine, selection, fast)
    if (texts) return { prepared: fast, texts }
    if (indexKey) engine.arrayIndexes.set(indexKey, true)
  }
  const general = prepareSelection(engine, selection, false)
  return { prepared: general, texts: (await runPrepared(engine, selection, general)) ?? [] }
}

/** @returns undefined if a guard found arrays where the plan assumed none */
async function runPrepared(
  engine: Engine,
  selection: Selection,
  prepared: PreparedSelection,
): Promise<DocumentText[] | undefined> {
  const { skip, limit, timeoutMs } = selection
  if (!prepared.isExact || !prepared.isOrdered) return selectResidual(engine, selection, prepared)
  const rows = await readRows(
    engine,
    `${prepared.sql} LIMIT ? OFFSET ?`,
    [...prepared.params, limit, skip],
    timeoutMs,
    prepared.isQuick,
  )
  if (await hasArrays(engine, selection, prepared, rows)) return undefined
  return rows.map(textOf)
}

/** Without the guards' column, or without a row that has it, the guards are asked by themselves. */
export async function hasArrays(
  engine: Engine,
  selection: Selection,
  { plan }: PreparedSelection,
  rows: readonly Row[],
): Promise<boolean> {
  if (!plan || plan.guards.length === 0) return false
  const [first] = rows
  if (first && 'has_arrays' in first) return isTrue(first['has_arrays'])
  const guards = existsSql(plan.guards, engine.database.dialect.quote(selection.collection.table))
  if (!guards) return false
  const [answer] = await engine.database.read(`SELECT ${guards.text} AS has_arrays`, guards.params, {
    timeoutMs: selection.timeoutMs,
    cost: 'cheap',
  })
  return isTrue(answer?.['has_arrays'])
}

/** PostgreSQL answers booleans, the others 0 and 1. */
const isTrue = (value: unknown) => value === true || Number(value) === 1 || value === 't'

/** Tries a statement that should be quick here; what takes longer after all moves to a reader thread, for a while. */
export async function readRows(
  engine: Engine,
  sql: string,
  params: readonly SqlValue[],
  timeoutMs: number,
  isQuick: boolean,
): Promise<Row[]> {
  const { database, slowShapes } = engine
  if (database.dialect.name !== 'sqlite') return database.read(sql, params, { timeoutMs })
  if (isQuick && !slowShapes.has(sql)) {
    try {
      return await database.read(sql, params, { timeoutMs: Math.min(QUICK_LIMIT_MS, timeoutMs), cost: 'cheap' })
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'deadline_exceeded' || timeoutMs <= QUICK_LIMIT_MS) throw error
      slowShapes.set(sql, true)
    }
  }
  return database.read(sql, params, { timeoutMs, cost: 'scan' })
}

/** SQL returns a superset in pages; the matcher decides. Sorting needs every match, so their size is bounded. */
async function selectResidual(
  engine: Engine,
  selection: Selection,
  prepared: PreparedSelection,
): Promise<DocumentText[] | undefined> {
  const { order, skip, limit } = selection
  const found: Found[] = []
  const needed = skip + limit
  const canStopEarly = order.length === 0 || usesSqlOrder(prepared)
  for await (const page of residualPages(engine, selection, prepared)) {
    if (page === 'arrays') return undefined
    found.push(...page)
    if (canStopEarly && found.length >= needed) break
  }
  if (order.length && !usesSqlOrder(prepared)) {
    found.sort((a, b) => a.seq - b.seq)
    sortItems(found, order, ({ document }) => document)
  }
  return found.slice(skip, needed).map(({ text }) => text)
}

/** Rows of a large answer that reach the event loop at once. */
const BULK_PAGE_ROWS = 2_000

/** Like `select`, for answers that may be large: without an order or an index they come page by page. */
export async function selectMany(engine: Engine, selection: Selection): Promise<DocumentText[]> {
  const prepared = prepareSelection(engine, selection, true)
  const isPlain = prepared.isExact && !prepared.plan && selection.order.length === 0 && selection.skip === 0
  if (!isPlain || selection.limit <= BULK_PAGE_ROWS || nearOf(selection.filter)) return select(engine, selection)
  const startedMs = performance.now()
  const texts: DocumentText[] = []
  const next = pageReader(
    engine,
    { ...prepared, sql: prepared.sql.replace(/^SELECT /, 'SELECT seq, ') },
    BULK_PAGE_ROWS,
  )
  for (let bytes = 0; texts.length < selection.limit; ) {
    const timeoutMs = startedMs + selection.timeoutMs - performance.now()
    if (timeoutMs <= 0) throw new AppError('deadline_exceeded', 'The query took too long and was stopped.')
    const rows = await next(timeoutMs)
    for (const row of rows) {
      const text = textOf(row)
      bytes += text.length
      texts.push(text)
    }
    if (bytes > engine.settings.residualBytesMax)
      throw tooExpensive(`holds more than ${engine.settings.residualBytesMax} bytes`)
    if (rows.length < BULK_PAGE_ROWS) break
  }
  noteSlowQuery(engine, selection, prepared, performance.now() - startedMs)
  return texts.slice(0, selection.limit)
}

export type Found = { readonly seq: number; readonly text: string; readonly document: JsonObject }

const usesSqlOrder = ({ plan, isOrdered }: PreparedSelection) => isOrdered && plan?.servesOrder === true

/** Matching documents, page by page: in the index's order if a plan serves one, else in order of insertion. */
export async function* residualPages(
  engine: Engine,
  selection: Selection,
  prepared: PreparedSelection,
): AsyncGenerator<Found[] | 'arrays', void, undefined> {
  const { settings } = engine
  const matches = compileFilter(selection.filter, selection.expressionTest)
  const deadlineMs = performance.now() + selection.timeoutMs
  const next = pageReader(engine, prepared)
  let bytes = 0
  for (let seen = 0; ; ) {
    const timeoutMs = deadlineMs - performance.now()
    if (timeoutMs <= 0) throw new AppError('deadline_exceeded', 'The query took too long and was stopped.')
    const rows = await next(timeoutMs)
    if (seen === 0 && (await hasArrays(engine, selection, prepared, rows))) return yield 'arrays'
    const page = rows.map(foundOf).filter(({ document }) => matches(document))
    for (const { text } of page) bytes += text.length
    if (bytes > settings.residualBytesMax) throw tooExpensive(`holds more than ${settings.residualBytesMax} bytes`)
    yield page
    seen += rows.length
    if (rows.length < RESIDUAL_PAGE_ROWS) return
    if (seen >= settings.residualRowsMax) throw tooExpensive(`looks at more than ${settings.residualRowsMax} records`)
  }
}

const tooExpensive = (what: string) => new AppError('query_too_expensive', `The query ${what} in memory.`)

const foundOf = (row: Row): Found => ({
  seq: Number(row['seq']),
  text: textOf(row),
  document: JSON.parse(textOf(row)),
})

/** With a plan the index's order is kept and pages are counted off; without, each page begins after the last row. */
function pageReader(
  engine: Engine,
  { sql, params, plan, isQuick }: PreparedSelection,
  pageRows = RESIDUAL_PAGE_ROWS,
): (timeoutMs: number) => Promise<Row[]> {
  let offset = 0
  let afterSeq: SqlValue = 0
  return async (timeoutMs) => {
    if (plan) {
      const rows = await readRows(engine, `${sql} LIMIT ? OFFSET ?`, [...params, pageRows, offset], timeoutMs, isQuick)
      offset += rows.length
      return rows
    }
    const unordered = sql.replace(/ ORDER BY .*$/s, '')
    const statement = `${unordered} AND seq > ? ORDER BY seq LIMIT ${pageRows}`
    const rows = await readRows(engine, statement, [...params, afterSeq], timeoutMs, false)
    afterSeq = rows.at(-1)?.['seq'] ?? afterSeq
    return rows
  }
}

export const textOf = (row: Row): string => String(row['doc'])

/** Everything behind the select list. Subqueries there are in parentheses, so the last alias ends it. */
export function fromOf(sql: string): string {
  const alias = ' AS has_arrays FROM '
  const end = sql.includes(alias) ? sql.indexOf(alias) + ' AS has_arrays '.length : 'SELECT doc '.length
  return sql.slice(end).replace(/ ORDER BY .*$/s, '')
}
