/** The books on every database, with everything at the same moment: what the statements promise, each server must keep. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Payments } from '../../src/features/payments/payments.ts'
import { createDatabase, startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'
import { HOUR_MS, MINUTE_MS, type PaymentsUnderTest, startPayments } from './start-payments.ts'

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

// biome-ignore format: a table keeps its columns
const DATABASES = [
  { name: 'SQLite',     skip: false as const,                                               url: async () => '' },
  { name: 'MariaDB',    skip: mariaDb ? false as const : 'mariadb-server is not installed', url: async () => (mariaDb ? createDatabase(mariaDb, 'payments') : '') },
  { name: 'PostgreSQL', skip: postgres ? false as const : 'postgresql is not installed',    url: async () => (postgres ? createDatabase(postgres, 'payments') : '') },
]

for (const { name, skip, url } of DATABASES) {
  describe(`payments: ${name}`, { skip }, () => {
    let shop: PaymentsUnderTest
    /** Three server processes of one deployment, as the database sees them. */
    let servers: Payments[]
    before(async () => {
      shop = await startPayments({}, {}, await url())
      servers = [shop.payments, await shop.openBooksElsewhere(), await shop.openBooksElsewhere()]
    })
    after(() => shop?.close())

    const atOnce = <T>(times: number, work: (at: number) => Promise<T>) =>
      Promise.allSettled(Array.from({ length: times }, (_, at) => work(at)))
    const server = (at: number) => servers[at % servers.length] ?? shop.payments
    const order = async (outTradeNo: string) => {
      const [row] = await shop.rows(
        'SELECT state, refundable_fen, refunded_fen FROM pay_orders WHERE out_trade_no = ?',
        [outTradeNo],
      )
      return [row?.['state'], Number(row?.['refundable_fen']), Number(row?.['refunded_fen'])]
    }

    it('place one order for many requests', async () => {
      const ways = await atOnce(9, (at) => server(at).place(shop.request('order-0001', 1000)))
      assert.deepEqual(
        ways.filter(({ status }) => status === 'rejected'),
        [],
      )
      assert.deepEqual(await order('order-0001'), ['unpaid', 1000, 0])
    })

    it('credit once what notifications, repetitions and queries bring together', async () => {
      await shop.payOrder('order-0001')
      const again = shop.received.at(-1)
      assert.ok(again)
      const ways = await atOnce(24, async (at) => {
        if (at % 3 === 0) return (await server(at / 3).query({ outTradeNo: 'order-0001' })).state === 'paid'
        if (at % 3 === 1) return (await shop.simulator.pay.notifyAgain('order-0001')) === 204
        await server(Math.floor(at / 3)).takeNotification(again.headers, again.body)
        return true
      })
      assert.deepEqual(
        new Set(ways.map((way) => (way.status === 'fulfilled' ? way.value : way.reason))),
        new Set([true]),
      )
      assert.deepEqual(await shop.entries('order-0001'), ['notify 1000'])
      await atOnce(4, (at) => server(at).runDue())
      assert.equal(shop.told.length, 1)
    })

    it('credit once when the first word comes from everywhere at once', async () => {
      shop.simulator.pay.notify.habits.lossRate = 1
      for (let number = 10; number < 20; number += 1) {
        const outTradeNo = `order-00${number}`
        await shop.place(outTradeNo)
        await shop.payOrder(outTradeNo)
        await shop.simulator.pay.notifyAgain(outTradeNo, { isProbe: true })
        const ways = await atOnce(9, (at) =>
          at % 3
            ? shop.simulator.pay.notifyAgain(outTradeNo)
            : shop
                .openBooks()
                .query({ outTradeNo })
                .then(() => 204),
        )
        assert.deepEqual(
          new Set(ways.map((way) => (way.status === 'fulfilled' ? way.value : way.reason))),
          new Set([204]),
        )
        assert.equal((await shop.entries(outTradeNo)).length, 1)
      }
      shop.simulator.pay.notify.habits.lossRate = 0
    })

    it('never refund more than was paid, and enter each refund once', async () => {
      const request = { outTradeNo: 'order-0001', refundFen: 300, totalFen: 1000, reason: '', functionName: 'refunded' }
      const ways = await atOnce(12, (at) =>
        server(Math.floor(at / 4)).refund({ ...request, outRefundNo: `back-${at % 6}` }),
      )
      for (const way of ways) if (way.status === 'rejected') assert.equal(way.reason.code, 'refund_not_possible')
      await sleep(30)
      await shop.simulator.pay.notify.settle()
      shop.advance(MINUTE_MS)
      await atOnce(3, (at) => server(at).runDue())
      assert.deepEqual(await order('order-0001'), ['paid', 100, 900])
      assert.equal(shop.simulator.pay.ledger().find(({ outTradeNo }) => outTradeNo === 'order-0001')?.refundedFen, 900)
      const fen = await shop.rows('SELECT SUM(fen) AS fen FROM pay_entries WHERE out_trade_no = ?', ['order-0001'])
      assert.equal(Number(fen[0]?.['fen']), 100)
      assert.equal(shop.told.filter(({ functionName }) => functionName === 'refunded').length, 3)
    })

    it('close what is over, and agree with the bill', async () => {
      await shop.place('order-0002')
      shop.advance(2 * HOUR_MS)
      await atOnce(3, (at) => server(at).runDue())
      assert.deepEqual(await order('order-0002'), ['closed', 100, 0])
      shop.advance(22 * HOUR_MS)
      const report = await shop.payments.reconcile('2026-11-22')
      assert.deepEqual([report?.lines, report?.differences], [14, []])
      await atOnce(3, (at) => server(at).reconcile('2026-11-22'))
      assert.deepEqual(await shop.findings(), [])
    })
  })
}
