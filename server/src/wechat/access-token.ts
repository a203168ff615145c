import { setTimeout as sleep } from 'node:timers/promises'
import type { Cache } from '../cache/cache.ts'

/** WeChat renews a token five minutes before its end, and both then work: the time to ask for the new one. */
const RENEW_BEFORE_END_MS = 300_000
/** One process asks WeChat at a time; a process that died while asking blocks the others no longer than this. */
const ASKING_TTL_SECONDS = 5
const POLL_MS = 100
/** After WeChat insisted on a token that an API refused, or failed to renew one, it is not asked again for this long. */
const PAUSE_MS = 10_000

type Token = { value: string; expiresAtMs: number }

export type AccessToken = {
  get(): Promise<string>
  /** Says that WeChat refused this token; returns the one to try instead. */
  replace(refused: string): Promise<string>
}

type Needs = {
  appId: string
  cache: Pick<Cache, 'get' | 'set' | 'claim'>
  now: () => number
  /** Asks WeChat's stable_token. */
  fetchToken: () => Promise<{ value: string; lifetimeSeconds: number }>
  onRefreshFailed: (error: unknown) => void
}

/**
 * The one keeper of the access token, shared by all processes through the cache.
 *
 * Two keepers would invalidate each other's tokens with WeChat's classic API, the most common failure of WeChat backends;
 * with stable_token they only waste calls, which the claim in the cache avoids.
 */
export function openAccessToken({ appId, cache, now, fetchToken, onRefreshFailed }: Needs): AccessToken {
  const tokenKey = `wechat:access-token:${appId}`
  const askingKey = `wechat:access-token-asking:${appId}`
  let held: Token | undefined
  let refreshing: Promise<Token> | undefined
  let insistedAtMs = -Infinity
  let renewedAtMs = -Infinity

  const refresh = (refused?: string) => {
    refreshing ??= findOrFetch(refused).finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  async function findOrFetch(refused: string | undefined): Promise<Token> {
    const shared = await readShared(refused)
    if (shared && now() < shared.expiresAtMs - RENEW_BEFORE_END_MS) {
      held = shared
      return shared
    }

    if (!(await cache.claim(askingKey, '1', ASKING_TTL_SECONDS))) {
      const theirs = await waitForOther(refused)
      if (theirs) {
        held = theirs
        return theirs
      }
    }
    const { value, lifetimeSeconds } = await fetchToken().finally(() => cache.set(askingKey, '', 0))
    const token = { value, expiresAtMs: now() + lifetimeSeconds * 1000 }
    if (value === refused) insistedAtMs = now()
    held = token
    await cache.set(tokenKey, JSON.stringify(token), lifetimeSeconds)
    return token
  }

  async function readShared(refused: string | undefined): Promise<Token | undefined> {
    const text = await cache.get(tokenKey)
    const token = text === undefined ? undefined : (JSON.parse(text) as Token) // safe: only this file writes the key
    return token?.value === refused ? undefined : token
  }

  async function waitForOther(refused: string | undefined) {
    for (let waitedMs = 0; waitedMs < ASKING_TTL_SECONDS * 1000; waitedMs += POLL_MS) {
      await sleep(POLL_MS)
      const token = await readShared(refused)
      if (token && now() < token.expiresAtMs - RENEW_BEFORE_END_MS) return token
      // The other one gave up: ask ourselves.
      if (await cache.claim(askingKey, '1', ASKING_TTL_SECONDS)) return undefined
    }
    return undefined
  }

  return {
    async get() {
      if (held && now() < held.expiresAtMs - RENEW_BEFORE_END_MS) return held.value
      if (held && now() < held.expiresAtMs) {
        // Still good for minutes: nobody waits for the new one, and a failure now is not yet anybody's problem.
        if (now() - renewedAtMs >= PAUSE_MS) {
          renewedAtMs = now()
          refresh().catch(onRefreshFailed)
        }
        return held.value
      }
      return (await refresh()).value
    },
    async replace(refused) {
      if (held && held.value !== refused) return held.value
      if (now() - insistedAtMs < PAUSE_MS) return refused
      held = undefined
      return (await refresh(refused)).value
    },
  }
}
