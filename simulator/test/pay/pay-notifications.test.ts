import assert from 'node:assert/strict'
import { createDecipheriv, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { APP_ID } from '../start-simulator.ts'
import { startMerchant } from './start-merchant.ts'

describe('WeChat Pay: notifications', () => {
  let shop: Awaited<ReturnType<typeof startMerchant>>
  beforeEach(async () => {
    shop = await startMerchant({ timeScale: 1_000_000 })
  })
  afterEach(() => shop.close())

  const pay = async (outTradeNo: string) => {
    await shop.create(outTradeNo)
    shop.pay.payOrder(outTradeNo)
    await shop.pay.notify.settle()
  }

  it('tell a payment, signed and encrypted', async () => {
    await pay('note-0001')
    const [sent] = shop.notifications
    assert.ok(sent && shop.isGenuine(sent))
    const facts = shop.decrypt(sent.body)
    assert.deepEqual([facts.out_trade_no, facts.trade_state, facts.amount.total], ['note-0001', 'SUCCESS', 100])
    assert.equal(facts.appid, APP_ID)
    assert.equal(JSON.parse(sent.body).event_type, 'TRANSACTION.SUCCESS')
  })

  it('tell the end of a refund', async () => {
    await pay('note-0002')
    await shop.refund('note-0002', 'r1', 30)
    while (shop.notifications.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    const sent = shop.notifications[1]
    assert.equal(JSON.parse(sent?.body ?? '{}').event_type, 'REFUND.SUCCESS')
    assert.equal(shop.decrypt(sent?.body ?? '').refund_status, 'SUCCESS')
  })

  it('are repeated fifteen times with the same id until they are answered well', async () => {
    shop.answers.push(500, 401, 302)
    await pay('note-0003')
    assert.equal(shop.notifications.length, 4)
    assert.equal(new Set(shop.notifications.map(({ body }) => JSON.parse(body).id)).size, 1)
    assert.equal(new Set(shop.notifications.map(({ headers }) => headers['wechatpay-nonce'])).size, 4)
    shop.answers.push(...Array.from({ length: 20 }, () => 500))
    await pay('note-0004')
    assert.equal(shop.notifications.length, 4 + 16)
    assert.deepEqual(
      shop.pay.notify.list().map(({ status, tries }) => [status, tries]),
      [
        ['accepted', 4],
        ['given up', 16],
      ],
    )
  })

  it('get lost, doubled and announced by a probe at the given rates', async () => {
    Object.assign(shop.pay.notify.habits, { lossRate: 1 })
    await pay('note-0005')
    assert.deepEqual([shop.notifications.length, shop.pay.notify.list()[0]?.status], [0, 'lost'])
    Object.assign(shop.pay.notify.habits, { lossRate: 0, duplicateRate: 1, probeRate: 1 })
    await pay('note-0006')
    assert.equal(shop.notifications.length, 3)
    assert.match(String(shop.notifications[0]?.headers['wechatpay-signature']), /^WECHATPAY\/SIGNTEST\//)
    assert.deepEqual(
      shop.notifications.map((sent) => shop.isGenuine(sent)),
      [false, true, true],
    )
  })

  it('are sent wrong on demand, for the server to refuse', async () => {
    await pay('note-0007')
    const again = async (trick: Parameters<typeof shop.pay.notifyAgain>[1]) => {
      await shop.pay.notifyAgain('note-0007', trick)
      return shop.notifications.at(-1) ?? { headers: {}, body: '' }
    }
    assert.ok(!shop.isGenuine(await again({ forgeSignature: true })))
    assert.ok(!shop.isGenuine(await again({ isProbe: true })))
    assert.ok(!shop.isGenuine(await again({ changeBody: true })))
    const cheap = await again({ facts: { amount: { total: 1 } } })
    assert.ok(shop.isGenuine(cheap))
    assert.equal(shop.decrypt(cheap.body).amount.total, 1)
    assert.equal((await again({ serial: 'FFFF' })).headers['wechatpay-serial'], 'FFFF')
    assert.equal((await again({ atMs: 0 })).headers['wechatpay-timestamp'], '0')
  })
})

describe('WeChat Pay: keys', () => {
  it('change from certificate to public key in the middle of a run', async () => {
    const shop = await startMerchant({ keyMode: 'certificate' })
    const serialOf = async () => (await shop.create('keys-0001')).headers.get('wechatpay-serial') ?? ''
    const [pem = ''] = shop.pay.credentials().certificatePems
    const certificate = new X509Certificate(pem)
    assert.equal(await serialOf(), certificate.serialNumber)
    assert.ok(certificate.verify(certificate.publicKey))

    const { json } = await shop.request('GET', '/v3/certificates')
    const { ciphertext, nonce, associated_data: extra } = json.data[0].encrypt_certificate
    const bytes = Buffer.from(ciphertext, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', shop.pay.credentials().apiV3Key, nonce)
    decipher.setAAD(Buffer.from(extra)).setAuthTag(bytes.subarray(-16))
    assert.equal(decipher.update(bytes.subarray(0, -16)).toString() + decipher.final().toString(), pem)

    await shop.pay.addCertificate()
    assert.notEqual(await serialOf(), certificate.serialNumber)
    assert.equal(shop.pay.credentials().certificatePems.length, 2)

    await shop.pay.setKeyMode('mixed')
    const serials = new Set<boolean>()
    for (let at = 0; at < 20; at++) serials.add((await serialOf()).startsWith('PUB_KEY_ID_'))
    assert.equal(serials.size, 2)
    await shop.pay.setKeyMode('public-key')
    assert.match(await serialOf(), /^PUB_KEY_ID_/)
    assert.equal((await shop.request('GET', '/v3/certificates')).status, 404)
    await shop.close()
  })

  it('fit the merchant and exist only if there is one', async () => {
    const shop = await startMerchant({ mchId: '1234567890', apiV3Key: 'k'.repeat(32) })
    const { mchId, apiV3Key, merchantPrivateKeyPem, publicKeyPem } = shop.pay.credentials()
    assert.deepEqual([mchId, apiV3Key], ['1234567890', 'k'.repeat(32)])
    assert.ok(createPrivateKey(merchantPrivateKeyPem) && createPublicKey(publicKeyPem))
    await shop.close()
  })
})
