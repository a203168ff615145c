/** The last requests, also those before a restart, for "what happened to request …?" without opening a log file. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { RequestArchive } from './request-archive.ts'
import type { SeenRequest } from './seen-request.ts'
import type { SeenStatement } from './statement-trace.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What a door that serves many actions at one address adds to the record of this request. */
    seenAs?: { readonly partOf: string | undefined; readonly action: string }
  }
}

export type RequestFilter = {
  readonly requestId?: string | undefined
  readonly route?: string | undefined
  readonly isFailed?: boolean | undefined
  readonly limit: number
}

/** About 300 bytes each. */
const KEPT = 5_000
/** Texts of statements that stand once in memory, however many requests ran them. */
const TEXTS_KEPT = 500
const ROUTE_CHARACTERS_MAX = 200
/** The console's own polling would push everything else out. */
const OWN_ROUTES = /^\/(console|metrics|livez|readyz)/

type Needs = { readonly archive: RequestArchive; readonly now?: () => number }

export function createRecentRequests({ archive, now = Date.now }: Needs) {
  const ring: SeenRequest[] = archive.load().slice(-KEPT)
  const texts = new LRUCache<string, string>({ max: TEXTS_KEPT })
  let next = ring.length % KEPT
  /** Answered since the last call of `save`. */
  let unsaved = 0

  function once(statement: SeenStatement): SeenStatement {
    const known = texts.get(statement.sql)
    if (known === undefined) texts.set(statement.sql, statement.sql)
    return known === undefined ? statement : { ...statement, sql: known }
  }

  function remember(request: FastifyRequest, reply: FastifyReply, route: string) {
    const { trace, seenAs } = request
    ring[next] = {
      requestId: request.id,
      atMs: now(),
      method: request.method,
      route: [route, seenAs?.action].filter(Boolean).join(' ').slice(0, ROUTE_CHARACTERS_MAX),
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      partOf: seenAs?.partOf,
      caller: seenAs ? 'function' : (request.identity?.kind ?? 'anonymous'),
      statements: trace?.statements.map(once) ?? [],
      statementsLeft: trace?.left ?? 0,
    }
    next = (next + 1) % KEPT
    unsaved = Math.min(unsaved + 1, KEPT)
  }

  const oldestFirst = () => (ring.length < KEPT ? ring.slice() : [...ring.slice(next), ...ring.slice(0, next)])

  return {
    observe(app: FastifyInstance) {
      app.addHook('onResponse', (request, reply, done) => {
        const route = request.routeOptions.url ?? request.url.split('?')[0] ?? ''
        if (!OWN_ROUTES.test(route)) remember(request, reply, route)
        done()
      })
    },
    /** Writes down what was answered since the last call. */
    save() {
      const fresh = unsaved > 0 ? oldestFirst().slice(-unsaved) : []
      unsaved = 0
      archive.save(fresh)
    },
    /** Newest first. */
    list({ requestId, route, isFailed, limit }: RequestFilter): SeenRequest[] {
      return oldestFirst()
        .reverse()
        .filter((seen) => requestId === undefined || seen.requestId === requestId || seen.partOf === requestId)
        .filter((seen) => route === undefined || seen.route.includes(route))
        .filter((seen) => !isFailed || seen.status >= 400)
        .slice(0, limit)
    },
  }
}

export type RecentRequests = ReturnType<typeof createRecentRequests>
