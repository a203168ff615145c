/** A clock on the wall that leaps takes nobody's reservation and nobody's job away. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { openClockGuard } from '../../src/features/jobs/clock-guard.ts'
import { openStock } from '../../src/features/stock/stock.ts'
import { openLog } from '../../src/log.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const log = openLog({ level: 'error', destination: { write: () => {} }, isPretty: false })

describe('a leap of the clock', () => {
  it('is noticed in both directions, and forgiven after a minute', () => {
    let wallMs = HOUR_MS
    let evenMs = 0
    const isTrusted = openClockGuard({ now: () => wallMs, monotonicMs: () => evenMs, log })
    const pass = (ms: number) => {
      wallMs += ms
      evenMs += ms
    }
    pass(HOUR_MS)
    assert.equal(isTrusted(), true, 'time that passes is no leap')
    for (const leapMs of [HOUR_MS, -HOUR_MS, -10 * MINUTE_MS]) {
      wallMs += leapMs
      assert.equal(isTrusted(), false)
      pass(MINUTE_MS - 1)
      assert.equal(isTrusted(), false)
      pass(1)
      assert.equal(isTrusted(), true)
    }
    wallMs += 1_000
    assert.equal(isTrusted(), true, 'a second is what clocks are corrected by')
  })

  it('expires no reservation; time that passes does', async () => {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-stock-clock-'))
    const database = await openDatabase({ url: `sqlite:${dir}/app.db`, timeoutMs: 10_000, log })
    const folder = path.resolve(import.meta.dirname, '../../migrations')
    await migrate(database, { scope: 'core', folder, appVersion: 'test', log })
    let wallMs = HOUR_MS
    let evenMs = 0
    const stock = openStock({ database, log, now: () => wallMs, monotonicMs: () => evenMs })
    await stock.define('sale', { items: [{ id: 'x', total: 1 }], startsAtMs: 0, endsAtMs: 9e12, holdSeconds: 600 })
    await stock.reserve({ sale: 'sale', item: 'x', quantity: 1, openId: 'alice', idempotencyKey: undefined })
    stock.start()
    const state = async () => (await stock.reservationsOf('sale', 'alice'))[0]?.state

    wallMs += HOUR_MS
    await sleep(1_500)
    assert.equal(await state(), 'held')
    wallMs -= HOUR_MS
    await sleep(1_500)
    wallMs += 10 * MINUTE_MS
    evenMs += 10 * MINUTE_MS
    for (let waited = 0; waited < 100 && (await state()) === 'held'; waited += 1) await sleep(50)
    assert.equal(await state(), 'released')
    await stock.close()
    await database.close()
    await rm(dir, { recursive: true, force: true })
  })
})
