/**
 * E-05, E-16 and E-17 at the public API, small: the database under the document engine is frozen and killed while phones
 * write with Idempotency-Keys, and repeat what failed. Nobody waits longer than the deadline, nothing acknowledged is
 * lost, and nothing that was repeated is there twice.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import {
  createDatabase,
  type PrivateServer,
  startPrivateMariaDb,
  startPrivatePostgres,
} from '../database/private-servers.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

const DEADLINE_MS = 3_000
/** The server's sweep over late requests, and this process's own work. */
const TOLERANCE_MS = 1_000
const CALLERS = 12
const FROZEN_MS = 5_000
const KILLS = 3
const HEALED_WITHIN_MS = 20_000

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

testOutageOverHttp('MariaDB', mariaDb, mariaDb ? false : 'mariadb-server is not installed')
testOutageOverHttp('PostgreSQL', postgres, postgres ? false : 'postgresql is not installed')

type Call = { readonly tookMs: number; readonly status: number; readonly retryAfter: string | null }

function testOutageOverHttp(name: string, database: PrivateServer | undefined, skip: string | false) {
  describe(`outages over HTTP: ${name}`, { skip, timeout: 180_000 }, () => {
    let server: TestServer
    before(async () => {
      assert.ok(database)
      server = await startTestServer({
        settings: {
          DATABASE_URL: await createDatabase(database, 'outage_http'),
          STATEMENT_TIMEOUT_MS: '2000',
          REQUEST_DEADLINE_MS: String(DEADLINE_MS),
        },
        project: { collections: [{ name: 'notes', rules: 'PRIVATE', indexes: [] }] },
      })
    })
    after(() => server.close())

    it('answers 503 with Retry-After in time while the database is frozen, and heals by itself', async () => {
      assert.ok(database)
      const load = startLoad(server, 'frozen')
      await pause(500)
      const frozen = [database.pid(), ...childrenOf(database.pid())]
      for (const pid of frozen) process.kill(pid, 'SIGSTOP')
      await pause(FROZEN_MS / 2)
      const alive = await server.get('/livez')
      const ready = await server.get('/readyz')
      await pause(FROZEN_MS / 2)
      for (const pid of frozen.reverse()) process.kill(pid, 'SIGCONT')
      await untilHealed(server)
      const done = await load.stop()
      assert.equal(alive.status, 200)
      assert.equal(ready.status, 503)
      assert.ok(done.calls.some(({ status }) => status === 503))
      await assertSound(server, 'frozen', done)
    })

    it(`loses and repeats nothing when the database is killed ${KILLS} times under load`, async () => {
      assert.ok(database)
      const load = startLoad(server, 'killed')
      for (let kill = 0; kill < KILLS; kill++) {
        await pause(300 + Math.random() * 300)
        await database.kill()
        await pause(200)
        await database.restart()
        await untilHealed(server)
      }
      await assertSound(server, 'killed', await load.stop())
    })
  })
}

const add = (server: TestServer, key: string) =>
  server.post('/v1/documents/add', { collection: 'notes', data: { key } }, server.localToken, {
    'idempotency-key': key,
  })

/** Callers that write one note after the other, and repeat each under its key until it is acknowledged. */
function startLoad(server: TestServer, prefix: string) {
  const calls: Call[] = []
  const acknowledged: string[] = []
  let isStopped = false
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let n = 0; !isStopped; n++) {
      const key = `${prefix}-${caller}-${n}`
      for (let isDone = false; !isDone && !isStopped; ) {
        const startedMs = performance.now()
        const { status, headers } = await add(server, key)
        calls.push({ status, retryAfter: headers.get('retry-after'), tookMs: performance.now() - startedMs })
        isDone = status === 200
        if (isDone) acknowledged.push(key)
        else await pause(20)
      }
    }
  })
  return {
    async stop() {
      isStopped = true
      await Promise.all(callers)
      return { calls, acknowledged }
    },
  }
}

async function assertSound(
  server: TestServer,
  prefix: string,
  { calls, acknowledged }: { calls: readonly Call[]; acknowledged: readonly string[] },
) {
  const wrong = calls.filter(({ status, retryAfter }) => status !== 200 && !(status === 503 && Number(retryAfter) > 0))
  assert.deepEqual(wrong.slice(0, 3), [])
  const slowest = Math.max(...calls.map(({ tookMs }) => tookMs))
  assert.ok(slowest < DEADLINE_MS + TOLERANCE_MS, `a request took ${slowest} ms`)
  assert.ok(acknowledged.length > CALLERS)
  const times = new Map<string, number>()
  for (const key of await storedKeys(server, prefix)) times.set(key, (times.get(key) ?? 0) + 1)
  assert.deepEqual(
    acknowledged.filter((key) => !times.has(key)),
    [],
    'acknowledged, and lost',
  )
  assert.deepEqual(
    [...times].filter(([, count]) => count > 1),
    [],
    'one key, several notes',
  )
}

async function storedKeys(server: TestServer, prefix: string): Promise<string[]> {
  const stages = [{ $match: { key: { $regex: `^${prefix}-` } } }, { $project: { key: 1 } }, { $limit: 100_000 }]
  const { status, body, text } = await server.post(
    '/v1/documents/aggregate',
    { collection: 'notes', stages },
    server.localToken,
  )
  assert.equal(status, 200, text)
  return body.data.map(({ key }: { key: string }) => key)
}

async function untilHealed(server: TestServer) {
  const giveUpMs = performance.now() + HEALED_WITHIN_MS
  while ((await server.get('/readyz')).status !== 200) {
    assert.ok(performance.now() < giveUpMs, 'did not heal')
    await pause(100)
  }
}

/** PostgreSQL works in processes: one per connection. */
function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean).map(Number)
}
