/**
 * Every request has a deadline. One sweep over the open requests replaces a timer per request, which at ten thousand
 * requests a second would cost more than the requests' own bookkeeping.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import { answer } from './error-answers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Milliseconds until this request is answered with `deadline_exceeded`; never below 1. */
    timeLeftMs(): number
    deadlineAtMs: number
  }
  interface FastifyContextConfig {
    /** Another deadline for this route, such as uploads. */
    deadlineMs?: number
  }
}

/** How late after its deadline a request may be answered. */
const SWEEP_MS = 250

export function enforceDeadlines(app: FastifyInstance, defaultMs: number): void {
  const open = new Map<FastifyRequest, FastifyReply>()

  app.decorateRequest('deadlineAtMs', 0)
  app.decorateRequest('timeLeftMs', function timeLeftMs(this: FastifyRequest) {
    return Math.max(1, this.deadlineAtMs - performance.now())
  })
  app.addHook('onRequest', (request, reply, done) => {
    request.deadlineAtMs = performance.now() + (request.routeOptions.config?.deadlineMs ?? defaultMs)
    open.set(request, reply)
    done()
  })
  app.addHook('onResponse', (request, _reply, done) => {
    open.delete(request)
    done()
  })
  app.addHook('onRequestAbort', (request, done) => {
    open.delete(request)
    done()
  })

  const sweep = setInterval(() => {
    const now = performance.now()
    for (const [request, reply] of open) {
      if (request.deadlineAtMs > now) continue
      open.delete(request)
      if (!reply.sent) answer(new AppError('deadline_exceeded', 'The request took too long.'), request, reply)
    }
  }, SWEEP_MS)
  sweep.unref()
  app.addHook('onClose', async () => clearInterval(sweep))
}
