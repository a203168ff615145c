import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openCache } from '../../src/cache/open-cache.ts'
import { openMemoryCache } from '../../src/cache/open-memory-cache.ts'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import type { MetricsSource } from '../../src/features/monitor/monitor.ts'
import { countedSource } from '../../src/features/monitor/remembered-source.ts'
import { cacheSource, databaseSource } from '../../src/features/monitor/server-sources.ts'
import { createWeChatCalls } from '../../src/features/monitor/wechat-calls.ts'
import { createWeChatQuotas, QUOTA_API } from '../../src/features/monitor/wechat-quotas.ts'
import { silentLog } from '../database/database-contract.ts'
import { startPrivateMariaDb, startPrivateRedis } from '../database/private-servers.ts'

/** Asks until the source tells this: it looks in the background. */
async function told(source: MetricsSource, name: string): Promise<number> {
  for (;;) {
    const value = source().gauges?.[name]
    if (value !== undefined) return value
    await sleep(10)
  }
}

/** A clock that moves a minute at each look, so that nothing is remembered for long. */
function hastyClock() {
  let nowMs = 0
  return () => {
    nowMs += 60_000
    return nowMs
  }
}

describe('what Redis tells', async () => {
  const redis = await startPrivateRedis()
  it('its memory, what it throws away, and that it is gone', { skip: !redis && 'no redis-server' }, async (t) => {
    assert.ok(redis)
    const cache = await openCache({ redisUrl: redis.url, log: silentLog, now: Date.now })
    const { Redis } = await import('ioredis')
    const direct = new Redis(redis.url)
    t.after(() => cache.close())
    await direct.config('SET', 'maxmemory', '3mb')
    await direct.config('SET', 'maxmemory-policy', 'allkeys-lru')
    for (let turn = 0; turn < 100; turn += 1) await cache.set(`key-${turn}`, 'x'.repeat(50_000), 60)
    const source = cacheSource(cache, hastyClock())
    assert.equal(await told(source, 'cache.isDown'), 0)
    assert.ok((await told(source, 'cache.memoryUsed')) > 0.5)
    assert.ok((source().counters?.['cache.evictions'] ?? 0) > 0)
    direct.disconnect()
    await redis.kill()
    while ((await told(source, 'cache.isDown')) === 0) await sleep(10)
  })

  it('nothing without a server of its own', () => {
    assert.deepEqual(cacheSource(openMemoryCache())(), {})
  })
})

describe('what MySQL tells', async () => {
  const maria = await startPrivateMariaDb()
  it('the statements at work and the wait for a connection', { skip: !maria && 'no MariaDB' }, async (t) => {
    assert.ok(maria)
    const database: Database = await openDatabase({ url: maria.url, timeoutMs: 5_000, log: silentLog })
    t.after(async () => {
      await database.close()
      await maria.kill()
    })
    const source = databaseSource(database, hastyClock())
    assert.ok((await told(source, 'database.threadsRunning')) >= 1)
    assert.ok((await told(source, 'database.waitMs')) > 0)
    assert.equal(source().gauges?.['database.isDown'], 0)
  })
})

describe('what WeChat’s quotas tell', () => {
  it('the share of the one that is used most, asked for APIs that are called often', async () => {
    const calls = createWeChatCalls(() => 0)
    const asked: string[] = []
    const quotas = createWeChatQuotas({
      calls,
      now: hastyClock(),
      async ask(api) {
        asked.push(api)
        return { json: { quota: { daily_limit: 1_000, used: api === '/busy' ? 850 : 10 } } }
      },
    })
    assert.deepEqual(quotas.source().gauges, {}, 'not known before the first call')
    for (const [api, times] of [
      ['/busy', 30],
      ['/other', 25],
      ['/rare', 1],
      [QUOTA_API, 40],
    ] as const) {
      for (let turn = 0; turn < times; turn += 1) calls.add({ api, durationMs: 1, errcode: 0 })
    }
    while (quotas.source().gauges?.['wechat.quotaUsed'] !== 0.85) await sleep(1)
    assert.deepEqual([...new Set(asked)].sort(), ['/busy', '/other'])
    assert.deepEqual(quotas.find('/busy'), { limit: 1_000, used: 850 })
  })

  it('all of it once WeChat refuses with 45009, whatever else is known', () => {
    const calls = createWeChatCalls(() => 0)
    const quotas = createWeChatQuotas({ calls, now: () => 0, ask: () => Promise.reject(new Error('no answer')) })
    calls.add({ api: '/x', durationMs: 1, errcode: 45009 })
    assert.deepEqual(quotas.source().gauges, { 'wechat.quotaUsed': 1 })
  })
})

describe('what piles up', () => {
  it('is counted now and then under its own name, and not known while it cannot be', async () => {
    let count = async () => 3
    const source = countedSource('jobs.deadLetters', () => count(), hastyClock())
    assert.equal(await told(source, 'jobs.deadLetters'), 3)
    count = () => Promise.reject(new Error('the database is away'))
    while (source().gauges?.['jobs.deadLetters'] !== undefined) await sleep(5)
  })
})
