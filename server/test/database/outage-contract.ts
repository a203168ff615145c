/** What happens to callers while a database server is frozen, stopped or killed, and afterwards. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, describe, it } from 'node:test'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { AppError } from '../../src/errors.ts'
import { silentLog } from './database-contract.ts'
import { findDamage, ORDER_TABLES, placeOrder } from './order-scripts.ts'
import { createDatabase, type PrivateServer } from './private-servers.ts'

/** The longest that anything may take, frozen database or not. */
const DEADLINE_MS = 3_000
const CALLERS = 24
const FROZEN_MS = 5_000
const KILLS = 5
/** Once the breaker has opened, nobody should wait any more. */
const FAST_MS = 250

type Call = { readonly startedMs: number; readonly tookMs: number; readonly error: unknown }

export function testOutages(name: string, server: PrivateServer | undefined, skip: string | false) {
  describe(`outages: ${name}`, { skip, timeout: 180_000 }, () => {
    const opened: Database[] = []
    after(() => Promise.all(opened.map((database) => database.close())))

    const open = async (databaseName: string) => {
      assert.ok(server)
      const url = await createDatabase(server, databaseName)
      const database = await openDatabase({ url, timeoutMs: DEADLINE_MS, connections: 4, log: silentLog })
      opened.push(database)
      for (const sql of ORDER_TABLES) await database.define(sql)
      return database
    }

    it('answers 503 in time while the server is frozen, and heals by itself', async () => {
      assert.ok(server)
      const database = await open('frozen')
      const load = startLoad(database, 'frozen')
      await pause(300)
      process.kill(server.pid(), 'SIGSTOP')
      for (const child of childrenOf(server.pid())) process.kill(child, 'SIGSTOP')
      const frozenMs = performance.now()
      await pause(FROZEN_MS)
      for (const child of childrenOf(server.pid())) process.kill(child, 'SIGCONT')
      process.kill(server.pid(), 'SIGCONT')
      await until(() => placed(database, `healed-${performance.now()}`))
      const { calls, acknowledged } = await load.stop()

      const failed = calls.filter(({ error }) => error)
      assert.ok(failed.length > 0)
      for (const { error } of failed) assertUnavailable(error)
      const slowest = Math.max(...calls.map(({ tookMs }) => tookMs))
      assert.ok(slowest < DEADLINE_MS + FAST_MS, `a call took ${slowest} ms`)
      const late = failed.filter(
        ({ startedMs }) => startedMs > frozenMs + DEADLINE_MS && startedMs < frozenMs + FROZEN_MS,
      )
      assert.ok(late.length > 0)
      assert.ok(
        late.some(({ tookMs }) => tookMs < FAST_MS),
        'the breaker did not open',
      )
      await assertSound(database, acknowledged)
    })

    it(`loses nothing acknowledged when the server is killed ${KILLS} times under load`, async () => {
      assert.ok(server)
      const database = await open('killed')
      const load = startLoad(database, 'killed')
      for (let kill = 0; kill < KILLS; kill += 1) {
        await pause(100 + Math.random() * 200)
        await server.kill()
        await pause(100)
        await server.restart()
        await until(() => placed(database, `alive-${kill}`))
      }
      const { calls, acknowledged } = await load.stop()
      for (const { error } of calls) if (error) assertUnavailable(error)
      const slowest = Math.max(...calls.map(({ tookMs }) => tookMs))
      assert.ok(slowest < DEADLINE_MS + FAST_MS, `a call took ${slowest} ms`)
      assert.ok(acknowledged.size > 0)
      await assertSound(database, acknowledged)
    })
  })
}

/** Undefined, or why it failed. Every other order is looked up too, so that reads meet the outage as well. */
async function place(database: Database, order: string, acknowledged: Set<string>): Promise<unknown> {
  try {
    await database.transact(placeOrder, order)
    acknowledged.add(order)
    if (acknowledged.size % 2) await database.read('SELECT id FROM orders WHERE id = ?', [order], { cost: 'cheap' })
    return undefined
  } catch (error) {
    return error
  }
}

/** Callers that place one order after the other, whatever happens. */
function startLoad(database: Database, prefix: string) {
  const calls: Call[] = []
  const acknowledged = new Set<string>()
  let isStopped = false
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let n = 0; !isStopped; n += 1) {
      const order = `${prefix}-${caller}-${n}`
      const startedMs = performance.now()
      const error = await place(database, order, acknowledged)
      calls.push({ startedMs, tookMs: performance.now() - startedMs, error })
      if (error) await pause(20)
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

function assertUnavailable(error: unknown) {
  assert.ok(error instanceof AppError, `${error}`)
  assert.equal(error.code, 'database_unavailable')
  assert.equal(error.details?.['retryAfterSeconds'], 1)
}

async function assertSound(database: Database, acknowledged: ReadonlySet<string>) {
  const { lost, torn } = await findDamage(database, acknowledged)
  assert.deepEqual({ lost, torn }, { lost: [], torn: [] })
  const { queuedWrites, queuedReads, busyReaders } = database.stats()
  assert.deepEqual({ queuedWrites, queuedReads, busyReaders }, { queuedWrites: 0, queuedReads: 0, busyReaders: 0 })
  const sql =
    database.dialect.name === 'mysql'
      ? 'SELECT COUNT(*) AS n FROM information_schema.processlist WHERE db = DATABASE()'
      : 'SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database()'
  await until(async () => Number((await database.read(sql))[0]?.['n']) <= 4) // the pool's size: none leaked
}

const placed = (database: Database, order: string) =>
  database.transact(placeOrder, order).then(
    () => true,
    () => false,
  )

async function until(isTrue: () => Promise<boolean>) {
  const giveUpMs = performance.now() + 20_000
  while (!(await isTrue())) {
    assert.ok(performance.now() < giveUpMs, 'did not heal within 20 s')
    await pause(50)
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** PostgreSQL works in processes: one per connection. */
function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean).map(Number)
}
