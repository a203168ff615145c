import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { APP_ID } from '../start-simulator.ts'
import { startMerchant } from './start-merchant.ts'

const HOUR_MS = 3_600_000

describe('WeChat Pay: requests', () => {
  let shop: Awaited<ReturnType<typeof startMerchant>>
  before(async () => {
    shop = await startMerchant()
  })
  after(() => shop.close())

  it('are answered, signed, when their signature is right', async () => {
    const { status, json, headers, bytes } = await shop.create('order-0001')
    assert.equal(status, 200)
    assert.match(json.prepay_id, /^wx\w{34}$/)
    assert.ok(shop.isGenuine({ headers, body: bytes.toString() }))
    assert.match(headers.get('wechatpay-serial') ?? '', /^PUB_KEY_ID_/)
  })

  it('are refused with the reason when their signature is not', async () => {
    const send = (changes: Parameters<typeof shop.request>[3]) =>
      shop.request('POST', '/v3/pay/transactions/jsapi', shop.order('order-0002'), changes)
    const nowS = Math.floor(shop.nowMs() / 1000)
    // biome-ignore format: a table keeps its columns
    const cases: [string, Parameters<typeof shop.request>[3], RegExp][] = [
      ['another body',    { signedBody: '{}' },                                   /签名错误/],
      ['5 minutes late',  { timestampS: nowS - 300 },                             /5分钟/],
      ['5 minutes early', { timestampS: nowS + 300 },                             /5分钟/],
      ['another serial',  { serial: '00' },                                       /序列号/],
      ['another mchid',   { mchId: '1' },                                         /商户号/],
      ['no signature',    { headers: { authorization: '' } },                     /认证类型/],
      ['half a header',   { headers: { authorization: 'WECHATPAY2-SHA256-RSA2048 mchid="1"' } }, /格式/],
    ]
    for (const [name, changes, reason] of cases) {
      const { status, json, headers } = await send(changes)
      assert.deepEqual([status, json.code], [401, 'SIGN_ERROR'], name)
      assert.match(json.message, reason)
      assert.match(headers.get('request-id') ?? '', /-268443699$/)
    }
    assert.equal((await send({ timestampS: nowS - 299 })).status, 200)
    const bare = await send({ headers: { accept: '' } })
    assert.equal(bare.status, 400)
  })

  it('are checked field by field', async () => {
    // biome-ignore format: a table keeps its columns
    const bad: [Record<string, unknown>, string][] = [
      [{ appid: 'wxother' },                                    'APPID_MCHID_NOT_MATCH'],
      [{ out_trade_no: 'short' },                               'PARAM_ERROR'],
      [{ out_trade_no: 'with space' },                          'PARAM_ERROR'],
      [{ description: 'x'.repeat(128) },                        'PARAM_ERROR'],
      [{ amount: { total: 0 } },                                'PARAM_ERROR'],
      [{ amount: { total: 1.5 } },                              'PARAM_ERROR'],
      [{ amount: { total: '100' } },                            'PARAM_ERROR'],
      [{ amount: { total: 100, currency: 'USD' } },             'PARAM_ERROR'],
      [{ payer: {} },                                           'PARAM_ERROR'],
      [{ payer: { openid: 'nobody' } },                         'PARAM_ERROR'],
      [{ notify_url: 'http://shop.example/notify' },            'PARAM_ERROR'],
      [{ notify_url: 'https://shop.example/notify?order=1' },   'PARAM_ERROR'],
      [{ time_expire: '2026-11-22 13:00:00' },                  'PARAM_ERROR'],
      [{ time_expire: '2026-11-22T12:00:30+08:00' },            'PARAM_ERROR'],
      [{ spbill_create_ip: '1.2.3.4' },                         'PARAM_ERROR'],
    ]
    for (const [more, code] of bad) {
      const { status, json } = await shop.create('order-0003', more)
      assert.deepEqual([status, json.code], [400, code], JSON.stringify(more))
    }
  })
})

describe('WeChat Pay: an order', () => {
  let shop: Awaited<ReturnType<typeof startMerchant>>
  before(async () => {
    shop = await startMerchant()
  })
  after(() => shop.close())

  it('may be sent again unchanged, and not otherwise', async () => {
    const first = await shop.create('same-0001')
    const second = await shop.create('same-0001')
    assert.equal(second.status, 200)
    assert.notEqual(second.json.prepay_id, first.json.prepay_id)
    for (const more of [{ amount: { total: 101, currency: 'CNY' } }, { description: 'Other' }, { attach: 'x' }]) {
      const { status, json, headers } = await shop.create('same-0001', more)
      assert.deepEqual([status, json.code], [400, 'INVALID_REQUEST'])
      assert.match(headers.get('request-id') ?? '', /-268498688$/)
    }
  })

  it('is paid once, by a phone that checks the signature of the page', async () => {
    const { json } = await shop.create('paid-0001')
    assert.equal((await shop.query('paid-0001')).trade_state, 'NOTPAY')
    const packageText = `prepay_id=${json.prepay_id}`
    const text = `${APP_ID}\n1700000000\nabc\n${packageText}\n`
    const paySign = sign('sha256', Buffer.from(text), shop.pay.credentials().merchantPrivateKeyPem).toString('base64')
    const request = { timeStamp: '1700000000', nonceStr: 'abc', package: packageText, signType: 'RSA', paySign }
    assert.throws(() => shop.pay.requestPayment({ ...request, nonceStr: 'abd' }), /签名/)
    assert.equal((await shop.call('POST', '/simulator/pay', request)).json['errMsg'], 'requestPayment:ok')
    assert.throws(() => shop.pay.requestPayment(request), /已支付/)

    const order = await shop.query('paid-0001')
    assert.equal(order.trade_state, 'SUCCESS')
    assert.deepEqual([order.amount.total, order.payer.openid], [100, shop.simulator.openidOf('alice')])
    assert.match(order.success_time, /^2026-11-22T12:00:00\+08:00$/)
    const byId = await shop.request('GET', `/v3/pay/transactions/id/${order.transaction_id}?mchid=${order.mchid}`)
    assert.equal(byId.json.out_trade_no, 'paid-0001')
    assert.equal((await shop.create('paid-0001')).json.code, 'ORDER_PAID')
    assert.equal((await shop.closeOrder('paid-0001')).json.code, 'ORDER_PAID')
  })

  it('cannot be paid once closed, and closing may be repeated', async () => {
    await shop.create('closed-01')
    assert.equal((await shop.closeOrder('closed-01')).status, 204)
    assert.equal((await shop.closeOrder('closed-01')).status, 204)
    assert.throws(() => shop.pay.payOrder('closed-01'), /已失效/)
    assert.equal((await shop.query('closed-01')).trade_state, 'CLOSED')
    assert.equal((await shop.create('closed-01')).json.code, 'ORDER_CLOSED')
    assert.equal((await shop.closeOrder('unknown-1')).status, 404)
    assert.equal((await shop.query('unknown-1')).code, 'ORDER_NOT_EXIST')
  })

  it('ends in exactly one state when payment and closing race', async () => {
    for (let at = 0; at < 20; at++) {
      const number = `race-${String(at).padStart(4, '0')}`
      await shop.create(number)
      const closing = shop.closeOrder(number)
      if (at % 3) await new Promise((resolve) => setTimeout(resolve, at % 5))
      let isPaid = true
      try {
        shop.pay.payOrder(number)
      } catch {
        isPaid = false
      }
      const { status } = await closing
      assert.deepEqual([status, (await shop.query(number)).trade_state], isPaid ? [400, 'SUCCESS'] : [204, 'CLOSED'])
    }
  })

  it('cannot be paid after its time_expire, after two hours with one prepay_id, after seven days at all', async () => {
    await shop.create('late-0001', { time_expire: '2026-11-22T12:30:00+08:00' })
    await shop.create('late-0002')
    await shop.create('late-0003')
    shop.advance(HOUR_MS / 2)
    assert.throws(() => shop.pay.payOrder('late-0001'), /已失效/)
    shop.advance(HOUR_MS * 1.5)
    assert.throws(() => shop.pay.payOrder('late-0002'), /prepay_id/)
    await shop.create('late-0002')
    shop.pay.payOrder('late-0002')
    shop.advance(7 * 24 * HOUR_MS)
    assert.equal((await shop.query('late-0003')).trade_state, 'CLOSED')
  })

  it('is created at a limited rate', async () => {
    const slow = await startMerchant()
    const { simulator } = slow
    simulator.knobs.inject('/v3/pay/transactions/jsapi', { kind: 'busy', times: 1 })
    assert.deepEqual(pick(await slow.create('rate-0001')), [500, 'SYSTEM_ERROR'])
    const answers = await Promise.all(Array.from({ length: 510 }, () => slow.create('rate-0002')))
    assert.ok(answers.some(({ json }) => json.code === 'FREQUENCY_LIMITED'))
    await slow.close()
  })
})

const pick = ({ status, json }: { status: number; json: { code?: string } }) => [status, json.code]
