/** Requests per second of one caller, by the generic cell rate algorithm (ITU-T I.371): one number per caller. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'

/** Whom a request counts against, and how much one may ask; undefined: not limited. */
export type RateRule = (request: FastifyRequest) => Rate | undefined

export type Rate = {
  readonly key: string
  readonly perSecond: number
  /** Refused if there were too many, but not counted: who asks will be known later. */
  readonly isOnlyChecked?: boolean
}

export interface RateLimiter {
  /** @throws {AppError} `rate_limited` */
  count(rate: Rate): void
}

/** Callers remembered; the least recently seen is forgotten first, which can only let somebody through. */
const MAX_CALLERS = 20_000
/** A caller may use this many seconds' worth at once. */
const BURST_SECONDS = 2

export function openRateLimiter(now: () => number = Date.now): RateLimiter {
  const arrivals = new LRUCache<string, number>({ max: MAX_CALLERS })
  return {
    count({ key, perSecond, isOnlyChecked }) {
      const intervalMs = 1000 / perSecond
      const time = now()
      const expected = Math.max(arrivals.get(key) ?? time, time)
      const aheadMs = expected - time - BURST_SECONDS * 1000
      if (aheadMs > 0) {
        const retryAfterSeconds = Math.ceil((aheadMs + intervalMs) / 1000)
        throw new AppError('rate_limited', 'Too many requests.', { details: { retryAfterSeconds } })
      }
      if (!isOnlyChecked) arrivals.set(key, expected + intervalMs)
    },
  }
}

/** Must be added after the hook that knows who is calling. */
export function limitRates(app: FastifyInstance, ruleOf: RateRule, limiter: RateLimiter = openRateLimiter()): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const rule = request.routeOptions.config?.priority === 'always' ? undefined : ruleOf(request)
    if (!rule) return done()
    try {
      limiter.count(rule)
      done()
    } catch (error) {
      done(error as Error) // safe: count throws only AppError
    }
  })
}

export const isLoopback = ({ ip }: FastifyRequest) =>
  ip === '::1' || ip.startsWith('127.') || ip.startsWith('::ffff:127.')
