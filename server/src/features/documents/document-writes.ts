/**
 * The transaction scripts that change documents. On SQLite they run in the writer thread: everything imported here is
 * loaded there too, so this file and what it imports stay light.
 */
import { type SqlStep, type SqlValue, type StepResult, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { applyUpdate } from './apply-update.ts'
import { checkShape, documentText } from './decode-document.ts'
import type { Change } from './decode-update.ts'
import type { Filter } from './document-filter.ts'
import type { JsonObject } from './document-request.ts'
import { compileFilter } from './match-document.ts'
import { type IdempotencyClaim, once } from './write-idempotency.ts'

/** Where the documents are: `table` is quoted, `lock` is what a SELECT before a write ends with. */
export type Target = { readonly table: string; readonly lock: string; readonly claim?: IdempotencyClaim | undefined }
/** The rows to change: SQL that may find too many, and the filter that decides if it does. */
export type Selection = {
  readonly where: string
  readonly params: readonly SqlValue[]
  readonly filter?: Filter | undefined
  /** A faster condition, right if `guard` finds nothing: an index serves it. */
  readonly fast?:
    | {
        readonly guard: string
        readonly guardParams: readonly SqlValue[]
        readonly where: string
        readonly params: readonly SqlValue[]
      }
    | undefined
}
export type NewRow = { readonly key: string; readonly text: string }

/** Rows read at once by a change of many. */
const PAGE_ROWS = 200

export const insertDocuments = transactionScript(
  import.meta.url,
  'insertDocuments',
  ({ rows, ids, ...target }: Target & { rows: readonly NewRow[]; ids: readonly JsonObject[string][] }) =>
    once(target.claim, function* () {
      for (const row of rows) yield* insertRow(target.table, row)
      return { ids }
    }),
)

function* insertRow(table: string, { key, text }: NewRow): Generator<SqlStep, void, StepResult> {
  yield { sql: `INSERT INTO ${table} (_id, doc) VALUES (?, ?)`, params: [key, text] }
}

/** Replaces the document if the filter allows, or creates it. */
export const putDocument = transactionScript(
  import.meta.url,
  'putDocument',
  ({
    key,
    text,
    createText,
    filter,
    ...target
  }: Target & NewRow & { createText: string; filter?: Filter | undefined }) =>
    once(target.claim, function* () {
      const found = yield {
        sql: `SELECT seq, doc FROM ${target.table} WHERE _id = ?${target.lock}`,
        params: [key],
        want: 'rows',
      }
      const [row] = found.rows
      if (!row) {
        yield* insertRow(target.table, { key, text: createText })
        return { updated: 0, isCreated: true }
      }
      if (filter && !compileFilter(filter)(JSON.parse(String(row['doc'])))) {
        throw new AppError('permission_denied', 'The record belongs to someone else.')
      }
      yield changeRow(target.table, row['seq'] ?? null, text)
      return { updated: 1, isCreated: false }
    }),
)

const changeRow = (table: string, seq: SqlValue, text: string): SqlStep => ({
  sql: `UPDATE ${table} SET doc = ?, rev = rev + 1 WHERE seq = ?`,
  params: [text, seq],
})

type UpdateArgs = Target &
  Selection & {
    readonly changes: readonly Change[]
    readonly isMulti: boolean
    readonly isReturning: boolean
    /** Where changes name the element that the query matched. */
    readonly query?: Filter | undefined
  }

/** Answers how many documents matched, and the changed one if asked. */
export const updateDocuments = transactionScript(
  import.meta.url,
  'updateDocuments',
  ({ changes, isReturning, query, ...args }: UpdateArgs) =>
    once(args.claim, function* () {
      let returned: string | undefined
      const updated = yield* forEachRow(args, function* (seq, document) {
        const next = applyUpdate(document, changes, query)
        checkShape(next)
        const text = documentText(next)
        returned = text
        yield changeRow(args.table, seq, text)
      })
      return { updated, ...(isReturning && returned !== undefined && { text: returned }) }
    }),
)

export const removeDocuments = transactionScript(
  import.meta.url,
  'removeDocuments',
  (args: Target & Selection & { isMulti: boolean }) =>
    once(args.claim, function* () {
      const { table } = args
      const removed = yield* forEachRow(args, function* (seq) {
        yield { sql: `DELETE FROM ${table} WHERE seq = ?`, params: [seq] }
      })
      return { removed }
    }),
)

/** Visits the selected rows in order of insertion, page by page; counts those that the filter accepts. */
function* forEachRow(
  selection: Target & Selection & { isMulti: boolean },
  visit: (seq: SqlValue, document: JsonObject) => Generator<SqlStep, void, StepResult>,
): Generator<SqlStep, number, StepResult> {
  const { table, lock, filter, isMulti } = selection
  const { where, params } = yield* chooseCondition(selection)
  const matches = filter && compileFilter(filter)
  const limit = isMulti || matches ? PAGE_ROWS : 1
  let visited = 0
  let afterSeq: SqlValue = 0
  for (;;) {
    const page: StepResult = yield {
      sql: `SELECT seq, doc FROM ${table} WHERE ${where} AND seq > ? ORDER BY seq LIMIT ${limit}${lock}`,
      params: [...params, afterSeq],
      want: 'rows',
    }
    for (const row of page.rows) {
      const document: JsonObject = JSON.parse(String(row['doc']))
      afterSeq = row['seq'] ?? null
      if (matches && !matches(document)) continue
      yield* visit(afterSeq, document)
      visited++
      if (!isMulti) return visited
    }
    if (page.rows.length < limit) return visited
  }
}

/** The indexed condition assumes that no document holds an array at the index's fields: asked first. */
function* chooseCondition({
  where,
  params,
  fast,
}: Selection): Generator<SqlStep, Pick<Selection, 'where' | 'params'>, StepResult> {
  if (!fast) return { where, params }
  const guarded = yield { sql: fast.guard, params: fast.guardParams, want: 'rows' }
  return guarded.rows.length ? { where, params } : fast
}
