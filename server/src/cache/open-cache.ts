import type { DatabaseLog } from '../database/database.ts'
import type { Cache } from './cache.ts'
import { openMemoryCache } from './open-memory-cache.ts'

type CacheSettings = {
  /** '' keeps the cache in this process. */
  readonly redisUrl: string
  readonly log: DatabaseLog
  readonly now: () => number
}

/** Opens the cache that REDIS_URL names. The Redis client is loaded only if it is used. */
export async function openCache({ redisUrl, log, now }: CacheSettings): Promise<Cache> {
  if (redisUrl === '') return openMemoryCache(now)
  const { openRedisCache } = await import('./open-redis-cache.ts')
  return openRedisCache({ url: redisUrl, log })
}
