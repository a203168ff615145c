/** A Cache in Redis, for deployments of several processes. */
import { Redis } from 'ioredis'
import type { DatabaseLog } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { Cache, CacheHealth } from './cache.ts'

type RedisCacheSettings = { readonly url: string; readonly log: DatabaseLog }

/** A command that takes longer fails: callers do without the cache then. */
const COMMAND_TIMEOUT_MS = 1_000
const CONNECT_TIMEOUT_MS = 3_000
/** Pauses between attempts to reconnect grow up to this. */
const RECONNECT_DELAY_MAX_MS = 2_000
const RECONNECT_DELAY_STEP_MS = 100
/** One log line per outage and interval, not one per attempt. */
const LOG_INTERVAL_MS = 30_000

/** Several programs may share one Redis. */
const KEY_PREFIX = 'sampan:'

/** @throws {AppError} from each method: `database_unavailable` while Redis does not answer */
export async function openRedisCache({ url, log }: RedisCacheSettings): Promise<Cache> {
  const redis = new Redis(url, {
    keyPrefix: KEY_PREFIX,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 1,
    // Commands fail at once while there is no connection, instead of piling up.
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.min(attempt * RECONNECT_DELAY_STEP_MS, RECONNECT_DELAY_MAX_MS),
    lazyConnect: true,
  })
  let loggedAtMs = Number.NEGATIVE_INFINITY
  redis.on('error', (error) => {
    if (performance.now() - loggedAtMs < LOG_INTERVAL_MS) return
    loggedAtMs = performance.now()
    log.error({ err: error }, 'the cache does not answer')
  })
  await orUnavailable(redis.connect())

  return {
    async get(key) {
      return (await orUnavailable(redis.get(key))) ?? undefined
    },
    async set(key, value, ttlSeconds) {
      if (ttlSeconds <= 0) await orUnavailable(redis.del(key))
      else await orUnavailable(redis.set(key, value, 'PX', toMs(ttlSeconds)))
    },
    async claim(key, value, ttlSeconds) {
      if (ttlSeconds <= 0) return (await orUnavailable(redis.exists(key))) === 0
      return (await orUnavailable(redis.set(key, value, 'PX', toMs(ttlSeconds), 'NX'))) === 'OK'
    },
    async health() {
      return readHealth(await orUnavailable(redis.info()))
    },
    async close() {
      redis.disconnect()
    },
  }
}

function readHealth(info: string): CacheHealth {
  const field = (name: string) => Number(info.match(new RegExp(`^${name}:(\\d+)`, 'm'))?.[1] ?? 0)
  const limitBytes = field('maxmemory')
  return { usedShare: limitBytes ? field('used_memory') / limitBytes : undefined, evictions: field('evicted_keys') }
}

const toMs = (ttlSeconds: number) => Math.max(1, Math.ceil(ttlSeconds * 1000))

async function orUnavailable<Result>(command: Promise<Result>): Promise<Result> {
  try {
    return await command
  } catch (cause) {
    throw new AppError('database_unavailable', 'The cache does not answer.', {
      cause,
      details: { retryAfterSeconds: 1 },
    })
  }
}
