import { createDecipheriv, createPublicKey, randomBytes, sign, verify } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PayOptions } from '../../src/index.ts'
import { APP_ID, startSimulator } from '../start-simulator.ts'

export type Sent = { headers: IncomingHttpHeaders; body: string }

/** A merchant's server, as small as possible: signs, verifies, and keeps the notifications it gets. */
export async function startMerchant(options: PayOptions = {}) {
  const world = await startSimulator({ merchant: { timeScale: 10_000, ...options } })
  const { simulator } = world
  const { mchId, merchantPrivateKeyPem, merchantSerial, apiV3Key } = simulator.pay.credentials()
  await world.login('sim:alice:1')

  const notifications: Sent[] = []
  const answers: number[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    notifications.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
    response.statusCode = answers.shift() ?? 204
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const notifyUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`

  type Changes = {
    timestampS?: number
    mchId?: string
    serial?: string
    signedBody?: string
    headers?: Record<string, string>
  }
  const request = async (method: string, path: string, body?: unknown, changes: Changes = {}) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const timestamp = String(changes.timestampS ?? Math.floor(world.nowMs() / 1000))
    const nonce = randomBytes(16).toString('hex')
    const message = `${method}\n${path}\n${timestamp}\n${nonce}\n${changes.signedBody ?? text}\n`
    const signature = sign('sha256', Buffer.from(message), merchantPrivateKeyPem).toString('base64')
    const fields = {
      mchid: changes.mchId ?? mchId,
      nonce_str: nonce,
      signature,
      timestamp,
      serial_no: changes.serial ?? merchantSerial,
    }
    const list = Object.entries(fields).map(([name, value]) => `${name}="${value}"`)
    const authorization = `WECHATPAY2-SHA256-RSA2048 ${list.join(',')}`
    const headers = { authorization, accept: 'application/json', 'user-agent': 'test', ...changes.headers }
    const response = await fetch(simulator.url + path, { method, headers, body: text || null })
    const bytes = Buffer.from(await response.arrayBuffer())
    const isJson = response.headers.get('content-type')?.includes('json') && bytes.length
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      json: isJson ? JSON.parse(bytes.toString()) : {},
    }
  }

  const order = (outTradeNo: string, more: Record<string, unknown> = {}) => ({
    appid: APP_ID,
    mchid: mchId,
    description: 'Haircut',
    out_trade_no: outTradeNo,
    notify_url: notifyUrl,
    amount: { total: 100, currency: 'CNY' },
    payer: { openid: simulator.openidOf('alice') },
    ...more,
  })

  return {
    ...world,
    pay: simulator.pay,
    notifications,
    /** Statuses of the next answers to notifications; then 204. */
    answers,
    request,
    order,
    create: (outTradeNo: string, more: Record<string, unknown> = {}) =>
      request('POST', '/v3/pay/transactions/jsapi', order(outTradeNo, more)),
    query: async (outTradeNo: string) =>
      (await request('GET', `/v3/pay/transactions/out-trade-no/${outTradeNo}?mchid=${mchId}`)).json,
    closeOrder: (outTradeNo: string) =>
      request('POST', `/v3/pay/transactions/out-trade-no/${outTradeNo}/close`, { mchid: mchId }),
    refund: (outTradeNo: string, outRefundNo: string, refundFen: number, totalFen = 100) =>
      request('POST', '/v3/refund/domestic/refunds', {
        out_trade_no: outTradeNo,
        out_refund_no: outRefundNo,
        notify_url: notifyUrl,
        amount: { refund: refundFen, total: totalFen, currency: 'CNY' },
      }),
    isGenuine({ headers, body }: { headers: Headers | IncomingHttpHeaders; body: string }) {
      const header = (name: string) => String(headers instanceof Headers ? headers.get(name) : headers[name])
      const text = `${header('wechatpay-timestamp')}\n${header('wechatpay-nonce')}\n${body}\n`
      const key = createPublicKey(simulator.pay.credentials().publicKeyPem)
      return verify('sha256', Buffer.from(text), key, Buffer.from(header('wechatpay-signature'), 'base64'))
    },
    decrypt(body: string) {
      const { ciphertext, nonce, associated_data: extra } = JSON.parse(body).resource
      const bytes = Buffer.from(ciphertext, 'base64')
      const decipher = createDecipheriv('aes-256-gcm', apiV3Key, nonce)
        .setAAD(Buffer.from(extra))
        .setAuthTag(bytes.subarray(-16))
      return JSON.parse(decipher.update(bytes.subarray(0, -16)).toString() + decipher.final().toString())
    },
    async close() {
      await simulator.close()
      server.closeAllConnections()
      server.close()
    },
  }
}
