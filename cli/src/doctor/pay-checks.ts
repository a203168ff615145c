/** WeChat Pay's keys, as far as they can be judged without sending money: shapes, pairs, and where notices are sent. */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { both, type Finding } from './finding.ts'

export type PayFacts = {
  readonly mchId: string
  /** A path or the text itself, as the settings have it. */
  readonly privateKey: string
  readonly serial: string
  readonly apiV3Key: string
  readonly publicKeyId: string
  readonly publicKey: string
  readonly certificates: string
  readonly publicUrl: string
}

const API_V3_KEY_BYTES = 32
const KEY_BITS_MIN = 2048
const PAGE = 'pay.weixin.qq.com → 账户中心 → API 安全'

/** Nothing to say without a merchant. */
export async function checkPay(facts: PayFacts): Promise<Finding[]> {
  if (!facts.mchId) return []
  return [
    await checkPrivateKey(facts.privateKey),
    checkShape('pay-serial', facts.serial, /^[0-9A-F]{40}$/i, {
      name: 'WECHAT_PAY_SERIAL',
      fix: 'openssl x509 -in apiclient_cert.pem -noout -serial',
    }),
    checkApiV3Key(facts.apiV3Key),
    await checkPublicKey(facts),
    checkNoticeUrl(facts.publicUrl),
  ]
}

async function checkPrivateKey(value: string): Promise<Finding> {
  const fix = `WECHAT_PAY_PRIVATE_KEY=/path/to/apiclient_key.pem   # from ${PAGE}`
  try {
    const key = createPrivateKey(await textOf(value))
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
    if (key.asymmetricKeyType !== 'rsa' || bits < KEY_BITS_MIN) {
      return bad('pay-key', both('The merchant’s private key is not RSA 2048', '商户私钥不是 RSA 2048'), fix)
    }
    return good('pay-key', both('The merchant’s private key can be read', '商户私钥可读取'))
  } catch {
    return bad('pay-key', both('The merchant’s private key cannot be read', '无法读取商户私钥'), fix)
  }
}

function checkShape(id: string, value: string, shape: RegExp, { name, fix }: { name: string; fix: string }): Finding {
  return shape.test(value)
    ? good(id, both(`${name} has the right shape`, `${name} 格式正确`))
    : bad(id, both(`${name} is missing or misshapen`, `${name} 缺失或格式不正确`), fix)
}

function checkApiV3Key(key: string): Finding {
  const id = 'pay-api-v3-key'
  return Buffer.byteLength(key) === API_V3_KEY_BYTES
    ? good(id, both('The APIv3 key has 32 characters', 'APIv3 密钥为 32 位'))
    : bad(
        id,
        both('The APIv3 key does not have 32 characters', 'APIv3 密钥不是 32 位'),
        `WECHAT_PAY_API_V3_KEY=…   # ${PAGE} → APIv3 密钥`,
      )
}

/** With neither public key nor certificates the server fetches the certificates itself: that works for old merchants. */
async function checkPublicKey({ publicKeyId, publicKey, certificates, privateKey }: PayFacts): Promise<Finding> {
  const id = 'pay-public-key'
  if (!publicKeyId && !publicKey) {
    const own = certificates ? both('certificates', '平台证书') : both('certificates, fetched', '平台证书，自动获取')
    return good(id, both(`WeChat Pay is verified by ${own.en}`, `使用${own.zh}验签`))
  }
  const fix = `WECHAT_PAY_PUBLIC_KEY_ID=PUB_KEY_ID_… WECHAT_PAY_PUBLIC_KEY=/path/to/pub_key.pem   # ${PAGE} → 微信支付公钥`
  if (!/^PUB_KEY_ID_\d+/.test(publicKeyId) || !publicKey) {
    return bad(id, both('WeChat Pay’s public key needs its id and its text', '微信支付公钥与公钥 ID 须同时设置'), fix)
  }
  try {
    const theirs = createPublicKey(await textOf(publicKey))
    if (isSamePair(theirs, await textOf(privateKey).catch(() => ''))) {
      return bad(
        id,
        both('This is your own key, not WeChat Pay’s public key', '填写的是商户自己的公钥，不是微信支付公钥'),
        fix,
      )
    }
    return good(id, both('WeChat Pay’s public key can be read', '微信支付公钥可读取'))
  } catch {
    return bad(id, both('WeChat Pay’s public key cannot be read', '无法读取微信支付公钥'), fix)
  }
}

function checkNoticeUrl(publicUrl: string): Finding {
  const id = 'pay-notify'
  return publicUrl.startsWith('https://')
    ? good(id, both('Payments are reported to an https address', '支付通知使用 https 地址'))
    : bad(
        id,
        both(
          'WeChat Pay reports to https only: payments are found by asking, seconds later',
          '微信支付只通知 https 地址；目前只能靠轮询发现支付',
        ),
        'PUBLIC_URL=https://api.example.com',
      )
}

/** The mistake that costs people an evening: the merchant's own certificate in the place of the platform's key. */
function isSamePair(theirs: KeyObject, ownText: string): boolean {
  try {
    return createPublicKey(createPrivateKey(ownText)).equals(theirs)
  } catch {
    return false
  }
}

async function textOf(value: string): Promise<string> {
  const text = value.includes('-----BEGIN') || !existsSync(value) ? value : await readFile(value, 'utf8')
  // A certificate in the place of a key holds one.
  return text.includes('BEGIN CERTIFICATE')
    ? new X509Certificate(text).publicKey.export({ type: 'spki', format: 'pem' }).toString()
    : text
}

const good = (id: string, title: Finding['title']): Finding => ({ id, level: 'good', title })
const bad = (id: string, title: Finding['title'], fix: string): Finding => ({ id, level: 'bad', title, fix })
