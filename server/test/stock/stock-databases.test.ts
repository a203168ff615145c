/** The same promises on every database, with two server processes at once as the database sees them. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { AppError } from '../../src/errors.ts'
import { openStock, type Stock } from '../../src/features/stock/stock.ts'
import { openLog } from '../../src/log.ts'
import { createDatabase, startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'
import { checkBooks } from './stock-books.ts'

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

// biome-ignore format: a table keeps its columns
const DATABASES = [
  { name: 'SQLite',     skip: false as const,                                               url: async (dir: string) => `sqlite:${dir}/app.db` },
  { name: 'MariaDB',    skip: mariaDb ? false as const : 'mariadb-server is not installed', url: async () => (mariaDb ? createDatabase(mariaDb, 'stock') : '') },
  { name: 'PostgreSQL', skip: postgres ? false as const : 'postgresql is not installed',    url: async () => (postgres ? createDatabase(postgres, 'stock') : '') },
]
const START_MS = Date.UTC(2026, 10, 22, 4)
const HOUR_MS = 3_600_000
const log = openLog({ level: 'error', destination: { write: () => {} }, isPretty: false })

for (const { name, skip, url } of DATABASES) {
  describe(`stock: ${name}`, { skip }, () => {
    let dir: string
    let databases: Database[]
    let nodes: Stock[]
    let nowMs = START_MS
    before(async () => {
      dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-stock-'))
      const address = await url(dir)
      const open = () => openDatabase({ url: address, timeoutMs: 10_000, log })
      databases = [await open(), await open()]
      const folder = path.resolve(import.meta.dirname, '../../migrations')
      await migrate(database(), { scope: 'core', folder, appVersion: 'test', log })
      nodes = databases.map((one) => openStock({ database: one, log, now: () => nowMs, monotonicMs: () => nowMs }))
    })
    after(async () => {
      for (const node of nodes) await node.close()
      for (const one of databases) await one.close()
      await rm(dir, { recursive: true, force: true })
    })

    const database = () => databases[0] as Database // safe: opened before
    const node = (at: number) => nodes[at % nodes.length] as Stock // safe: there are two
    const define = (sale: string, items: Record<string, number>, limitPerUser = 1, holdSeconds = 900) =>
      node(0).define(sale, {
        items: Object.entries(items).map(([id, total]) => ({ id, total })),
        ...{ startsAtMs: START_MS, endsAtMs: START_MS + 1000 * HOUR_MS, limitPerUser, holdSeconds },
      })
    const reserve = (at: number, sale: string, item: string, openId: string, idempotencyKey?: string, quantity = 1) =>
      node(at).reserve({ sale, item, quantity, openId, idempotencyKey })
    const codeOf = (error: unknown) => (error instanceof AppError ? error.code : String(error))
    const atOnce = <T>(times: number, work: (at: number) => Promise<T>) =>
      Promise.all(Array.from({ length: times }, (_, at) => work(at).catch(codeOf)))
    /** Longer than anything is remembered. */
    const forget = () => {
      nowMs += 2_000
    }

    it('sells exactly what there is, whichever process is asked and however often', async () => {
      await define('flash', { phone: 50 })
      const buyers = 400
      const answers = await atOnce(buyers, async (at) => {
        const tries = [0, 1, 2].map((turn) =>
          reserve(at + turn, 'flash', 'phone', `buyer-${at}`, `key-${at}`).catch(codeOf),
        )
        return Promise.all(tries)
      })
      assert.deepEqual(await checkBooks(database(), 'flash'), { held: 50, sold: 0, remaining: 0, total: 50 })
      forget()
      const winners = new Set(
        (await database().read(`SELECT open_id FROM stock_reservations WHERE sale_id = 'flash'`)).map(
          (row) => row['open_id'],
        ),
      )
      // What each is told in the end is what the database says.
      const last = await atOnce(buyers, (at) => reserve(at, 'flash', 'phone', `buyer-${at}`, `key-${at}`))
      for (const [at, answer] of last.entries()) {
        if (winners.has(`buyer-${at}`)) assert.ok(typeof answer === 'object' && answer.state === 'held')
        else assert.equal(answer, 'sold_out')
        const said = (Array.isArray(answers[at]) ? answers[at] : []).filter((one) => typeof one === 'object')
        assert.ok(said.length === 0 || winners.has(`buyer-${at}`), 'acknowledged, but not there')
        assert.ok(new Set(said.map((one) => one.id)).size <= 1, 'two reservations for one request')
      }
    })

    it('gives one reservation for one key, wherever it arrives', async () => {
      await define('once', { seat: 10 }, 10)
      const answers = await atOnce(20, (at) => reserve(at, 'once', 'seat', 'alice', 'the-key'))
      const ids = new Set(answers.map((answer) => (typeof answer === 'object' ? answer.id : answer)))
      assert.equal(ids.size, 1, [...ids].join())
      assert.equal((await checkBooks(database(), 'once')).held, 1)
    })

    it('holds the limit over all items, whichever process is asked', async () => {
      await define('courses', { maths: 100, music: 100, art: 100 }, 2, 0)
      const items = ['maths', 'music', 'art']
      for (let turn = 0; turn < 6; turn += 1)
        await atOnce(6, (at) => reserve(at, 'courses', items[at % 3] ?? '', 'bob', `${turn}-${at}`))
      assert.equal((await checkBooks(database(), 'courses')).sold, 2)
      const more = await atOnce(1, () => reserve(0, 'courses', 'art', 'carol', 'many', 3))
      assert.deepEqual(more, ['limit_reached'])
    })

    it('counts units, not reservations', async () => {
      await define('rice', { sack: 7 }, 5)
      const answers = await atOnce(4, (at) => reserve(at, 'rice', 'sack', `family-${at}`, undefined, 3))
      assert.deepEqual(answers.filter((answer) => answer === 'sold_out').length, 2)
      assert.deepEqual(await checkBooks(database(), 'rice'), { held: 6, sold: 0, remaining: 1, total: 7 })
    })

    it('releases what was held too long, once, and sells it again', async () => {
      await define('short', { ticket: 20 }, 1, 60)
      await atOnce(40, (at) => reserve(at, 'short', 'ticket', `early-${at}`))
      nowMs += 60_000
      await Promise.all([node(0).runDue(), node(1).runDue(), node(0).runDue()])
      assert.deepEqual(await checkBooks(database(), 'short'), { held: 0, sold: 0, remaining: 20, total: 20 })
      await atOnce(40, (at) => reserve(at, 'short', 'ticket', `late-${at}`))
      assert.equal((await checkBooks(database(), 'short')).held, 20)
    })

    it('ends each reservation once when everything happens at the same moment', async () => {
      await define('ends', { unit: 60 }, 1, 60)
      const made = await atOnce(60, (at) => reserve(at, 'ends', 'unit', `user-${at}`))
      nowMs += 60_000
      await atOnce(made.length * 3, async (at): Promise<unknown> => {
        const one = made[Math.floor(at / 3)]
        assert.ok(typeof one === 'object')
        if (at % 3 === 0) return node(at).confirm(one.id)
        if (at % 3 === 1) return node(at).release(one.id, one.openId)
        return node(at).runDue()
      })
      const { held, sold, remaining } = await checkBooks(database(), 'ends')
      assert.deepEqual([held, sold + remaining], [0, 60])
    })

    it('is told by the database itself when a statement of ours were wrong', async () => {
      await define('guard', { unit: 1 })
      const { reserveTooMany, reserveTwice } = await import('./wrong-scripts.ts')
      await assert.rejects(database().transact(reserveTooMany, 'guard'))
      await assert.rejects(database().transact(reserveTwice, 'guard'))
      assert.equal((await checkBooks(database(), 'guard')).remaining, 1)
    })
  })
}
