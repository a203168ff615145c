/** The last requests of this process, for "what happened to request …?" without opening a log file. */
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** What a door that serves many actions at one address adds to the record of this request. */
    seenAs?: { readonly partOf: string | undefined; readonly action: string }
  }
}

export type SeenRequest = {
  readonly requestId: string
  readonly atMs: number
  readonly method: string
  readonly route: string
  readonly status: number
  readonly durationMs: number
  /** The request during which a function asked for this; its trace shows both. */
  readonly partOf?: string | undefined
  /** Kind of identity, never who. */
  readonly caller: string
}

export type RequestFilter = {
  readonly requestId?: string | undefined
  readonly route?: string | undefined
  readonly isFailed?: boolean | undefined
  readonly limit: number
}

/** About 200 bytes each. */
const KEPT = 5_000
const ROUTE_CHARACTERS_MAX = 200
/** The console's own polling would push everything else out. */
const OWN_ROUTES = /^\/(console|metrics|livez|readyz)/

export function createRecentRequests() {
  const ring: SeenRequest[] = []
  let next = 0

  return {
    observe(app: FastifyInstance) {
      app.addHook('onResponse', (request, reply, done) => {
        const route = request.routeOptions.url ?? request.url.split('?')[0] ?? ''
        if (!OWN_ROUTES.test(route)) {
          ring[next] = {
            requestId: request.id,
            atMs: Date.now(),
            method: request.method,
            route: [route, request.seenAs?.action].filter(Boolean).join(' ').slice(0, ROUTE_CHARACTERS_MAX),
            status: reply.statusCode,
            durationMs: Math.round(reply.elapsedTime * 10) / 10,
            partOf: request.seenAs?.partOf,
            caller: request.seenAs ? 'function' : (request.identity?.kind ?? 'anonymous'),
          }
          next = (next + 1) % KEPT
        }
        done()
      })
    },
    /** Newest first. */
    list({ requestId, route, isFailed, limit }: RequestFilter): SeenRequest[] {
      const newestFirst = [...ring.slice(next), ...ring.slice(0, next)].reverse()
      return newestFirst
        .filter((seen) => requestId === undefined || seen.requestId === requestId || seen.partOf === requestId)
        .filter((seen) => route === undefined || seen.route.includes(route))
        .filter((seen) => !isFailed || seen.status >= 400)
        .slice(0, limit)
    },
  }
}

export type RecentRequests = ReturnType<typeof createRecentRequests>
