/** Requests per second of one caller, by the generic cell rate algorithm (ITU-T I.371): one number per caller. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'

/** Whom a request counts against, and how much one may ask; undefined: not limited. */
export type RateRule = (request: FastifyRequest) => { readonly key: string; readonly perSecond: number } | undefined

/** Callers remembered; the least recently seen is forgotten first, which can only let somebody through. */
const MAX_CALLERS = 20_000
/** A caller may use this many seconds' worth at once. */
const BURST_SECONDS = 2

/** Must be added after the hook that knows who is calling. */
export function limitRates(app: FastifyInstance, ruleOf: RateRule, now: () => number = Date.now): void {
  const arrivals = new LRUCache<string, number>({ max: MAX_CALLERS })

  app.addHook('onRequest', (request, _reply, done) => {
    const rule = request.routeOptions.config?.priority === 'always' ? undefined : ruleOf(request)
    if (!rule) return done()
    const intervalMs = 1000 / rule.perSecond
    const time = now()
    const expected = Math.max(arrivals.get(rule.key) ?? time, time)
    const aheadMs = expected - time - BURST_SECONDS * 1000
    if (aheadMs > 0) {
      const retryAfterSeconds = Math.ceil((aheadMs + intervalMs) / 1000)
      return done(new AppError('rate_limited', 'Too many requests.', { details: { retryAfterSeconds } }))
    }
    arrivals.set(rule.key, expected + intervalMs)
    done()
  })
}

export const isLoopback = ({ ip }: FastifyRequest) =>
  ip === '::1' || ip.startsWith('127.') || ip.startsWith('::ffff:127.')
