/** SQL by hand: reading for developers, writing for owners who unlock it, both written down. */
import type { FastifyPluginAsync } from 'fastify'
import type { Database, Row } from '../../database/database.ts'
import { runStatement } from '../../database/run-statement.ts'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import type { Audit } from './audit-log.ts'
import { signedIn } from './console-access.ts'

const SQL_CHARACTERS_MAX = 20_000
const ROWS_SHOWN = 500
const CELL_CHARACTERS_MAX = 2_000
const TIMEOUT_MS = 8_000
/** What an owner types to unlock writing. */
const UNLOCK_WORD = 'write'

const SqlBody = Type.Object(
  {
    sql: Type.String({ minLength: 1, maxLength: SQL_CHARACTERS_MAX }),
    unlock: Type.Optional(Type.String({ maxLength: 16 })),
  },
  { additionalProperties: false },
)
const READS = /^\s*(select|with|explain|show|pragma\s+table_info|values)\b/i
/** Anywhere in the text: PostgreSQL's WITH may delete. False alarms only ask for the unlock word. */
const WRITES =
  /\b(insert|update|delete|replace|merge|drop|alter|create|truncate|attach|detach|vacuum|grant|revoke|set|call|copy|into|lock)\b/i
/** Hashes of passwords and sealed keys: whoever can read them could try to become somebody else. */
const SECRET_TABLES = /administrators|console_sessions|console_invites|access_keys|session_key|token_hash/i

type Needs = { readonly database: Database; readonly audit: Audit }

export function sqlRoutes({ database, audit }: Needs): FastifyPluginAsync {
  return async (app) => {
    app.post<{ Body: Static<typeof SqlBody> }>('/sql', { schema: { body: SqlBody } }, async (request) => {
      const { unlock } = request.body
      const sql = request.body.sql.trim().replace(/;+\s*$/, '')
      const isOwner = signedIn(request).role === 'owner'
      if (SECRET_TABLES.test(sql) && !isOwner) throw new AppError('forbidden', 'Only owners may look at these tables.')
      const startedAtMs = performance.now()
      const isRead = READS.test(sql) && !WRITES.test(sql.replace(/'(?:[^']|'')*'/g, "''"))
      await audit(request, isRead ? 'sql.read' : 'sql.write', database.dialect.name, { sql })

      if (isRead) {
        const rows = await database.read(limited(sql), [], { timeoutMs: TIMEOUT_MS })
        return { ...shown(rows), changes: 0, durationMs: performance.now() - startedAtMs }
      }
      if (!isOwner || unlock !== UNLOCK_WORD) {
        throw new AppError(
          'confirmation_missing',
          `This is not a plain SELECT. An owner may run it after typing "${UNLOCK_WORD}".`,
        )
      }
      const { rows, changes } = await database.transact(
        runStatement,
        { sql, params: [], isReturning: READS.test(sql) || /\breturning\b/i.test(sql), rowsMax: ROWS_SHOWN },
        { timeoutMs: TIMEOUT_MS },
      )
      return { ...shown(rows), changes, durationMs: performance.now() - startedAtMs }
    })
  }
}

/** A result of a million rows would fill the memory of the box. */
const limited = (sql: string) =>
  /^\s*(select|with)\b/i.test(sql) ? `SELECT * FROM (${sql}) AS shown LIMIT ${ROWS_SHOWN + 1}` : sql

function shown(rows: readonly Row[]) {
  const columns = Object.keys(rows[0] ?? {})
  return {
    columns,
    rows: rows.slice(0, ROWS_SHOWN).map((row) => columns.map((column) => cell(row[column]))),
    isCut: rows.length > ROWS_SHOWN,
  }
}

function cell(value: Row[string] | undefined) {
  if (value === null || value === undefined || typeof value === 'number') return value ?? null
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'string')
    return value.length > CELL_CHARACTERS_MAX ? `${value.slice(0, CELL_CHARACTERS_MAX)}…` : value
  return `(${value.byteLength} bytes)`
}
