/**
 * The web console at `/console`: static files for everybody, and its API at `/console/api` behind accounts.
 * This file is its table of contents.
 */
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'
import type { Config } from '../../config.ts'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Documents } from '../documents/document-request.ts'
import type { Files } from '../files/files.ts'
import type { FunctionTimers } from '../functions/function-timers.ts'
import type { Functions } from '../functions/functions.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { RecentRequests } from '../monitor/recent-requests.ts'
import type { SlowQueryBook } from '../monitor/slow-query-book.ts'
import type { WeChatCalls } from '../monitor/wechat-calls.ts'
import type { WeChatQuotas } from '../monitor/wechat-quotas.ts'
import type { Payments } from '../payments/payments.ts'
import type { AccessKeys } from '../sessions/access-keys.ts'
import type { SessionLookup } from '../sessions/current-session.ts'
import type { Stock } from '../stock/stock.ts'
import type { Administrators } from './administrators.ts'
import { alarmRoutes } from './alarm-routes.ts'
import { appUserRoutes } from './app-user-routes.ts'
import { createAudit } from './audit-log.ts'
import { auditRoutes } from './audit-routes.ts'
import { guardConsole } from './console-access.ts'
import { dataRoutes } from './data-routes.ts'
import { fileConsoleRoutes } from './file-console-routes.ts'
import { functionConsoleRoutes } from './function-console-routes.ts'
import { jobConsoleRoutes } from './job-console-routes.ts'
import { logRoutes } from './log-routes.ts'
import { type OverviewNeeds, overviewRoutes } from './overview-routes.ts'
import { paymentConsoleRoutes } from './payment-console-routes.ts'
import { peopleRoutes } from './people-routes.ts'
import { settingsRoutes } from './settings-routes.ts'
import { sqlRoutes } from './sql-routes.ts'
import { stockConsoleRoutes } from './stock-console-routes.ts'

/** What the console shows; `Resources` has it all. */
export type ConsoleNeeds = OverviewNeeds & {
  readonly config: Config
  readonly database: Database
  readonly documents: Documents
  readonly files: Files
  readonly functions: Functions
  readonly timers: FunctionTimers
  readonly jobs: Jobs
  readonly stock: Stock
  readonly sessions: SessionLookup
  readonly accessKeys: AccessKeys
  readonly administrators: Administrators
  readonly recentRequests: RecentRequests
  readonly slowQueries: SlowQueryBook
  readonly wechatCalls: WeChatCalls
  readonly wechatQuotas: WeChatQuotas
  /** Undefined without a merchant. */
  readonly payments: Payments | undefined
  readonly project: { readonly functionsRoot: string | undefined }
  /** Folder with the built console: `console/dist`. */
  readonly staticDir: string
}

/** File names below it carry a hash of their content. */
const HASHED_FOLDER = 'assets'
const HASHED_MAX_AGE_SECONDS = 365 * 24 * 3600

// Styles may be inline because charts place their tooltips with style attributes; scripts may not.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob: https:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

export function consoleRoutes(needs: ConsoleNeeds): FastifyPluginAsync {
  return async (app) => {
    app.addHook('onSend', async (_request, reply) => {
      reply.header('content-security-policy', CONTENT_SECURITY_POLICY)
      reply.header('x-content-type-options', 'nosniff')
      reply.header('x-frame-options', 'DENY')
      reply.header('referrer-policy', 'no-referrer')
      reply.header('cross-origin-opener-policy', 'same-origin')
    })
    await app.register(consoleApi(needs), { prefix: '/api' })
    // The app's own links are relative to /console/.
    app.get('/', { schema: { hide: true }, prefixTrailingSlash: 'no-slash' }, (_request, reply) =>
      reply.redirect('/console/'),
    )
    await app.register(consolePages(needs.staticDir))
  }
}

/**
 * The two routes for any address below give all of them their priority: an overloaded server is what an owner opens the
 * console for, so it is not refused. Guests who ask too often are.
 */
function consoleApi(needs: ConsoleNeeds): FastifyPluginAsync {
  return async (app) => {
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    // It changes with the console and is no public interface.
    app.addHook('onRoute', (route) => {
      route.schema = { ...route.schema, hide: true }
    })
    guardConsole(app, needs.administrators)
    await app.register(peopleRoutes(needs))
    const audit = createAudit(needs.database, needs.now ?? Date.now)
    const { functionsRoot } = needs.project
    const all = { ...needs, audit, functionsRoot, appId: needs.config.WECHAT_APP_ID }
    await app.register(overviewRoutes(needs))
    await app.register(alarmRoutes(all))
    await app.register(dataRoutes(all))
    await app.register(sqlRoutes(all))
    await app.register(functionConsoleRoutes(all))
    await app.register(fileConsoleRoutes(all))
    await app.register(jobConsoleRoutes(all))
    await app.register(stockConsoleRoutes(all))
    await app.register(appUserRoutes(all))
    await app.register(logRoutes(all))
    await app.register(paymentConsoleRoutes(all))
    await app.register(settingsRoutes(all))
    await app.register(auditRoutes(needs))
    app.all('/*', { config: { role: 'nobody', priority: 'always' } }, (request) => {
      throw new AppError('route_not_found', `The console's API has nothing at ${request.method} ${request.url}.`)
    })
  }
}

/** The app's files; any other address answers the app itself, which knows its own pages. */
function consolePages(staticDir: string): FastifyPluginAsync {
  return async (app) => {
    const isBuilt = existsSync(path.join(staticDir, 'index.html'))
    if (!isBuilt) {
      app.get('/*', (_request, reply) => reply.type('text/html; charset=utf-8').send(NOT_BUILT))
      return
    }
    // One route for all files: their names change with each build, and metrics are kept by route.
    await app.register(fastifyStatic, { root: staticDir, serve: false, cacheControl: false, preCompressed: true })
    const files = new Set(readdirSync(staticDir, { recursive: true, encoding: 'utf8' }))
    const options = { schema: { hide: true }, config: { priority: 'always' } } as const
    app.get<{ Params: { '*': string } }>('/*', options, (request, reply) => {
      const file = request.params['*']
      const isHashed = file.startsWith(`${HASHED_FOLDER}/`)
      if (isHashed && !files.has(file)) {
        throw new AppError('route_not_found', 'This file belongs to another version of the console; reload the page.')
      }
      reply.header('cache-control', isHashed ? `public, max-age=${HASHED_MAX_AGE_SECONDS}, immutable` : 'no-cache')
      return reply.sendFile(files.has(file) && path.extname(file) ? file : 'index.html')
    })
  }
}

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>Sampan</title>
<p>The console is not built yet. Run <code>npm run build --workspace console</code> and start the server again.</p>
<p>控制台尚未构建。请运行 <code>npm run build --workspace console</code>,然后重新启动服务器。</p>`
