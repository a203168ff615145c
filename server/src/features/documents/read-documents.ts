/** find, get and count: authorise, compile, run the SQL, and filter what SQL could not decide. */
import { LIMITS } from '@sampan/protocol/limits'
import type { Row } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { isUnderRules } from '../sessions/identity.ts'
import { authorise } from './authorise.ts'
import type { Collection } from './collection-catalogue.ts'
import { compileFilterSql } from './compile-filter.ts'
import { orderSql } from './compile-order.ts'
import { decodeFilter } from './decode-filter.ts'
import { allOf, type Filter, fieldEquals } from './document-filter.ts'
import type {
  CountRequest,
  DocumentCaller,
  DocumentText,
  FindRequest,
  GetRequest,
  Json,
  JsonObject,
} from './document-request.ts'
import type { Engine } from './documents-needs.ts'
import { compileFilter } from './match-document.ts'
import { decodeProjection, type Projection, projectDocument } from './project-document.ts'
import { compileOrder, decodeOrder, type SortKey } from './sort-documents.ts'

/** A read ready to run. */
export type Selection = {
  readonly collection: Collection
  readonly filter: Filter
  readonly order: readonly SortKey[]
  readonly skip: number
  readonly limit: number
}

/** Rows fetched at once while JavaScript filters them. */
const RESIDUAL_PAGE_ROWS = 500

export async function findDocuments(engine: Engine, request: FindRequest, caller: DocumentCaller) {
  const { skip, limit } = pageOf(request, caller)
  const projection = decodeProjection(request.projection)
  const collection = await engine.catalogue.get(request.collection)
  const filter = allOf([authorise('read', collection, caller.identity), decodeFilter(request.query, engine.now())])
  const selection = { collection, filter, order: decodeOrder(request.order), skip, limit }
  const documents = await select(engine, selection, caller)
  return { documents: documents.map((text) => projectText(text, projection)), skip, limit }
}

export async function getDocument(
  engine: Engine,
  request: GetRequest,
  caller: DocumentCaller,
): Promise<DocumentText | undefined> {
  const projection = decodeProjection(request.projection)
  const collection = await engine.catalogue.get(request.collection)
  const filter = allOf([authorise('read', collection, caller.identity), byId(request.id, engine.now())])
  const [text] = await select(engine, { collection, filter, order: [], skip: 0, limit: 1 }, caller)
  return text === undefined ? undefined : projectText(text, projection)
}

export async function countDocuments(engine: Engine, request: CountRequest, caller: DocumentCaller): Promise<number> {
  const collection = await engine.catalogue.get(request.collection)
  const filter = allOf([authorise('read', collection, caller.identity), decodeFilter(request.query, engine.now())])
  const compiled = compileFilterSql(filter, engine.source)
  const table = engine.database.dialect.quote(collection.table)
  if (compiled.isExact) {
    const where = guarded(engine, compiled.sql.text)
    const rows = await engine.database.read(
      `SELECT COUNT(*) AS total FROM ${table} WHERE ${where}`,
      compiled.sql.params,
      {
        timeoutMs: timeoutOf(engine, caller),
      },
    )
    return Number(rows[0]?.['total'] ?? 0)
  }
  let total = 0
  for await (const page of residualPages(engine, collection, filter, caller)) total += page.length
  return total
}

/** One document by id, as a filter. */
export const byId = (id: Json, nowMs: number): Filter => {
  const decoded = decodeFilter({ value: { $eq: id } }, nowMs)
  return decoded.kind === 'field' && decoded.test.kind === 'eq' ? fieldEquals('_id', decoded.test.value) : decoded
}

/** CloudBase's page sizes: programs stop paging when a page is shorter than these. */
function pageOf(request: FindRequest, { identity }: DocumentCaller): { skip: number; limit: number } {
  const [usual, most] = isUnderRules(identity)
    ? [LIMITS.clientPage, LIMITS.clientPage]
    : [LIMITS.serverPage, LIMITS.serverPageMax]
  return { skip: countOf(request.skip, 'skip') ?? 0, limit: Math.min(countOf(request.limit, 'limit') || usual, most) }
}

function countOf(value: unknown, path: string): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new AppError('invalid_query', `${path} is not a natural number.`, {
    details: { path, reason: 'is not a natural number' },
  })
}

export const timeoutOf = (engine: Engine, caller: DocumentCaller) => caller.timeoutMs ?? engine.settings.timeoutMs

/** The texts of the selected documents. */
export async function select(engine: Engine, selection: Selection, caller: DocumentCaller): Promise<DocumentText[]> {
  const { collection, filter, order, skip, limit } = selection
  const compiled = compileFilterSql(filter, engine.source)
  const sorted = orderSql(order, engine.source)
  if (!compiled.isExact || !sorted) return selectResidual(engine, selection, caller)
  const table = engine.database.dialect.quote(collection.table)
  const isById = compiled.sql.text === '_id = ?' || compiled.sql.text.startsWith('(_id = ? AND')
  const where = isById ? compiled.sql.text : guarded(engine, compiled.sql.text)
  const rows = await engine.database.read(
    `SELECT doc FROM ${table} WHERE ${where}${sorted} LIMIT ? OFFSET ?`,
    [...compiled.sql.params, limit, skip],
    { timeoutMs: timeoutOf(engine, caller), cost: isById ? 'cheap' : 'scan' },
  )
  return rows.map(textOf)
}

const guarded = ({ database }: Engine, where: string) =>
  database.dialect.deadlineGuard ? `${where} AND ${database.dialect.deadlineGuard}` : where

/** SQL returns a superset in pages; the matcher decides. Sorting needs every match, so their number is bounded. */
async function selectResidual(engine: Engine, selection: Selection, caller: DocumentCaller): Promise<DocumentText[]> {
  const { collection, filter, order, skip, limit } = selection
  const found: { text: string; document: JsonObject }[] = []
  const needed = skip + limit
  for await (const page of residualPages(engine, collection, filter, caller)) {
    found.push(...page)
    if (order.length === 0 && found.length >= needed) break
  }
  if (order.length) {
    const compare = compileOrder(order)
    found.sort((a, b) => compare(a.document, b.document))
  }
  return found.slice(skip, needed).map(({ text }) => text)
}

async function* residualPages(engine: Engine, collection: Collection, filter: Filter, caller: DocumentCaller) {
  const { database, settings } = engine
  const matches = compileFilter(filter)
  const compiled = compileFilterSql(filter, engine.source)
  const table = database.dialect.quote(collection.table)
  const deadlineMs = performance.now() + timeoutOf(engine, caller)
  const statement = `SELECT seq, doc FROM ${table} WHERE ${guarded(engine, compiled.sql.text)} AND seq > ? ORDER BY seq LIMIT ${RESIDUAL_PAGE_ROWS}`
  let afterSeq: Row[string] = 0
  for (let seen = 0; ; ) {
    const timeoutMs = deadlineMs - performance.now()
    if (timeoutMs <= 0) throw new AppError('deadline_exceeded', 'The query took too long and was stopped.')
    const rows: Row[] = await database.read(statement, [...compiled.sql.params, afterSeq], { timeoutMs })
    const page = rows.map((row) => ({ text: textOf(row), document: JSON.parse(textOf(row)) as JsonObject })) // safe: stored documents
    yield page.filter(({ document }) => matches(document))
    seen += rows.length
    afterSeq = rows.at(-1)?.['seq'] ?? 0
    if (rows.length < RESIDUAL_PAGE_ROWS) return
    if (seen >= settings.residualRowsMax) {
      throw new AppError('query_too_expensive', `The query looks at more than ${settings.residualRowsMax} records.`)
    }
  }
}

export const textOf = (row: Row): string => String(row['doc'])

export const projectText = (text: string, projection: Projection | undefined): string =>
  projection ? JSON.stringify(projectDocument(JSON.parse(text), projection)) : text
