/** find, get, count and explain: authorise, decode, and select. */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { isUnderRules } from '../sessions/identity.ts'
import { authorise, withCallersId } from './authorise.ts'
import type { Collection } from './collection.ts'
import { residualOf } from './compile-filter.ts'
import { decodeFilter } from './decode-filter.ts'
import { allOf, type Filter, fieldEquals } from './document-filter.ts'
import type {
  CountRequest,
  DocumentCaller,
  DocumentText,
  Explanation,
  FindRequest,
  GetRequest,
  Json,
} from './document-request.ts'
import type { Engine } from './documents-needs.ts'
import { expressionTest } from './evaluate-expression.ts'
import { decodeProjection, type Projection, projectDocument } from './project-document.ts'
import { withoutProtected } from './protected-fields.ts'
import { fromOf, prepareSelection, readRows, residualPages, select, textOf } from './run-selection.ts'
import type { Selection } from './selection.ts'
import { planLines, proposedCommand } from './slow-queries.ts'
import { decodeOrder } from './sort-documents.ts'

export async function findDocuments(engine: Engine, request: FindRequest, caller: DocumentCaller) {
  const projection = decodeProjection(request.projection)
  const selection = await findSelection(engine, request, caller)
  const documents = withoutProtected(selection.collection, caller.identity, await select(engine, selection))
  const { skip, limit } = selection
  return { documents: documents.map((text) => projectText(text, projection)), skip, limit }
}

async function findSelection(engine: Engine, request: FindRequest, caller: DocumentCaller): Promise<Selection> {
  const collection = await engine.catalogue.get(request.collection)
  const { identity } = caller
  const query = decodeFilter(withCallersId(request.query, identity), engine.now())
  const order = decodeOrder(request.order)
  const paths = order.map(({ path }) => path)
  const filter = allOf([await authorise(engine, { action: 'read', collection, identity, query, paths }), query])
  return {
    collection,
    filter,
    order,
    ...pageOf(request, caller),
    timeoutMs: timeoutOf(engine, caller),
    expressionTest: expressionTest(engine.now()),
  }
}

export async function getDocument(
  engine: Engine,
  request: GetRequest,
  caller: DocumentCaller,
): Promise<DocumentText | undefined> {
  const projection = decodeProjection(request.projection)
  const collection = await engine.catalogue.get(request.collection)
  if (isOpenById(collection, request.id, caller)) {
    const text = await readById(engine, collection, request.id, caller)
    return text === undefined ? undefined : projectText(text, projection)
  }
  const query = byId(request.id, engine.now())
  const filter = allOf([
    query,
    await authorise(engine, { action: 'read', collection, identity: caller.identity, query }),
  ])
  const timeoutMs = timeoutOf(engine, caller)
  const found = await select(engine, { collection, filter, order: [], skip: 0, limit: 1, timeoutMs })
  const [text] = withoutProtected(collection, caller.identity, found)
  return text === undefined ? undefined : projectText(text, projection)
}

/** Ids as programs and `newId` make them. */
const PLAIN_ID = /^[\w.:@-]{1,128}$/

/**
 * Whether there is nothing to authorise and nothing to compile: a plain id in a collection that everybody may read. It is
 * what mini programs ask for most; the general way costs as much again as the row itself.
 */
function isOpenById({ rules }: Collection, id: Json, { identity }: DocumentCaller): id is string {
  const isOpen = rules === 'READONLY' || rules === 'ADMINWRITE' || !isUnderRules(identity)
  return isOpen && typeof id === 'string' && PLAIN_ID.test(id)
}

async function readById(engine: Engine, { table }: Collection, id: string, caller: DocumentCaller) {
  const { database } = engine
  const timeoutMs = timeoutOf(engine, caller)
  const statement = `SELECT doc FROM ${database.dialect.quote(table)} WHERE _id = ?`
  const [row] = await database.read(statement, [id], { timeoutMs, cost: 'cheap' })
  return row && textOf(row)
}

export async function countDocuments(engine: Engine, request: CountRequest, caller: DocumentCaller): Promise<number> {
  return countSelection(engine, await findSelection(engine, request, caller))
}

export async function countSelection(engine: Engine, selection: Selection): Promise<number> {
  return (await countWith(engine, selection, true)) ?? (await countWith(engine, selection, false)) ?? 0
}

/** @returns undefined if the plan's assumption about arrays did not hold */
async function countWith(engine: Engine, selection: Selection, usesIndexes: boolean): Promise<number | undefined> {
  const everything = { ...selection, fields: undefined, order: [], skip: 0, limit: Number.MAX_SAFE_INTEGER }
  const prepared = prepareSelection(engine, everything, usesIndexes, true)
  const { plan, params, isExact, isQuick } = prepared
  if (isExact) {
    // The guards, if there are any, stand in the select list: asked once, beside the number of rows.
    const guard = plan?.guards.length ? countedGuards(prepared.sql) : ''
    const statement = `SELECT ${guard}COUNT(*) AS total ${fromOf(prepared.sql)}`
    const [row] = await readRows(engine, statement, params, selection.timeoutMs, isQuick)
    if (guard && Number(row?.['has_arrays']) === 1) return undefined
    return Number(row?.['total'] ?? 0)
  }
  let total = 0
  for await (const page of residualPages(engine, selection, prepared)) {
    if (page === 'arrays') return undefined
    total += page.length
  }
  return total
}

/** Of `SELECT doc, <guards> AS has_arrays FROM t WHERE …`. */
const countedGuards = (sql: string) =>
  `CASE WHEN ${sql.slice('SELECT doc, '.length, sql.indexOf(' AS has_arrays FROM '))} THEN 1 ELSE 0 END AS has_arrays, `

export async function explainFind(engine: Engine, request: FindRequest, caller: DocumentCaller): Promise<Explanation> {
  return explainSelection(engine, await findSelection(engine, request, caller))
}

/** @param statement what is asked instead of the records themselves, with the same parameters */
export async function explainSelection(engine: Engine, selection: Selection, statement?: string): Promise<Explanation> {
  const prepared = prepareSelection(engine, selection, true, statement === undefined ? undefined : false)
  const sql = statement ?? prepared.sql
  return {
    sql,
    plan: await planLines(engine, { ...prepared, sql }),
    index: prepared.plan?.index.name,
    isExact: prepared.isExact && prepared.isOrdered,
    residual: [
      ...residualOf(selection.filter, selection.collection.source, prepared.plan?.withoutArrays),
      ...(prepared.isOrdered ? [] : ['order']),
    ],
    proposedIndex: proposedCommand(selection, prepared),
  }
}

/** One document by id, as a filter. */
export const byId = (id: Json, nowMs: number): Filter => {
  const decoded = decodeFilter({ value: { $eq: id } }, nowMs)
  return decoded.kind === 'field' && decoded.test.kind === 'eq' ? fieldEquals('_id', decoded.test.value) : decoded
}

/** CloudBase's page sizes: programs stop paging when a page is shorter than these. */
export function pageOf(
  request: { skip?: number; limit?: number },
  { identity }: DocumentCaller,
): { skip: number; limit: number } {
  const [usual, most] = isUnderRules(identity)
    ? [LIMITS.clientPage, LIMITS.clientPage]
    : [LIMITS.serverPage, LIMITS.serverPageMax]
  return { skip: countOf(request.skip, 'skip') ?? 0, limit: Math.min(countOf(request.limit, 'limit') || usual, most) }
}

function countOf(value: unknown, path: string): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  const reason = 'is not a natural number'
  throw new AppError('invalid_query', `${path} ${reason}.`, { details: { path, reason } })
}

export const timeoutOf = (engine: Engine, caller: DocumentCaller) => caller.timeoutMs ?? engine.settings.timeoutMs

export const projectText = (text: string, projection: Projection | undefined): string =>
  projection ? JSON.stringify(projectDocument(JSON.parse(text), projection)) : text
