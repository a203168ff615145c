/** SQL from functions and other programs, which CloudBase does not have: one statement, or several writes together. */
import type { Row, SqlValue } from '../database/database.ts'
import { runStatement } from '../database/run-statement.ts'
import type { Json, JsonObject, TogetherOutcome, TogetherStep } from '../features/documents/document-request.ts'
import { type AdminAction, type AdminRequest, asObject, listField, textField } from './admin-request.ts'

const PARAMETERS_MAX = 1_000
const ROWS_MAX = 10_000
const STEPS_MAX = 1_000

export const SQL_ACTIONS: Readonly<Record<string, AdminAction>> = {
  'sampan.dialect': async (_request, { database }) => ({ data: { dialect: database.dialect.name } }),
  'sampan.sql': runSql,
  'sampan.together': runSteps,
}

async function runSql(request: AdminRequest, { database }: Parameters<AdminAction>[1]): ReturnType<AdminAction> {
  const sql = textField(request, 'sql')
  const params = listField(request, 'params', PARAMETERS_MAX).map(parameter)
  const timeoutMs = request.timeLeftMs
  if (/^\s*(select|with)\b/i.test(sql)) {
    const rows = await database.read(sql, params, { timeoutMs })
    return { data: { rows: rows.slice(0, ROWS_MAX).map(rowAsJson), changes: 0 } }
  }
  const isReturning = /\breturning\b/i.test(sql)
  const { rows, changes } = await database.transact(
    runStatement,
    { sql, params, isReturning, rowsMax: ROWS_MAX },
    { timeoutMs },
  )
  return { data: { rows: rows.map(rowAsJson), changes } }
}

async function runSteps(request: AdminRequest, { documents }: Parameters<AdminAction>[1]): ReturnType<AdminAction> {
  const steps = listField(request, 'steps', STEPS_MAX).map((given): TogetherStep => {
    const step = asObject(given as Json, 'steps') // safe: JSON from the body
    if (!('sql' in step)) return step as unknown as TogetherStep // safe: the engine decodes documents and queries itself
    const params = (Array.isArray(step['params']) ? step['params'] : []).map(parameter)
    const changes = step['changes']
    return { sql: String(step['sql']), params, ...(typeof changes === 'number' && { changes }) }
  })
  const { identity, timeLeftMs: timeoutMs } = request
  const outcomes = await documents.writeTogether(steps, { identity, timeoutMs })
  return { data: { outcomes: outcomes.map(outcomeAsJson) } }
}

/** `{"$binary": {"base64": …}}` are bytes; a number beyond 2^53 comes as text. */
function parameter(value: unknown): SqlValue {
  if (typeof value === 'boolean') return Number(value)
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  const { $binary } = asObject(value as Json, 'params') // safe: JSON from the body
  return Buffer.from(String(asObject($binary ?? null, 'params')['base64']), 'base64')
}

const rowAsJson = (row: Row): JsonObject =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, valueAsJson(value)]))

function valueAsJson(value: SqlValue): Json {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Uint8Array) return { $binary: { base64: Buffer.from(value).toString('base64'), subType: '00' } }
  return value
}

const outcomeAsJson = (outcome: TogetherOutcome): JsonObject =>
  'rows' in outcome
    ? { changes: outcome.changes, rows: outcome.rows.map(rowAsJson) }
    : JSON.parse(JSON.stringify(outcome))
