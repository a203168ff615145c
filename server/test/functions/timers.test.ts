import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimSlot, openFunctionTimers } from '../../src/features/functions/function-timers.ts'
import { cronProblem, lastSlotMs, nextSlotMs } from '../../src/features/functions/timer-schedule.ts'
import { type ServedFunctions, serveProject } from './function-project.ts'

const at = (text: string) => Date.parse(text)
const next = (cron: string, after: string) => {
  const slotMs = nextSlotMs({ name: 't', cron }, at(after))
  return slotMs === undefined ? undefined : new Date(slotMs).toISOString()
}

describe('timer expressions', () => {
  it('have seven fields and mean the time in China', () => {
    assert.equal(next('0 0 2 * * * *', '2026-11-22T00:00:00Z'), '2026-11-22T18:00:00.000Z')
    assert.equal(next('*/5 * * * * * *', '2026-11-22T00:00:01Z'), '2026-11-22T00:00:05.000Z')
    assert.equal(next('0 0 0 1 JAN * 2027', '2026-11-22T00:00:00Z'), '2026-12-31T16:00:00.000Z')
    assert.equal(next('0 0 0 1 JAN * 2020', '2026-11-22T00:00:00Z'), undefined)
  })

  it('fire on the day or the weekday when both are given', () => {
    // 22 November 2026 is a Sunday; the next Wednesday is the 25th, the next 24th comes before it.
    assert.equal(next('0 0 12 24 * WED *', '2026-11-22T10:00:00Z'), '2026-11-24T04:00:00.000Z')
    assert.equal(next('0 0 12 24 * WED *', '2026-11-24T10:00:00Z'), '2026-11-25T04:00:00.000Z')
    assert.equal(next('0 0 12 * * 0 *', '2026-11-22T10:00:00Z'), '2026-11-29T04:00:00.000Z')
  })

  it('tell the last slot that passed', () => {
    const trigger = { name: 't', cron: '0 0 2 * * * *' }
    const nowMs = at('2026-11-22T20:00:00Z')
    assert.equal(lastSlotMs(trigger, nowMs, at('2026-11-22T00:00:00Z')), at('2026-11-22T18:00:00Z'))
    assert.equal(lastSlotMs(trigger, nowMs, at('2026-11-22T19:00:00Z')), undefined)
  })

  it('are refused when they cannot be read', () => {
    assert.equal(cronProblem('0 */5 * * * * *'), undefined)
    assert.match(cronProblem('*/5 * * * *') ?? '', /seven fields/)
    assert.match(cronProblem('0 61 * * * * *') ?? '', /not valid/)
  })
})

describe('timers', () => {
  let served: ServedFunctions
  before(async () => {
    served = await serveProject({
      'tick/index.js': `exports.main = (event) => { console.log(JSON.stringify(event)); return 'ticked' }`,
      'tick/config.json': `{ "triggers": [{ "name": "often", "type": "timer", "config": "* * * * * * *" }] }`,
      'nightly/index.js': `exports.main = () => 'cleaned'`,
      'nightly/config.json': `{ "triggers": [{ "name": "night", "type": "timer", "config": "0 0 2 * * * *" }] }`,
      'skips/index.js': `exports.main = () => 'never'`,
      'skips/config.json': `{ "sampan": { "missedTimers": "skip" }, "triggers": [{ "name": "night", "type": "timer", "config": "0 0 2 * * * *" }] }`,
    })
  })
  after(() => served.close())

  const open = (now: () => number = Date.now) => openFunctionTimers({ ...served, now })

  it('fire each slot once, also with two servers on one database', async () => {
    const [one, two] = [open(), open()]
    one.start()
    two.start()
    await sleep(2_300)
    one.close()
    two.close()
    await sleep(300)
    const calls = await served.functions.calls({ functionName: 'tick' })
    const slots = calls.map(({ requestId }) => requestId)
    assert.ok(slots.length >= 2, String(slots.length))
    assert.equal(new Set(slots).size, slots.length)
    const event = JSON.parse(calls[0]?.log[0]?.text ?? '{}')
    assert.equal(event.Type, 'Timer')
    assert.equal(event.TriggerName, 'often')
    assert.match(event.Time, /^\d{4}-/)
    const rows = await served.database.read(`SELECT state FROM timer_slots WHERE function_name = 'tick'`)
    assert.ok(rows.every((row) => row['state'] === 'done'))
  })

  it('make up for the last slot that was missed, once, unless the function wants it skipped', async () => {
    for (const functionName of ['nightly', 'skips']) {
      const slotMs = at('2026-11-20T18:00:00Z')
      await served.database.transact(claimSlot, { functionName, triggerName: 'night', slotMs })
    }
    const now = () => at('2026-11-22T20:00:00Z')
    for (let restart = 0; restart < 2; restart += 1) {
      const timers = open(now)
      timers.start()
      await sleep(600)
      timers.close()
    }
    assert.equal((await served.functions.calls({ functionName: 'nightly' })).length, 1)
    assert.equal((await served.functions.calls({ functionName: 'skips' })).length, 0)
  })

  it('can be fired by hand', async () => {
    const timers = open()
    await timers.runNow('tick', 'often', 'by-hand-1')
    const [record] = await served.functions.calls({ requestId: 'by-hand-1' })
    assert.equal(record?.status, 'ok')
    await assert.rejects(timers.runNow('tick', 'no-such', 'x'), { code: 'function_not_found' })
    assert.ok(timers.upcoming().every(({ nextMs }) => nextMs !== undefined))
    timers.close()
  })
})
