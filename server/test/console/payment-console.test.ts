import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { openSimulator } from '@sampan/simulator'
import { runStatement } from '../../src/database/run-statement.ts'
import { errorCode, setUpOwner, startConsole } from './start-console.ts'

const APP_ID = 'wx0123456789abcdef'

/** A console whose server has the simulator's merchant. */
async function startWithMerchant(t: TestContext) {
  const simulator = await openSimulator({ appId: APP_ID, secret: 's', merchant: { takesAnyPayer: true } })
  const merchant = simulator.pay.credentials()
  const server = await startConsole(t, Date.now, {
    WECHAT_BASE_URL: simulator.url,
    WECHAT_PAY_BASE_URL: simulator.url,
    WECHAT_PAY_MCH_ID: merchant.mchId,
    WECHAT_PAY_API_V3_KEY: merchant.apiV3Key,
    WECHAT_PAY_SERIAL: merchant.merchantSerial,
    WECHAT_PAY_PRIVATE_KEY: merchant.merchantPrivateKeyPem,
    WECHAT_PAY_PUBLIC_KEY_ID: merchant.publicKeyId,
    WECHAT_PAY_PUBLIC_KEY: merchant.publicKeyPem,
  })
  t.after(() => simulator.close())
  return { server, simulator, owner: await setUpOwner(server) }
}

type Report = { today: { paidFen: number }; findings: { kind: string; isSeen: boolean }[]; isEnabled: boolean }
type Orders = { orders: { outTradeNo: string; state: string; totalFen: number }[]; next: number | null }

it('shows orders and sums, and asks WeChat Pay about an order on request', async (t) => {
  const { server, simulator, owner } = await startWithMerchant(t)
  const order = {
    outTradeNo: 'order-0001',
    description: 'Tea',
    totalFen: 1_250,
    openId: 'user-a',
    attach: '',
    functionName: '',
  }
  const placed = await server.payments?.place(order)
  assert.ok(placed)
  const list = async () => (await owner.call('GET', '/payments/orders')).body as Orders
  assert.deepEqual(
    (await list()).orders.map(({ outTradeNo, state, totalFen }) => [outTradeNo, state, totalFen]),
    [['order-0001', 'unpaid', 1_250]],
  )

  simulator.pay.payOrder('order-0001')
  const checked = await owner.call('POST', '/payments/orders/order-0001/check', {})
  assert.equal(checked.body['state'], 'paid', JSON.stringify(checked.body))
  const report = (await owner.call('GET', '/payments')).body as Report
  assert.equal(report.today.paidFen, 1_250)
  assert.deepEqual((await owner.call('GET', '/payments/orders?state=unpaid')).body, { orders: [], next: null })
  assert.equal(errorCode(await owner.call('POST', '/payments/orders/nothing/check', {})), 'order_not_found')
})

it('raises an alarm for a difference until somebody has looked at it', async (t) => {
  const { server, owner } = await startWithMerchant(t)
  await server.database.transact(runStatement, {
    sql: `INSERT INTO pay_findings (id, kind, subject, ours_fen, theirs_fen, found_at_ms)
          VALUES ('amount:x', 'amount', 'x', 100, 90, ?)`,
    params: [Date.now() - 1_000],
    isReturning: false,
    rowsMax: 0,
  })
  const counted = async () => {
    await server.watch.monitor.sample() // looks
    await server.payments?.findings()
    return (await server.watch.monitor.sample()).record.gauges['payments.mismatches']?.max
  }
  assert.equal(await counted(), 1)
  const before = (await owner.call('GET', '/payments')).body as Report
  assert.deepEqual(
    before.findings.map(({ kind, isSeen }) => [kind, isSeen]),
    [['amount', false]],
  )
  await owner.call('POST', '/payments/seen', {})
  const after = (await owner.call('GET', '/payments')).body as Report
  assert.equal(after.findings[0]?.isSeen, true)
})

it('says that there is no merchant', async (t) => {
  const server = await startConsole(t)
  const owner = await setUpOwner(server)
  assert.deepEqual((await owner.call('GET', '/payments')).body, { isEnabled: false })
  assert.equal(errorCode(await owner.call('POST', '/payments/reconcile', { date: '2026-11-21' })), 'not_supported')
})
