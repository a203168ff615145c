import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSimulator, type Simulator } from '@sampan/simulator'
import { writeProject } from '../functions/function-project.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

const APP_ID = 'wx0123456789abcdef'
const SECRET = 'secret-of-the-simulated-account'

/** A shop as people write it for CloudBase: nothing in it knows of Sampan. */
const SHOP = {
  'pay/index.js': `
    const cloud = require('wx-server-sdk')
    cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
    exports.main = async (event) => {
      const { CLIENTIP } = cloud.getWXContext()
      return cloud.cloudPay[event.api]({
        body: '小秋TIT店-超市',
        spbillCreateIp: CLIENTIP || '127.0.0.1',
        subMchId: '1900009231',
        nonceStr: '5K8264ILTKCH16CQ2502SI8ZNMTM67VS',
        envId: cloud.DYNAMIC_CURRENT_ENV,
        functionName: 'pay_cb',
        ...event.data,
      })
    }`,
  'pay_cb/index.js': `
    const cloud = require('wx-server-sdk')
    cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
    const db = cloud.database()
    exports.main = async (event) => {
      const { OPENID, SOURCE } = cloud.getWXContext()
      // Somebody at a phone could call this function, too.
      if (OPENID) return { errcode: 1, errmsg: 'not for phones' }
      await db.collection('told').add({ data: { ...event, source: SOURCE } })
      return { errcode: 0, errmsg: '' }
    }`,
}

/** The same must hold with the package from npm and with Sampan's light one. */
for (const sdk of ['real', 'light'] as const) {
  describe(`cloud.cloudPay, through the ${sdk} wx-server-sdk`, () => {
    let simulator: Simulator
    let server: TestServer
    let functionsRoot: string
    let token: string
    before(async () => {
      const config = JSON.stringify({ sampan: { lightSdk: sdk === 'light' } })
      functionsRoot = writeProject({ ...SHOP, 'pay/config.json': config, 'pay_cb/config.json': config })
      simulator = await openSimulator({ appId: APP_ID, secret: SECRET, merchant: { timeScale: 1000 } })
      const credentials = simulator.pay.credentials()
      server = await startTestServer({
        project: { functionsRoot, collections: [{ name: 'told', rules: 'PRIVATE', indexes: [] }] },
        settings: {
          WECHAT_BASE_URL: simulator.url,
          WECHAT_PAY_BASE_URL: simulator.url,
          WECHAT_PAY_MCH_ID: credentials.mchId,
          WECHAT_PAY_API_V3_KEY: credentials.apiV3Key,
          WECHAT_PAY_SERIAL: credentials.merchantSerial,
          // As one line, the way an environment file wants it.
          WECHAT_PAY_PRIVATE_KEY: credentials.merchantPrivateKeyPem.replaceAll('\n', '\\n'),
          WECHAT_PAY_PUBLIC_KEY_ID: credentials.publicKeyId,
          WECHAT_PAY_PUBLIC_KEY: credentials.publicKeyPem,
        },
      })
      const { body } = await server.post('/v1/login', { code: simulator.loginCode('alice') })
      token = body.token
    })
    after(async () => {
      await server.close()
      await simulator.close()
      rmSync(functionsRoot, { recursive: true, force: true })
    })

    // biome-ignore lint/suspicious/noExplicitAny: each API answers another shape
    const call = async (api: string, data: Record<string, unknown>): Promise<any> => {
      const { body } = await server.post('/v1/functions/pay', { data: { api, data } }, token)
      assert.ok(body.result, JSON.stringify(body))
      return body.result
    }
    const told = async (outTradeNo: string, count: number) => {
      for (let tries = 0; tries < 200; tries += 1) {
        const { body } = await server.post(
          '/v1/documents/find',
          { collection: 'told', query: { outTradeNo } },
          server.localToken,
        )
        if (body.list?.length >= count || body.data?.length >= count) return body.list ?? body.data
        await sleep(25)
      }
      throw new Error(`${outTradeNo} was not told`)
    }

    it('places an order that the phone pays, and tells the function', async () => {
      const order = { outTradeNo: '1217752501201407033233368018', totalFee: 1 }
      const placed = await call('unifiedOrder', order)
      assert.deepEqual(
        [placed.returnCode, placed.resultCode, placed.errCode, placed.errMsg, placed.tradeType],
        ['SUCCESS', 'SUCCESS', 0, 'cloudPay.unifiedOrder:ok', 'JSAPI'],
      )
      assert.match(placed.prepayId, /^wx/)
      assert.deepEqual(Object.keys(placed.payment).sort(), [
        'appId',
        'nonceStr',
        'package',
        'paySign',
        'signType',
        'timeStamp',
      ])
      assert.equal(placed.payment.package, `prepay_id=${placed.prepayId}`)
      assert.equal((await call('queryOrder', order)).tradeState, 'NOTPAY')

      simulator.pay.requestPayment(placed.payment)
      const [event] = await told(order.outTradeNo, 1)
      assert.deepEqual(
        [event.returnCode, event.resultCode, event.totalFee, event.subOpenid, event.source],
        ['SUCCESS', 'SUCCESS', 1, simulator.openidOf('alice'), 'wx_paycallback'],
      )
      const found = await call('queryOrder', order)
      assert.deepEqual(
        [found.tradeState, found.totalFee, found.transactionId, found.openid, found.timeEnd.length],
        ['SUCCESS', 1, event.transactionId, simulator.openidOf('alice'), 14],
      )
      const again = await call('unifiedOrder', order)
      assert.deepEqual([again.returnCode, again.resultCode], ['SUCCESS', 'FAIL'])
      assert.match(again.errCodeDes, /ORDERPAID/)
    })

    it('refunds, with camelCase and snake_case names, and tells the function', async () => {
      const order = { outTradeNo: 'refund-0001', totalFee: '300' }
      simulator.pay.requestPayment((await call('unifiedOrder', order)).payment)
      await told(order.outTradeNo, 1)
      const refund = await call('refund', { ...order, out_refund_no: 'back-0001', refund_fee: 100, refundDesc: '太短' })
      assert.deepEqual(
        [refund.resultCode, refund.outRefundNo, refund.refundFee, refund.totalFee],
        ['SUCCESS', 'back-0001', 100, 300],
      )
      const [, event] = await told(order.outTradeNo, 2)
      assert.deepEqual([event.refundStatus, event.outRefundNo, event.refundFee], ['SUCCESS', 'back-0001', 100])
      const found = await call('queryRefund', { outRefundNo: 'back-0001' })
      assert.deepEqual(
        [found.refundCount, found.outRefundNo_0, found.refundStatus_0, found.refundFee_0],
        [1, 'back-0001', 'SUCCESS', 100],
      )
      assert.equal((await call('queryOrder', order)).tradeState, 'REFUND')
      assert.match(
        (await call('refund', { ...order, outRefundNo: 'back-0002', refundFee: 201 })).errCodeDes,
        /TRADE_OVERDUE/,
      )
    })

    it('closes an order', async () => {
      const order = { outTradeNo: 'close-0001', totalFee: 300 }
      const { payment } = await call('unifiedOrder', order)
      assert.equal((await call('closeOrder', order)).resultCode, 'SUCCESS')
      assert.throws(() => simulator.pay.requestPayment(payment))
      assert.equal((await call('queryOrder', order)).tradeState, 'CLOSED')
      assert.match((await call('unifiedOrder', order)).errCodeDes, /ORDERCLOSED/)
    })

    it('answers wrong parameters as WeChat Pay does, and what it does not know with an error', async () => {
      const wrong = await call('unifiedOrder', { outTradeNo: 'wrong-0001', totalFee: 19.9 * 100 })
      assert.deepEqual([wrong.returnCode, wrong.resultCode], ['SUCCESS', 'FAIL'])
      assert.match(wrong.errCodeDes, /PARAM_ERROR: totalFee must be a whole number of fen/)
      assert.match((await call('queryOrder', { outTradeNo: 'none-0001' })).errCodeDes, /ORDERNOTEXIST/)
      const { body } = await server.post('/v1/functions/pay', { data: { api: 'downloadBill', data: {} } }, token)
      assert.match(JSON.stringify(body), /cloudPay\.downloadBill/)
    })

    it('says that the outcome is unknown when WeChat Pay does not answer', async () => {
      simulator.knobs.inject('/v3/pay/transactions/jsapi', { kind: 'http-500', times: 3 })
      const order = { outTradeNo: 'retry-0001', totalFee: 5 }
      assert.match((await call('unifiedOrder', order)).errCodeDes, /SYSTEMERROR/)
      assert.equal((await call('unifiedOrder', order)).resultCode, 'SUCCESS')
    })

    it('lets no phone pretend that it paid', async () => {
      const { body } = await server.post('/v1/functions/pay_cb', { data: { outTradeNo: 'forged-0001' } }, token)
      assert.deepEqual(body.result, { errcode: 1, errmsg: 'not for phones' })
    })

    it('lets a simulated phone pay over HTTP', async () => {
      const order = { outTradeNo: 'curl-0001', totalFee: 5 }
      await call('unifiedOrder', order)
      const paid = await fetch(`${simulator.url}/simulator/pay`, {
        method: 'POST',
        body: JSON.stringify({ outTradeNo: 'curl-0001' }),
      })
      assert.deepEqual(await paid.json(), { errMsg: 'requestPayment:ok' })
      await told('curl-0001', 1)
    })
  })
}
