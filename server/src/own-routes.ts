/**
 * The project's own routes: `server/index.ts` (or .js) of the project, a function that adds routes to a Fastify instance.
 * They are served below `/app`, behind the same request ids, deadlines, sessions and limits as ours.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import type { Database } from './database/database.ts'
import type { Documents } from './features/documents/document-request.ts'
import type { Files } from './features/files/files.ts'
import type { Functions } from './features/functions/functions.ts'
import type { Jobs } from './features/jobs/jobs.ts'
import type { Stock } from './features/stock/stock.ts'
import type { WeChat } from './wechat/wechat.ts'

/** What own routes may use. `request.identity` says who calls; documents take it, so that rules apply to people. */
export type OwnRoutesContext = {
  readonly documents: Documents
  readonly files: Files
  readonly functions: Functions
  readonly wechat: WeChat
  /** `jobs.handle(kind, handler)` does jobs in this process; see docs/jobs.md. */
  readonly jobs: Jobs
  readonly stock: Stock
  /** Typed SQL on the tables of `server/migrations/`. */
  readonly sql: <Tables>() => Kysely<Tables>
  /** Several statements in one transaction; see database/database.ts. */
  readonly transact: Database['transact']
  /** One SELECT as plain SQL. */
  readonly read: Database['read']
}

export type OwnRoutes = (app: FastifyInstance, context: OwnRoutesContext) => void | Promise<void>

export const OWN_ROUTES_PREFIX = '/app'
const ENTRIES = ['index.ts', 'index.mjs', 'index.js']

type Needs = Pick<OwnRoutesContext, 'documents' | 'files' | 'functions' | 'wechat' | 'jobs' | 'stock'> & {
  readonly database: Database
  /** The project's `server/` folder; undefined: it has none. */
  readonly serverRoot: string | undefined
}

/** @throws {Error} if the module has no default export that is a function */
export async function serveOwnRoutes(app: FastifyInstance, needs: Needs): Promise<void> {
  const { serverRoot, database, documents, files, functions, wechat, jobs, stock } = needs
  const entry = serverRoot && ENTRIES.map((name) => path.join(serverRoot, name)).find((place) => existsSync(place))
  if (!entry) return
  const module: { default?: unknown } = await import(pathToFileURL(entry).href)
  if (typeof module.default !== 'function')
    throw new Error(`${entry} must export a function as its default: (app, context) => …`)
  const { openKysely } = await import('./database/open-kysely.ts') // 250 modules, which few projects need
  const addRoutes = module.default as OwnRoutes // safe: a function; its parameters are the documented ones

  const context: OwnRoutesContext = {
    documents,
    files,
    functions,
    wechat,
    jobs,
    stock,
    sql: <Tables>() => openKysely<Tables>(database),
    transact: (script, args, options) => database.transact(script, args, options),
    read: (sql, params, options) => database.read(sql, params, options),
  }
  await app.register(async (scope) => addRoutes(scope, context), { prefix: OWN_ROUTES_PREFIX })
}
