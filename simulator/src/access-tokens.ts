import type { Quotas } from './quotas.ts'
import { Refusal } from './refusal.ts'
import type { SeededRandom } from './seeded-random.ts'

const LIFETIME_MS = 7_200_000
/** How long the previous token keeps working after a new one was made. */
const OVERLAP_MS = 300_000
const FORCE_INTERVAL_MS = 30_000
/** Old tokens that are remembered, to tell "not the latest" from "never heard of". */
const HISTORY_LIMIT = 64

type Token = {
  value: string
  /** End of its natural life: 42001 from then on. */
  expiresAtMs: number
  /** Earlier than that once it was replaced: 40001 from then on. */
  validUntilMs: number
}

export type AccessTokens = {
  /** `/cgi-bin/token`: every call makes a new generation. */
  classic(): { access_token: string; expires_in: number }
  /** `/cgi-bin/stable_token`: the same token until shortly before its end, unless forced. */
  stable(force: boolean): { access_token: string; expires_in: number }
  /** @throws {Refusal} 41001, 40001 or 42001 */
  check(value: string | undefined): void
  /** Makes every token invalid at once, as a reset of the secret does. */
  revokeAll(): void
}

/** The two kinds of access token. They do not know each other: a classic call never ends a stable token. */
export function openAccessTokens(now: () => number, random: SeededRandom, quotas: Quotas): AccessTokens {
  const classic = openGenerations(now, random)
  const stable = openGenerations(now, random)
  let forcedAtMs = -Infinity

  const answer = ({ value, expiresAtMs }: Token) => ({
    access_token: value,
    expires_in: Math.floor((expiresAtMs - now()) / 1000),
  })

  return {
    classic() {
      quotas.take('token')
      return answer(classic.renew())
    },
    stable(force) {
      quotas.take('stableTokenMinute')
      quotas.take('stableTokenDay')
      const current = stable.current()
      const mayForce = force && now() - forcedAtMs >= FORCE_INTERVAL_MS
      if (mayForce) {
        quotas.take('stableTokenForced')
        forcedAtMs = now()
        return answer(stable.renew())
      }
      return answer(current && current.expiresAtMs - now() > OVERLAP_MS ? current : stable.renew())
    },
    check(value) {
      if (!value) throw new Refusal(41001)
      const states = [classic.stateOf(value), stable.stateOf(value)]
      if (states.includes('valid')) return
      throw new Refusal(states.includes('expired') ? 42001 : 40001)
    },
    revokeAll() {
      classic.revoke()
      stable.revoke()
    },
  }
}

/** A line of tokens of which the latest is valid, and the one before it for five more minutes. */
function openGenerations(now: () => number, random: SeededRandom) {
  const past = new Map<string, number>() // value → expiresAtMs
  let current: Token | undefined
  let previous: Token | undefined

  const retire = (token: Token | undefined) => {
    if (!token) return
    past.set(token.value, token.expiresAtMs)
    if (past.size > HISTORY_LIMIT) past.delete(past.keys().next().value ?? '')
  }

  return {
    current: () => current,
    renew() {
      retire(previous)
      previous = current && { ...current, validUntilMs: Math.min(current.expiresAtMs, now() + OVERLAP_MS) }
      const expiresAtMs = now() + LIFETIME_MS
      current = { value: `99_${random.letters(133)}`, expiresAtMs, validUntilMs: expiresAtMs }
      return current
    },
    stateOf(value: string): 'valid' | 'expired' | 'unknown' {
      const token = [current, previous].find((known) => known?.value === value)
      if (token && token.validUntilMs > now()) return 'valid'
      const expiresAtMs = token?.expiresAtMs ?? past.get(value)
      return expiresAtMs !== undefined && expiresAtMs <= now() ? 'expired' : 'unknown'
    },
    revoke() {
      current = undefined
      previous = undefined
      past.clear()
    },
  }
}
