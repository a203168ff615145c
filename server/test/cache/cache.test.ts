/** What every Cache must do; memory and Redis run the same cases. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Cache } from '../../src/cache/cache.ts'
import { openCache } from '../../src/cache/open-cache.ts'
import { openMemoryCache } from '../../src/cache/open-memory-cache.ts'
import { failsWith, silentLog } from '../database/database-contract.ts'
import { startPrivateRedis } from '../database/private-servers.ts'

/** `passTime` lets so many milliseconds go by for this cache. */
type Opened = { readonly cache: Cache; readonly passTime: (ms: number) => Promise<void> }

function testCache(name: string, open: () => Promise<Opened>, skip: string | false = false) {
  describe(`cache: ${name}`, { skip }, () => {
    let cache: Cache
    let passTime: Opened['passTime']
    before(async () => {
      ;({ cache, passTime } = await open())
    })
    after(() => cache.close())

    it('answers what was set, and undefined for what was not', async () => {
      await cache.set('greeting', '你好', 60)
      assert.equal(await cache.get('greeting'), '你好')
      assert.equal(await cache.get('missing'), undefined)
    })

    it('keeps an empty value apart from a missing one', async () => {
      await cache.set('empty', '', 60)
      assert.equal(await cache.get('empty'), '')
    })

    it('lets exactly one of two racing claims win', async () => {
      const results = await Promise.all([cache.claim('k', 'a', 60), cache.claim('k', 'b', 60)])
      assert.deepEqual(results.sort(), [false, true])
    })

    it('deletes on a non-positive ttl', async () => {
      await cache.set('gone', 'x', 60)
      await cache.set('gone', 'x', 0)
      assert.equal(await cache.get('gone'), undefined)
    })

    it('forgets a value, and frees its claim, when its time is over', async () => {
      await cache.set('short', 'x', 0.05)
      await cache.claim('short-claim', 'x', 0.05)
      await passTime(100)
      assert.equal(await cache.get('short'), undefined)
      assert.equal(await cache.claim('short-claim', 'y', 60), true)
      assert.equal(await cache.get('short-claim'), 'y')
    })
  })
}

const redis = await startPrivateRedis()
const noRedis = redis ? false : 'redis-server is not installed'

testCache('memory', async () => {
  let nowMs = 0
  return {
    cache: openMemoryCache(() => nowMs),
    passTime: async (ms) => {
      nowMs += ms
    },
  }
})
testCache(
  'redis',
  async () => ({
    cache: await openCache({ redisUrl: redis?.url ?? '', log: silentLog, now: Date.now }),
    passTime: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  }),
  noRedis,
)

describe('memory cache', () => {
  it('forgets the entry that was used longest ago when there are too many', async () => {
    const cache = openMemoryCache(Date.now, { entries: 2, bytes: 1_000_000 })
    for (const key of ['a', 'b']) await cache.set(key, 'x', 60)
    await cache.get('a')
    await cache.set('c', 'x', 60)
    assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((key) => cache.get(key))), ['x', undefined, 'x'])
  })

  it('holds no more bytes than it may, and refuses a value larger than that', async () => {
    const cache = openMemoryCache(Date.now, { entries: 100, bytes: 10_000 })
    for (let i = 0; i < 10; i += 1) await cache.set(`k${i}`, 'x'.repeat(1_000), 60)
    const kept = await Promise.all(Array.from({ length: 10 }, (_, i) => cache.get(`k${i}`)))
    assert.equal(kept.filter(Boolean).length, 4)
    await cache.set('k9', 'x'.repeat(10_000), 60)
    assert.equal(await cache.get('k9'), undefined)
  })
})

describe('redis cache', { skip: noRedis }, () => {
  it('fails at once while Redis is away, and heals by itself', { timeout: 30_000 }, async () => {
    const server = await startPrivateRedis()
    assert.ok(server)
    const cache = await openCache({ redisUrl: server.url, log: silentLog, now: Date.now })
    await server.kill()
    await assert.rejects(cache.get('k'), failsWith('database_unavailable'))
    await server.restart()
    const healed = async () => {
      for (;;) {
        try {
          return await cache.set('k', 'v', 60)
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      }
    }
    await healed()
    assert.equal(await cache.get('k'), 'v')
    await cache.close()
  })
})
