/**
 * E-10: payment, expiry, cancellation and refund of the same reservation at the same moment, on two processes, with a
 * clock that the test moves. Each unit ends in exactly one state, and whoever paid has the unit or the money back, once.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Payments } from '../../src/features/payments/payments.ts'
import { openStock, type Stock } from '../../src/features/stock/stock.ts'
import { openLog } from '../../src/log.ts'
import { createDatabase, startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'
import { MINUTE_MS, type PaymentsUnderTest, startPayments } from '../payments/start-payments.ts'
import { checkBooks } from './stock-books.ts'

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

// biome-ignore format: a table keeps its columns
const DATABASES = [
  { name: 'SQLite',     units: 80,  skip: false as const,                                               url: async () => '' },
  { name: 'MariaDB',    units: 40,  skip: mariaDb ? false as const : 'mariadb-server is not installed', url: async (shop: string) => (mariaDb ? createDatabase(mariaDb, shop) : '') },
  { name: 'PostgreSQL', units: 40,  skip: postgres ? false as const : 'postgresql is not installed',    url: async (shop: string) => (postgres ? createDatabase(postgres, shop) : '') },
]
const log = openLog({ level: 'error', destination: { write: () => {} }, isPretty: false })
const PRICE_FEN = 100

type Shop = {
  readonly pay: PaymentsUnderTest
  readonly books: readonly Payments[]
  readonly nodes: readonly Stock[]
  readonly close: () => Promise<void>
}

async function openShop(databaseUrl: string): Promise<Shop> {
  const pay = await startPayments({ takesAnyPayer: true }, {}, databaseUrl)
  const nodes = [0, 1].map(() => openStock({ database: pay.database, log, now: pay.now, monotonicMs: pay.now }))
  return {
    pay,
    nodes,
    books: [pay.payments, await pay.openBooksElsewhere()],
    async close() {
      for (const node of nodes) await node.close()
      await pay.close()
    },
  }
}

const define = ({ pay, nodes }: Shop, sale: string, total: number) =>
  nodes[0]?.define(sale, {
    items: [{ id: 'unit', total }],
    ...{ startsAtMs: pay.now(), endsAtMs: pay.now() + 1000 * MINUTE_MS, holdSeconds: 300 },
  })

async function reserveAndOrder({ pay, nodes }: Shop, sale: string, openId: string) {
  const node = nodes[0]
  assert.ok(node)
  const reservation = await node.reserve({ sale, item: 'unit', quantity: 1, openId, idempotencyKey: undefined })
  await pay.payments.place({ ...pay.request(reservation.id, PRICE_FEN), openId })
  return reservation
}

const inTurn = async (work: () => unknown) => work()

/** Everything that is still under way, to its end. */
async function settle({ pay, books, nodes }: Shop) {
  for (let round = 0; round < 6; round += 1) {
    await sleep(20)
    await pay.simulator.pay.notify.settle()
    for (const book of books) await book.runDue()
    for (const node of nodes) await node.runDue()
    pay.advance(2 * MINUTE_MS)
  }
}

const stateOf = async ({ pay }: Shop, id: string) => {
  const [row] = await pay.rows('SELECT state, reason FROM stock_reservations WHERE id = ?', [id])
  return [row?.['state'], row?.['reason']]
}
const refundsOf = async ({ pay }: Shop, id: string) =>
  (await pay.rows('SELECT out_refund_no FROM pay_refunds WHERE out_trade_no = ?', [id])).map(
    (row) => row['out_refund_no'],
  )

for (const { name, units, skip, url } of DATABASES) {
  describe(`stock and payments: ${name}`, { skip }, () => {
    let shops = 0
    // A merchant of its own, so that payments of different tests never have the same number.
    const withShop = (work: (shop: Shop) => Promise<void>) => async () => {
      shops += 1
      const shop = await openShop(await url(`shop-${shops}`))
      try {
        await work(shop)
      } finally {
        await shop.close()
      }
    }

    it(
      'sell what is paid, release what is not, and put on sale again what is refunded',
      withShop(async (shop) => {
        const sale = `plain-${Date.now()}`
        await define(shop, sale, 3)
        const [paid, unpaid, refunded] = [
          await reserveAndOrder(shop, sale, 'alice'),
          await reserveAndOrder(shop, sale, 'bob'),
          await reserveAndOrder(shop, sale, 'carol'),
        ]
        const [order] = await shop.pay.rows('SELECT expires_at_ms FROM pay_orders WHERE out_trade_no = ?', [paid.id])
        assert.equal(Number(order?.['expires_at_ms']), shop.pay.now() + 5 * MINUTE_MS, 'the order ends with the hold')
        await shop.pay.payOrder(paid.id)
        await shop.pay.payOrder(refunded.id)
        const refund = {
          outTradeNo: refunded.id,
          refundFen: PRICE_FEN,
          totalFen: PRICE_FEN,
          reason: '',
          functionName: '',
        }
        await shop.pay.payments.refund({ ...refund, outRefundNo: `back-${refunded.id}` })
        shop.pay.advance(5 * MINUTE_MS)
        await settle(shop)
        assert.deepEqual(await stateOf(shop, paid.id), ['sold', null])
        assert.deepEqual(await stateOf(shop, unpaid.id), ['released', 'order-closed'])
        assert.deepEqual(await stateOf(shop, refunded.id), ['released', 'refunded'])
        assert.deepEqual(await checkBooks(shop.pay.database, sale), { held: 0, sold: 1, remaining: 2, total: 3 })
      }),
    )

    it(
      'give a late payer the unit if it is there, and the money back if it is not',
      withShop(async (shop) => {
        const sale = `late-${Date.now()}`
        await define(shop, sale, 2)
        const lucky = await reserveAndOrder(shop, sale, 'alice')
        const unlucky = await reserveAndOrder(shop, sale, 'bob')
        for (const { id, openId } of [lucky, unlucky]) await shop.nodes[0]?.release(id, openId)
        await shop.nodes[0]?.reserve({ sale, item: 'unit', quantity: 1, openId: 'carol', idempotencyKey: undefined })
        await shop.pay.payOrder(lucky.id)
        await shop.pay.payOrder(unlucky.id)
        for (const id of [lucky.id, unlucky.id]) await shop.pay.simulator.pay.notifyAgain(id)
        await settle(shop)
        assert.deepEqual(await stateOf(shop, lucky.id), ['sold', null])
        assert.deepEqual(await refundsOf(shop, lucky.id), [])
        assert.deepEqual(await stateOf(shop, unlucky.id), ['released', 'cancelled'])
        assert.deepEqual(await refundsOf(shop, unlucky.id), [`late-${unlucky.id}`])
        assert.equal(await shop.pay.state(unlucky.id), 'refunded')
        const told = shop.pay.told.filter(({ event }) => event['outTradeNo'] === unlucky.id)
        assert.deepEqual(
          told.map(({ event }) => event['refundStatus']),
          ['SUCCESS'],
          'nobody is told to deliver it',
        )
      }),
    )

    it(
      `end each of ${units} reservations once when all of it happens at the same moment`,
      withShop(async (shop) => {
        const { pay, books, nodes } = shop
        const sale = `race-${Date.now()}`
        await define(shop, sale, units)
        const made = []
        for (let at = 0; at < units; at += 1) made.push(await reserveAndOrder(shop, sale, `buyer-${at}`))
        const [expiresAtMs] = made.map((one) => one.expiresAtMs ?? 0)
        pay.advance((expiresAtMs ?? 0) - pay.now() - 1)
        const tries: Promise<unknown>[] = []
        for (const [at, { id, openId }] of made.entries()) {
          // Who comes to pay after the order's end finds it closed; the promise keeps that failure beside the others.
          if (at % 4 !== 3) tries.push(inTurn(() => pay.simulator.pay.payOrder(id)))
          if (at % 2 === 0) tries.push(...nodes.map((node) => node.release(id, openId)))
          tries.push(...books.map((book) => book.query({ outTradeNo: id })))
          if (at % 5 === 0) {
            const refund = { outTradeNo: id, refundFen: PRICE_FEN, totalFen: PRICE_FEN, reason: '', functionName: '' }
            tries.push(...books.map((book) => book.refund({ ...refund, outRefundNo: `back-${id}` })))
          }
          if (at === units / 2) {
            pay.advance(6 * MINUTE_MS)
            tries.push(...books.map((book) => book.runDue()), ...nodes.map((node) => node.runDue()))
          }
        }
        await Promise.allSettled(tries)
        await checkBooks(pay.database, sale)
        await settle(shop)
        const sums = await checkBooks(pay.database, sale)
        assert.equal(sums.held, 0)

        const ledger = new Map(pay.simulator.pay.ledger().map((entry) => [entry.outTradeNo, entry]))
        for (const { id } of made) {
          const [state] = await stateOf(shop, id)
          const order = await pay.state(id)
          const refunds = await refundsOf(shop, id)
          assert.ok(refunds.length <= 1, `${id}: refunded as ${refunds.join()}`)
          // The unit is with whoever paid and did not get the money back, and with nobody else.
          assert.equal(state, order === 'paid' ? 'sold' : 'released', `${id}: ${order}, and the unit is ${state}`)
          const theirs = ledger.get(id)
          const expectedFen = order === 'refunded' ? PRICE_FEN : 0
          assert.equal(theirs?.refundedFen ?? 0, expectedFen, `${id}: WeChat Pay's books`)
        }
      }),
    )
  })
}
