/** Counts every answer by route: rate, latency, failures, bytes. A few additions per request, nothing is allocated. */
import type { FastifyInstance } from 'fastify'
import { EMPTY_ROUTE, LATENCY_BOUNDS_MS, latencyBucket, OTHER_ROUTES, type RouteRecord } from './metrics-record.ts'

type Counting = { -readonly [K in keyof RouteRecord]: RouteRecord[K] } & { latency: number[] }

/** Route patterns, not addresses, so their number is that of the program's routes; a limit all the same. */
const ROUTES_MAX = 500

export function createRequestMetrics() {
  let routes = new Map<string, Counting>()
  let sockets = 0

  function entryOf(route: string) {
    const known = routes.get(route)
    if (known) return known
    if (routes.size >= ROUTES_MAX && route !== OTHER_ROUTES) return entryOf(OTHER_ROUTES)
    const entry = { ...EMPTY_ROUTE, latency: new Array<number>(LATENCY_BOUNDS_MS.length + 1).fill(0) }
    routes.set(route, entry)
    return entry
  }

  return {
    count(route: string, { status, durationMs, bytesOut }: { status: number; durationMs: number; bytesOut: number }) {
      const entry = entryOf(route)
      const bucket = latencyBucket(durationMs)
      entry.count += 1
      entry.latency[bucket] = (entry.latency[bucket] ?? 0) + 1
      entry.bytesOut += bytesOut
      if (status >= 500) entry.errors += 1
      else if (status >= 400) entry.refused += 1
    },
    /** Counts what this server answers. Requests to nowhere share one line, so that scanners cannot fill the table. */
    observe(app: FastifyInstance) {
      app.server.on('connection', (socket) => {
        sockets += 1
        socket.once('close', () => {
          sockets -= 1
        })
      })
      app.addHook('onResponse', (request, reply, done) => {
        const pattern = request.routeOptions.url
        const route = pattern ? `${request.method} ${pattern}` : OTHER_ROUTES
        const length = Number(reply.getHeader('content-length') ?? 0)
        this.count(route, {
          status: reply.statusCode,
          durationMs: reply.elapsedTime,
          bytesOut: Number.isFinite(length) ? length : 0,
        })
        done()
      })
    },
    connections: () => sockets,
    /** What was counted since the last call. */
    take(): Record<string, RouteRecord> {
      const taken = Object.fromEntries(routes)
      routes = new Map()
      return taken
    },
  }
}

export type RequestMetrics = ReturnType<typeof createRequestMetrics>
