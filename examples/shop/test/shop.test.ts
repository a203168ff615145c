/** The example's own page and functions, run without a screen against the real server and the simulated merchant. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSimulator, type Simulator } from '@sampan/simulator'
import { type MiniProgram, openMiniProgram } from '../../../sdk/test/headless/mini-program.ts'
import { createPhone, type Phone } from '../../../sdk/test/headless/phone.ts'
import { readConfig } from '../../../server/src/config.ts'
import { openLog } from '../../../server/src/log.ts'
import { type RunningServer, startServer } from '../../../server/src/start-server.ts'
import config from '../sampan.config.ts'

const ROOT = path.resolve(import.meta.dirname, '../miniprogram')
const FUNCTIONS = path.resolve(import.meta.dirname, '../cloudfunctions')
const APP_ID = 'wx0123456789abcdef'
const SECRET = 'secret-of-the-simulated-account'

describe('shop example', () => {
  let dataDir: string
  let simulator: Simulator
  let server: RunningServer
  const opened: MiniProgram[] = []
  before(async () => {
    dataDir = await mkdtemp(path.join(os.tmpdir(), 'sampan-stock-shop-'))
    simulator = await openSimulator({ appId: APP_ID, secret: SECRET, merchant: { takesAnyPayer: true } })
    const merchant = simulator.pay.credentials()
    const settings = {
      ...{ PORT: '0', DATA_DIR: dataDir, WECHAT_APP_ID: APP_ID, WECHAT_SECRET: SECRET, WECHAT_BASE_URL: simulator.url },
      WECHAT_PAY_BASE_URL: simulator.url,
      WECHAT_PAY_MCH_ID: merchant.mchId,
      WECHAT_PAY_API_V3_KEY: merchant.apiV3Key,
      WECHAT_PAY_SERIAL: merchant.merchantSerial,
      WECHAT_PAY_PRIVATE_KEY: merchant.merchantPrivateKeyPem,
      WECHAT_PAY_PUBLIC_KEY_ID: merchant.publicKeyId,
      WECHAT_PAY_PUBLIC_KEY: merchant.publicKeyPem,
    }
    const sales = config.sales.map(({ start, end, ...sale }) => ({
      ...sale,
      items: sale.items.map((item) => ({ ...item, total: 1 })),
      startsAtMs: Date.parse(start),
      endsAtMs: Date.parse(end),
    }))
    server = await startServer({
      config: readConfig(settings),
      log: openLog({ level: 'fatal', destination: { write: () => {} }, isPretty: false }),
      localToken: '',
      environment: process.env,
      // `sampan dev` checks what the file says; here it is taken as it is.
      project: {
        functionsRoot: FUNCTIONS,
        collections: config.collections as never,
        seed: {},
        rooms: [],
        isWatched: false,
        sales,
      },
    })
  })
  after(async () => {
    for (const program of opened) program.close()
    await server.close()
    await simulator.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  const start = async (user: string): Promise<{ phone: Phone; program: MiniProgram }> => {
    const phone = createPhone({ loginCode: () => simulator.loginCode(user) })
    const files = { 'sampan/server.js': `module.exports = '${server.url}'` }
    const program = await openMiniProgram({ root: ROOT, phone, files })
    opened.push(program)
    return { phone, program }
  }
  const payments = (phone: Phone) => phone.shown.filter(({ name }) => name === 'requestPayment')

  it('sells the last one to whoever pays, and tells the next one', async () => {
    const anna = await start('anna')
    const page = await anna.program.open('/pages/sale/sale')
    assert.equal(page.data.items[0].remaining, 1)
    await page.tap('onBuy', { item: 'tea' })
    assert.deepEqual(
      page.data.mine.map((one: { state: string }) => one.state),
      ['held'],
    )

    const ben = await start('ben')
    const his = await ben.program.open('/pages/sale/sale')
    await his.tap('onBuy', { item: 'tea' })
    assert.match(JSON.stringify(ben.phone.shown.filter(({ name }) => name === 'showToast')), /已售罄/)
    assert.equal(payments(ben.phone).length, 0)

    const [asked] = payments(anna.phone)
    assert.ok(asked)
    simulator.pay.requestPayment(asked.options as never) // safe: what the server signed for wx.requestPayment
    for (let waited = 0; waited < 100 && page.data.mine[0]?.state !== 'sold'; waited += 1) {
      await sleep(50)
      await page.send('refresh', {})
    }
    assert.equal(page.data.mine[0]?.state, 'sold')
    await page.send('onUnload', {})
    await his.send('onUnload', {})
  })
})
