/**
 * Refuses early instead of answering everybody late. Log-in and WeChat's notices keep the last places, then writes,
 * then reads: somebody who cannot log in or whose payment is not credited is lost, a list can be asked for again.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Default: `write` for POST, PUT and DELETE, `read` for GET. `always`: health checks. */
    priority?: 'always' | 'first' | 'write' | 'read'
  }
  interface FastifyRequest {
    holdsPlace: boolean
  }
}

/** Share of the places that each kind may use. */
const SHARE = { always: Number.POSITIVE_INFINITY, first: 1, write: 0.9, read: 0.75 } as const

/** Seconds after which a refused client should try again. */
const RETRY_AFTER_SECONDS = 1

/** Limits how many requests are worked on at once; beyond it answers `overloaded` at once. */
export function shedLoad(app: FastifyInstance, maxInFlight: number): { inFlight(): number; refused(): number } {
  let inFlight = 0
  let refused = 0

  app.decorateRequest('holdsPlace', false)
  app.addHook('onRequest', (request, _reply, done) => {
    const fallback = request.method === 'GET' ? 'read' : 'write'
    const priority = request.routeOptions.config?.priority ?? fallback
    if (inFlight >= maxInFlight * SHARE[priority]) {
      refused += 1
      const details = { retryAfterSeconds: RETRY_AFTER_SECONDS }
      return done(new AppError('overloaded', 'The server has as much to do as it can answer in time.', { details }))
    }
    inFlight += 1
    request.holdsPlace = true
    done()
  })
  const leave = (request: FastifyRequest) => {
    if (request.holdsPlace) inFlight -= 1
    request.holdsPlace = false
  }
  app.addHook('onResponse', (request, _reply, done) => {
    leave(request)
    done()
  })
  app.addHook('onRequestAbort', (request, done) => {
    leave(request)
    done()
  })
  return { inFlight: () => inFlight, refused: () => refused }
}
