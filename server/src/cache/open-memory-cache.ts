import { LRUCache } from 'lru-cache'
import type { Cache } from './cache.ts'

export const MEMORY_CACHE_LIMITS = { entries: 50_000, bytes: 32 * 1024 * 1024 }

/** What an entry costs beside its text. */
const ENTRY_OVERHEAD_BYTES = 150
const BYTES_PER_CHARACTER = 2

type Entry = { readonly value: string; readonly expiresAtMs: number }

/**
 * A Cache inside this process: for `dev`, for tests, and for servers that run one process. When full, it forgets what
 * was used longest ago.
 */
export function openMemoryCache(now: () => number = Date.now, limits = MEMORY_CACHE_LIMITS): Cache {
  const entries = new LRUCache<string, Entry>({
    max: limits.entries,
    maxSize: limits.bytes,
    sizeCalculation: ({ value }, key) => ENTRY_OVERHEAD_BYTES + (key.length + value.length) * BYTES_PER_CHARACTER,
  })

  // Expiry is checked here because the library's own cannot be given a clock.
  const findLive = (key: string) => {
    const entry = entries.get(key)
    if (!entry || entry.expiresAtMs > now()) return entry
    entries.delete(key)
    return undefined
  }
  const store = (key: string, value: string, ttlSeconds: number) => {
    entries.delete(key)
    if (ttlSeconds > 0) entries.set(key, { value, expiresAtMs: now() + ttlSeconds * 1000 })
  }

  return {
    async get(key) {
      return findLive(key)?.value
    },
    async set(key, value, ttlSeconds) {
      store(key, value, ttlSeconds)
    },
    async claim(key, value, ttlSeconds) {
      if (findLive(key)) return false
      store(key, value, ttlSeconds)
      return true
    },
    async close() {
      entries.clear()
    },
  }
}
