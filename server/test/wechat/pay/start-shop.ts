import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openSimulator, type PayOptions } from '@sampan/simulator'
import type { AppError } from '../../../src/errors.ts'
import { openWeChatPay, type WeChatPayOptions } from '../../../src/wechat/pay/open-pay.ts'
import type { PayNotification } from '../../../src/wechat/pay/pay.ts'
import { APP_ID } from '../start-wechat.ts'

/** Simulator, client, and a server that reads notifications, with one clock that the test moves. */
export async function startShop(merchant: PayOptions = {}, clientOptions: Partial<WeChatPayOptions> = {}) {
  let nowMs = Date.UTC(2026, 10, 22, 4, 0, 0)
  const now = () => nowMs
  const simulator = await openSimulator({
    appId: APP_ID,
    secret: 's',
    seed: 5,
    now,
    merchant: { timeScale: 100_000, ...merchant },
  })
  const credentials = simulator.pay.credentials()
  const options = {
    baseUrl: simulator.url,
    appId: APP_ID,
    mchId: credentials.mchId,
    merchantPrivateKey: credentials.merchantPrivateKeyPem,
    merchantSerial: credentials.merchantSerial,
    apiV3Key: credentials.apiV3Key,
    ...(merchant.keyMode !== 'certificate' && {
      publicKeyId: credentials.publicKeyId,
      publicKey: credentials.publicKeyPem,
    }),
    certificates: credentials.certificatePems,
    now,
    attemptTimeoutMs: 1_000,
    retryPauseMs: 1,
    ...clientOptions,
  }
  const pay = openWeChatPay(options)

  const read: PayNotification[] = []
  const refused: unknown[] = []
  const received: { headers: IncomingHttpHeaders; body: Buffer }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    received.push({ headers: request.headers, body })
    try {
      read.push(pay.readNotification(request.headers, body))
      response.statusCode = 204
    } catch (error) {
      refused.push((error as AppError).details?.['reason'])
      response.statusCode = 401
    }
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const notifyUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`
  const openId = simulator.openidOf('alice')

  return {
    simulator,
    pay,
    options,
    openId,
    read,
    refused,
    received,
    order: (outTradeNo: string, totalFen = 100) => ({
      outTradeNo,
      description: 'Haircut',
      totalFen,
      openId,
      notifyUrl,
    }),
    advance: (ms: number) => {
      nowMs += ms
    },
    async paidOrder(outTradeNo: string, totalFen = 100) {
      await pay.createOrder(this.order(outTradeNo, totalFen))
      simulator.pay.payOrder(outTradeNo)
      await simulator.pay.notify.settle()
    },
    async close() {
      await pay.close()
      await simulator.close()
      server.closeAllConnections()
      server.close()
    },
  }
}
