import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openSimulator } from '@sampan/simulator'
import type { Finding } from '../../src/doctor/finding.ts'
import { checkMachine } from '../../src/doctor/machine-checks.ts'
import { checkPay, type PayFacts } from '../../src/doctor/pay-checks.ts'
import { checkRunning, checkSecrets } from '../../src/doctor/project-checks.ts'
import { checkSite } from '../../src/doctor/site-checks.ts'
import { checkWeChat } from '../../src/doctor/wechat-checks.ts'

async function goodFacts(): Promise<PayFacts> {
  const simulator = await openSimulator({ appId: 'wx0123456789abcdef', secret: 's', merchant: {} })
  const merchant = simulator.pay.credentials()
  await simulator.close()
  return {
    mchId: merchant.mchId,
    privateKey: merchant.merchantPrivateKeyPem,
    serial: merchant.merchantSerial,
    apiV3Key: merchant.apiV3Key,
    publicKeyId: merchant.publicKeyId,
    publicKey: merchant.publicKeyPem,
    certificates: '',
    publicUrl: 'https://api.example.com',
  }
}
const badOnes = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'good').map(({ id }) => id)

describe('doctor: the keys of WeChat Pay', () => {
  it('finds nothing wrong with keys that work, and has nothing to say without a merchant', async () => {
    const facts = await goodFacts()
    assert.deepEqual(badOnes(await checkPay(facts)), [])
    assert.deepEqual(await checkPay({ ...facts, mchId: '' }), [])
    assert.deepEqual(badOnes(await checkPay({ ...facts, publicKeyId: '', publicKey: '' })), [])
  })

  // biome-ignore format: a table keeps its columns
  const WRONG: [string, (facts: PayFacts) => Partial<PayFacts>, string][] = [
    ['a key file that is not there',               () => ({ privateKey: '/nowhere/apiclient_key.pem' }), 'pay-key'],
    ['the certificate instead of the key',         ({ publicKey }) => ({ privateKey: publicKey }),       'pay-key'],
    ['a serial number with colons',                () => ({ serial: '5A:3F:0D' }),                       'pay-serial'],
    ['an APIv2 key',                               () => ({ apiV3Key: 'short' }),                        'pay-api-v3-key'],
    ['a public key without its id',                () => ({ publicKeyId: '' }),                          'pay-public-key'],
    ['the own key instead of WeChat Pay’s',        ({ privateKey }) => ({ publicKey: privateKey }),      'pay-public-key'],
    ['an address without https',                   () => ({ publicUrl: 'http://api.example.com' }),      'pay-notify'],
  ]
  for (const [what, change, id] of WRONG) {
    it(`finds ${what}`, async () => {
      const facts = await goodFacts()
      assert.deepEqual(badOnes(await checkPay({ ...facts, ...change(facts) })), [id])
    })
  }
})

it('names the command that mends, whatever is wrong', async () => {
  const nowhere = '/nowhere'
  const facts = await goodFacts()
  const findings = [
    ...(await checkMachine({
      nodeVersion: '18.0.0',
      dataDir: '/proc/nowhere',
      functionWorkers: 10_000,
      functionMemoryMb: 4_096,
      procDir: '/proc',
      rootDir: nowhere,
      nowMs: Date.now(),
    })),
    ...(await checkSecrets({ secretKey: 'aaaa', dataDir: nowhere })),
    ...(await checkPay({ ...facts, privateKey: '', serial: '', apiV3Key: '', publicKey: '', publicUrl: '' })),
    ...(await checkWeChat({ baseUrl: 'http://127.0.0.1:1', appId: 'x', secret: '', nowMs: Date.now })),
    ...(await checkSite({ host: 'localhost', httpsPort: 1, httpPort: 1, nowMs: Date.now() })),
    ...(await checkSite({ host: '127.0.0.1', httpsPort: 1, httpPort: 1, nowMs: Date.now() })),
    ...checkRunning({
      collections: [{ name: 'open', documents: 5_000, rules: { write: true, read: 'doc.shop == 1' }, indexes: [] }],
      alarmChannels: 0,
      hasHeartbeat: false,
    }),
  ]
  const wrong = findings.filter(({ level }) => level !== 'good')
  assert.ok(wrong.length >= 18, `${wrong.length} findings`)
  assert.deepEqual(
    wrong.filter(({ fix }) => !fix).map(({ id }) => id),
    [],
  )
})
