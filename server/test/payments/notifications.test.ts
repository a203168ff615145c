import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { NotifyTrick } from '@sampan/simulator'
import { MINUTE_MS, type PaymentsUnderTest, START_MS, startPayments } from './start-payments.ts'

/** Hostile, repeated and reordered notifications, against the real route. */
for (const keyMode of ['public-key', 'certificate', 'mixed'] as const) {
  describe(`payment notifications (${keyMode})`, () => {
    let shop: PaymentsUnderTest
    before(async () => {
      shop = await startPayments({ keyMode })
      await shop.place('unpaid-001', 500)
      await shop.place('victim-001', 500)
      await shop.place('other-0001', 500)
      // The books know nothing of it: what follows may only come from notifications.
      shop.simulator.pay.notify.habits.lossRate = 1
      shop.simulator.pay.payOrder('victim-001')
      shop.simulator.pay.payOrder('other-0001')
      shop.simulator.pay.notify.habits.lossRate = 0
    })
    after(() => shop.close())

    const totals = async () => shop.rows('SELECT SUM(fen) AS fen, COUNT(*) AS entries FROM pay_entries')

    // biome-ignore format: a table keeps its columns
    const HOSTILE: [string, NotifyTrick, number, string][] = [
      ['a forged signature',         { forgeSignature: true },                                401, 'signature'],
      ['a changed body',             { changeBody: true },                                    401, 'signature'],
      ["WeChat Pay's own probe",     { isProbe: true },                                       401, 'probe'],
      ['a timestamp 6 minutes ago',  { atMs: START_MS - 6 * MINUTE_MS },                      401, 'clock'],
      ['a timestamp in 6 minutes',   { atMs: START_MS + 6 * MINUTE_MS },                      401, 'clock'],
      ['an unknown serial',          { serial: 'PUB_KEY_ID_0000' },                           401, 'serial'],
      ['another merchant',           { facts: { mchid: '1' } },                               401, 'mchid'],
      ['another app',                { facts: { appid: 'wxother' } },                         401, 'appid'],
      ['one fen too few',            { facts: { amount: { total: 499, currency: 'CNY' } } },  409, 'mismatch'],
      ['one fen too many',           { facts: { amount: { total: 501, currency: 'CNY' } } },  409, 'mismatch'],
      ['another payer',              { facts: { payer: { openid: 'somebody' } } },            409, 'mismatch'],
      ['an order nobody placed',     { facts: { out_trade_no: 'nobody-0001' } },              409, 'mismatch'],
      ['no transaction number',      { facts: { transaction_id: null } },                     409, 'mismatch'],
      ['a state that is not paid',   { facts: { trade_state: 'NOTPAY' } },                    401, 'signature_invalid'],
    ]
    for (const [name, trick, status, reason] of HOSTILE) {
      it(`are refused and counted with ${name}, and nobody is asked`, async () => {
        const countBefore = shop.payments.refusals()[reason] ?? 0
        const callsBefore = shop.simulator.calls.list().length
        assert.equal(await shop.simulator.pay.notifyAgain('victim-001', trick), status)
        assert.equal(shop.payments.refusals()[reason], countBefore + 1)
        assert.equal(shop.simulator.calls.list().length, callsBefore)
        assert.deepEqual([await shop.state('victim-001'), await shop.entries('victim-001')], ['unpaid', []])
      })
    }

    it('are refused with the sealed part of another order', async () => {
      await shop.simulator.pay.notifyAgain('other-0001', { isProbe: true })
      const [other] = shop.received.slice(-1)
      await shop.simulator.pay.notifyAgain('victim-001', { isProbe: true })
      const [victim] = shop.received.slice(-1)
      assert.ok(other && victim)
      const mixed = { ...JSON.parse(String(victim.body)), resource: JSON.parse(String(other.body)).resource }
      for (const headers of [other.headers, victim.headers])
        assert.equal(await post(JSON.stringify(mixed), headers), 401)
      assert.deepEqual(await totals(), [{ fen: null, entries: 0 }])
    })

    it('are refused when they are nonsense, large or empty', async () => {
      assert.equal(await post('{}', {}), 401)
      assert.equal(await post('', {}), 401)
      assert.equal(await post('x'.repeat(1024 * 1024), {}), 413)
      assert.equal(await post('{"id":', { 'content-type': 'application/json' }), 401)
      assert.equal(await post('a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 401)
    })

    it('leave a finding for a person where the money is true and the order is not', async () => {
      assert.deepEqual(await shop.findings(), [
        'amount victim-001',
        'payer victim-001',
        'unknown_payment nobody-0001',
        'unknown_payment victim-001',
      ])
    })

    it('are credited once, however often, at once and repeated later', async () => {
      const statuses = await Promise.all(Array.from({ length: 15 }, () => shop.simulator.pay.notifyAgain('victim-001')))
      assert.deepEqual(new Set(statuses), new Set([204]))
      const original = shop.received.at(-1)
      assert.ok(original)
      const repeated = await Promise.all(
        Array.from({ length: 15 }, () => post(String(original.body), original.headers)),
      )
      assert.deepEqual(new Set(repeated), new Set([204]))
      await shop.payments.query({ outTradeNo: 'victim-001' })
      assert.deepEqual(await shop.entries('victim-001'), ['notify 500'])
      await shop.payments.runDue()
      assert.equal(shop.told.filter(({ event }) => event['outTradeNo'] === 'victim-001').length, 1)
    })

    it('are credited once by two processes that get them at the same moment', async () => {
      await shop.simulator.pay.notifyAgain('other-0001', { isProbe: true })
      const ways = await Promise.allSettled(
        Array.from({ length: 10 }, (_, at) =>
          at % 2 ? shop.openBooks().query({ outTradeNo: 'other-0001' }) : shop.simulator.pay.notifyAgain('other-0001'),
        ),
      )
      assert.deepEqual(new Set(ways.map(({ status }) => status)), new Set(['fulfilled']))
      assert.equal((await shop.entries('other-0001')).length, 1)
    })

    it('find a second payment under another number', async () => {
      const trick = { facts: { transaction_id: '4200999999' } }
      assert.equal(await shop.simulator.pay.notifyAgain('victim-001', trick), 409)
      assert.ok((await shop.findings()).includes('second_payment victim-001'))
      assert.deepEqual(await shop.entries('victim-001'), ['notify 500'])
    })

    it('never reach the order that nobody paid', async () => {
      assert.deepEqual([await shop.state('unpaid-001'), await shop.entries('unpaid-001')], ['unpaid', []])
    })

    it('write no openid and no key into the log', () => {
      const text = shop.logLines.join('\n')
      const { apiV3Key } = shop.simulator.pay.credentials()
      assert.ok(text.length > 0 && !text.includes(shop.openId) && !text.includes(apiV3Key))
    })

    const post = async (body: string, headers: Record<string, string>) => {
      const kept = Object.entries(headers).filter(([name]) => /^(wechatpay-|content-type)/.test(name))
      const response = await fetch(`${shop.url}/v1/payments/notify`, {
        method: 'POST',
        body,
        headers: Object.fromEntries(kept),
      })
      await response.arrayBuffer()
      return response.status
    }
  })
}

describe('the report of payments', () => {
  it('is for the owner', async (t) => {
    const shop = await startPayments()
    t.after(() => shop.close())
    const get = (authorization?: string) =>
      fetch(`${shop.url}/v1/payments/report`, { headers: authorization ? { authorization } : {} })
    assert.equal((await get()).status, 403)
    const answer = await get('Bearer local-token-of-the-test-0123456789')
    assert.deepEqual(await answer.json(), { findings: [], refusedNotifications: {} })
  })
})
