/**
 * Slows guessing down: after a few failures for a name or from an address, sign-in answers 429 until the window ends.
 * Kept in memory: a restart forgives, but guessing cannot restart the server.
 */
import { LRUCache } from 'lru-cache'
import { AppError } from '../../errors.ts'

const WINDOW_MS = 15 * 60_000
const FAILURES_PER_NAME = 5
const FAILURES_PER_IP = 20
const REMEMBERED = 10_000

export function createSignInLimit(now: () => number = Date.now) {
  const failures = new LRUCache<string, { count: number; untilMs: number }>({ max: REMEMBERED })

  const current = (key: string) => {
    const entry = failures.get(key)
    return entry && entry.untilMs > now() ? entry : undefined
  }
  function refuse(key: string, limit: number) {
    const entry = current(key)
    if (!entry || entry.count < limit) return
    const retryAfterSeconds = Math.ceil((entry.untilMs - now()) / 1000)
    throw new AppError('rate_limited', 'Too many failed attempts to sign in.', { details: { retryAfterSeconds } })
  }
  function count(key: string) {
    const entry = current(key)
    failures.set(key, { count: (entry?.count ?? 0) + 1, untilMs: entry?.untilMs ?? now() + WINDOW_MS })
  }
  // The pair is limited, not the name alone: otherwise a stranger could lock the owner out.
  const keys = (name: string, ip: string) => ({ pair: `name ${name.toLowerCase()} ${ip}`, address: `ip ${ip}` })

  return {
    /** @throws {AppError} `rate_limited` */
    check(name: string, ip: string) {
      refuse(keys(name, ip).pair, FAILURES_PER_NAME)
      refuse(keys(name, ip).address, FAILURES_PER_IP)
    },
    /** Counted before the password is checked, so that guesses sent at once are counted too. */
    attempted(name: string, ip: string) {
      count(keys(name, ip).pair)
      count(keys(name, ip).address)
    },
    succeeded(name: string, ip: string) {
      const { pair, address } = keys(name, ip)
      failures.delete(pair)
      const entry = current(address)
      if (entry) failures.set(address, { ...entry, count: entry.count - 1 })
    },
  }
}

export type SignInLimit = ReturnType<typeof createSignInLimit>
