/**
 * Which statements a request ran, and how long each took: the last part of the way from the phone to the disk. The
 * request is known by its asynchronous context, so that nothing between the door and the database has to pass it on.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance } from 'fastify'
import type { Database } from '../../database/database.ts'

declare module 'fastify' {
  interface FastifyRequest {
    trace: RequestTrace
  }
}

export type SeenStatement = {
  /** Without the values of its parameters. For a transaction: the name of its script. */
  readonly sql: string
  readonly durationMs: number
  readonly isFailed: boolean
}
export type RequestTrace = {
  readonly statements: SeenStatement[]
  /** How many more there were. */
  left: number
}
export type StatementListener = (statement: SeenStatement) => void

/** A request that runs hundreds of statements repeats itself. */
const STATEMENTS_MAX = 20
const SQL_CHARACTERS_MAX = 2_000
const TRANSACTION = 'transaction '

/** Whether this is a script of ours, not a statement. */
export const isTransaction = (text: string) => text.startsWith(TRANSACTION)

export type StatementTrace = ReturnType<typeof createStatementTrace>

export function createStatementTrace() {
  const current = new AsyncLocalStorage<RequestTrace>()

  function note(trace: RequestTrace | undefined, statement: SeenStatement) {
    if (!trace) return
    if (trace.statements.length < STATEMENTS_MAX) trace.statements.push(statement)
    else trace.left += 1
  }

  /** Notes the work once it ended, and hands it on as it is. */
  function timed<Result>(text: string, work: Promise<Result>, listener: StatementListener | undefined) {
    const trace = current.getStore()
    if (!trace && !listener) return work
    const startedAtMs = performance.now()
    const ended = (isFailed: boolean) => {
      const sql = text.length > SQL_CHARACTERS_MAX ? `${text.slice(0, SQL_CHARACTERS_MAX)}…` : text
      const statement = { sql, durationMs: performance.now() - startedAtMs, isFailed }
      note(trace, statement)
      listener?.(statement)
    }
    work.then(
      () => ended(false),
      () => ended(true),
    )
    return work
  }

  return {
    observe(app: FastifyInstance) {
      app.decorateRequest('trace')
      app.addHook('onRequest', (request, _reply, done) => {
        request.trace = { statements: [], left: 0 }
        current.run(request.trace, done)
      })
    },

    /** The database for those whose statements are to be seen. */
    watch(database: Database, listener?: StatementListener): Database {
      return {
        ...database,
        read: (sql, params, options) => timed(sql, database.read(sql, params, options), listener),
        transact: (script, args, options) =>
          timed(describeScript(script.name, args), database.transact(script, args, options), listener),
      }
    },
  }
}

/** A script that runs somebody's statement is that statement. */
const describeScript = (name: string, args: unknown) =>
  typeof args === 'object' && args !== null && 'sql' in args && typeof args.sql === 'string'
    ? args.sql
    : `${TRANSACTION}${name}`
