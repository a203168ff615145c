import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { startMerchant } from './start-merchant.ts'

const DAY_MS = 86_400_000

describe('WeChat Pay: refunds', () => {
  let shop: Awaited<ReturnType<typeof startMerchant>>
  before(async () => {
    shop = await startMerchant()
  })
  after(() => shop.close())

  const paid = async (outTradeNo: string) => {
    await shop.create(outTradeNo)
    shop.pay.payOrder(outTradeNo)
  }
  const status = async (outRefundNo: string) =>
    (await shop.request('GET', `/v3/refund/domestic/refunds/${outRefundNo}`)).json.status
  const wait = () => new Promise((resolve) => setTimeout(resolve, 30))

  it('are accepted first and done later', async () => {
    await paid('back-0001')
    const { json } = await shop.refund('back-0001', 'r1', 40)
    assert.deepEqual([json.status, json.amount.refund, json.amount.total], ['PROCESSING', 40, 100])
    await wait()
    assert.equal(await status('r1'), 'SUCCESS')
    assert.equal((await shop.query('back-0001')).trade_state, 'REFUND')
  })

  it('never add up to more than was paid', async () => {
    await paid('back-0002')
    assert.equal((await shop.refund('back-0002', 's1', 60)).status, 200)
    assert.equal((await shop.refund('back-0002', 's2', 41)).json.code, 'INVALID_REQUEST')
    assert.equal((await shop.refund('back-0002', 's3', 40)).status, 200)
    assert.equal((await shop.refund('back-0002', 's4', 1)).json.code, 'INVALID_REQUEST')
    await wait()
    assert.deepEqual(shop.pay.ledger().find(({ outTradeNo }) => outTradeNo === 'back-0002')?.refundedFen, 100)
  })

  it('happen once per number, however often they are asked for', async () => {
    await paid('back-0003')
    const first = await shop.refund('back-0003', 't1', 10)
    const second = await shop.refund('back-0003', 't1', 10)
    assert.equal(second.json.refund_id, first.json.refund_id)
    assert.equal((await shop.refund('back-0003', 't1', 11)).json.code, 'INVALID_REQUEST')
    await wait()
    assert.deepEqual(shop.pay.ledger().find(({ outTradeNo }) => outTradeNo === 'back-0003')?.refundedFen, 10)
  })

  it('are refused for unpaid orders, wrong totals, too many parts and after a year', async () => {
    await shop.create('back-0004')
    assert.equal((await shop.refund('back-0004', 'u1', 1)).status, 400)
    shop.pay.payOrder('back-0004')
    assert.equal((await shop.refund('back-0004', 'u2', 1, 99)).status, 400)
    for (let at = 0; at < 50; at++) assert.equal((await shop.refund('back-0004', `u3-${at}`, 1)).status, 200)
    assert.equal((await shop.refund('back-0004', 'u4', 1)).status, 400)
    await paid('back-0005')
    shop.advance(366 * DAY_MS)
    assert.equal((await shop.refund('back-0005', 'u5', 1)).status, 400)
    assert.equal(await status('unknown'), undefined)
  })

  it('can get stuck and be asked for again', async () => {
    await paid('back-0006')
    shop.pay.endNextRefund('ABNORMAL')
    const { json } = await shop.refund('back-0006', 'v1', 100)
    await wait()
    assert.equal(await status('v1'), 'ABNORMAL')
    await shop.request('POST', `/v3/refund/domestic/refunds/${json.refund_id}/apply-abnormal-refund`, {
      out_refund_no: 'v1',
    })
    await wait()
    assert.equal(await status('v1'), 'SUCCESS')
  })
})

describe('WeChat Pay: bills', () => {
  let shop: Awaited<ReturnType<typeof startMerchant>>
  before(async () => {
    shop = await startMerchant()
    for (const number of ['bill-0001', 'bill-0002', 'bill-0003']) await shop.create(number)
    shop.pay.payOrder('bill-0001')
    shop.pay.payOrder('bill-0002')
    await shop.refund('bill-0001', 'w1', 30)
  })
  after(() => shop.close())

  const ask = (query: string, kind = 'tradebill') => shop.request('GET', `/v3/bill/${kind}?${query}`)

  it('come at ten on the next morning, for three months', async () => {
    assert.equal((await ask('bill_date=2026-11-22')).json.code, 'STATEMENT_CREATING')
    shop.advance(22 * 3_600_000 - 1)
    assert.equal((await ask('bill_date=2026-11-22')).json.code, 'STATEMENT_CREATING')
    shop.advance(1)
    assert.equal((await ask('bill_date=2026-11-22')).status, 200)
    assert.equal((await ask('bill_date=2026-11-21')).json.code, 'NO_STATEMENT_EXIST')
    assert.equal((await ask('bill_date=20261122')).json.code, 'PARAM_ERROR')
  })

  it('list payments and refunds in yuan behind backticks, with totals, and the right SHA-1', async () => {
    const { json } = await ask('bill_date=2026-11-22&bill_type=ALL&tar_type=GZIP')
    const path = json.download_url.replace(shop.simulator.url, '')
    const { bytes, headers } = await shop.request('GET', path)
    assert.equal(headers.get('wechatpay-signature'), null)
    const text = gunzipSync(bytes).toString()
    assert.equal(createHash('sha1').update(text).digest('hex'), json.hash_value)
    const lines = text.trim().split('\r\n')
    assert.equal(lines.length, 1 + 3 + 2)
    const columns = (lines[0] ?? '').replace(/^\uFEFF/, '').split(',')
    const value = (line: number, column: string) => lines[line]?.split(',')[columns.indexOf(column)]
    assert.deepEqual(
      [value(1, '商户订单号'), value(1, '订单金额'), value(1, '交易状态')],
      ['`bill-0001', '`1.00', '`SUCCESS'],
    )
    assert.deepEqual(
      [value(3, '商户退款单号'), value(3, '申请退款金额'), value(3, '交易状态')],
      ['`w1', '`0.30', '`REFUND'],
    )
    assert.equal(lines.at(-1)?.split(',')[0], '`3')
    assert.equal((await shop.request('GET', path, undefined, { serial: 'x' })).status, 401)
    shop.advance(300_000)
    assert.equal((await shop.request('GET', path)).json.code, 'NO_STATEMENT_EXIST')
  })

  it('can be wrong, for the reconciliation to notice, and exist for funds too', async () => {
    shop.pay.falsifyBill('bill-0002', 99_999)
    const trade = (await ask('bill_date=2026-11-22')).json.download_url.replace(shop.simulator.url, '')
    assert.match((await shop.request('GET', trade)).bytes.toString(), /`999\.99/)
    const fund = (await ask('bill_date=2026-11-22', 'fundflowbill')).json.download_url.replace(shop.simulator.url, '')
    const text = (await shop.request('GET', fund)).bytes.toString()
    assert.match(text.trim().split('\r\n').at(-1) ?? '', /^`3,`2,`2\.00,`1,`0\.30$/)
  })
})
