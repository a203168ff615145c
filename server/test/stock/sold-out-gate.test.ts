/** What is sold out costs the database nothing, and a repetition is never refused from memory. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { openStock, type Stock } from '../../src/features/stock/stock.ts'
import { openLog } from '../../src/log.ts'

const log = openLog({ level: 'error', destination: { write: () => {} }, isPretty: false })

describe('the gate of a sale', () => {
  let dir: string
  let database: Database
  let stock: Stock
  let questions = 0
  let evenMs = 0
  before(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-stock-gate-'))
    database = await openDatabase({ url: `sqlite:${dir}/app.db`, timeoutMs: 10_000, log })
    const folder = path.resolve(import.meta.dirname, '../../migrations')
    await migrate(database, { scope: 'core', folder, appVersion: 'test', log })
    const counted: Database = {
      ...database,
      read(...question) {
        questions += 1
        return database.read(...question)
      },
      transact(...question) {
        questions += 1
        return database.transact(...question)
      },
    }
    stock = openStock({ database: counted, log, now: () => 1_000, monotonicMs: () => evenMs })
    await stock.define('sale', { items: [{ id: 'x', total: 3 }], startsAtMs: 0, endsAtMs: 9e12 })
  })
  after(async () => {
    await stock.close()
    await database.close()
    await rm(dir, { recursive: true, force: true })
  })

  const ask = (openId: string) =>
    stock.reserve({ sale: 'sale', item: 'x', quantity: 1, openId, idempotencyKey: 'k' }).then(
      ({ state }) => state,
      ({ code }) => code,
    )
  const many = (prefix: string, count: number) =>
    Promise.all(Array.from({ length: count }, (_, at) => ask(`${prefix}-${at}`)))

  it('decides a crowd that comes at once with a handful of questions', async () => {
    questions = 0
    const answers = await many('first', 2_000)
    assert.equal(answers.filter((answer) => answer === 'held').length, 3)
    assert.equal(answers.filter((answer) => answer === 'sold_out').length, 1_997)
    assert.ok(questions <= 10, `${questions} questions`)
  })

  it('refuses the rest without any, until what it knows is old', async () => {
    questions = 0
    assert.deepEqual(new Set(await many('second', 2_000)), new Set(['sold_out']))
    assert.equal(questions, 0)
    evenMs += 2_000
    await many('third', 2_000)
    assert.ok(questions > 0 && questions <= 3, `${questions} questions`)
  })

  it('asks the database for those who may have got one', async () => {
    const answers = await many('first', 2_000)
    assert.equal(answers.filter((answer) => answer === 'held').length, 3)
  })

  it('opens again for what was given back', async () => {
    const [row] = await database.read(`SELECT id, open_id FROM stock_reservations WHERE state = 'held' LIMIT 1`)
    await stock.release(String(row?.['id']), String(row?.['open_id']))
    assert.equal(await ask('late'), 'held')
    assert.equal(await ask('later'), 'sold_out')
  })
})
