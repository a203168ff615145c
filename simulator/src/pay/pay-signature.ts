import { Refusal } from '../refusal.ts'
import type { Answer, Input } from '../route.ts'
import type { SeededRandom } from '../seeded-random.ts'
import type { PayKeys } from './pay-keys.ts'
import { PayRefusal } from './pay-refusal.ts'

const CLOCK_TOLERANCE_MS = 300_000
const SCHEME = 'WECHATPAY2-SHA256-RSA2048'

export type PaySignature = {
  /** @throws {PayRefusal} SIGN_ERROR that says what is wrong */
  check(input: Input): void
  /** An answer with the headers that prove who gave it. */
  sign(facts: unknown): Answer
  /** A refusal in the same form. */
  refuse(thrown: unknown): Answer
  /** The next answers carry a wrong signature that says it is a probe. */
  probeAnswers(times: number): void
}

export function openPaySignature(keys: PayKeys, random: SeededRandom, now: () => number): PaySignature {
  let probesLeft = 0

  const headersFor = (bytes: Buffer, number: number) => {
    const timestamp = String(Math.floor(now() / 1000))
    const nonce = random.letters(32).toLowerCase()
    const { serial, signature } = keys.sign(`${timestamp}\n${nonce}\n${bytes}\n`)
    const isProbe = probesLeft > 0
    if (isProbe) probesLeft -= 1
    return {
      'request-id': `08${random.hex8()}${random.hex8()}-${number}`,
      'wechatpay-timestamp': timestamp,
      'wechatpay-nonce': nonce,
      'wechatpay-signature': isProbe ? `WECHATPAY/SIGNTEST/${signature.slice(19)}` : signature,
      'wechatpay-signature-type': SCHEME,
      'wechatpay-serial': serial,
    }
  }

  const answer = (status: number, facts: unknown, number: number): Answer => {
    const bytes = facts === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(facts))
    return { status, bytes, contentType: 'application/json; charset=utf-8', headers: headersFor(bytes, number) }
  }

  return {
    check({ method, url, headers, bytes }) {
      if (!headers['user-agent'] || !headers.accept)
        throw new PayRefusal('wrongParameter', 'Http头缺少Accept或User-Agent')
      const [scheme, fields = ''] = (headers.authorization ?? '').split(/ (.*)/s)
      if (scheme !== SCHEME) throw wrong('Http头Authorization认证类型不正确')
      const given = Object.fromEntries([...fields.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]))
      const { mchid, nonce_str: nonce, signature, timestamp, serial_no: serial } = given
      if (!mchid || !nonce || !signature || !timestamp || !serial) throw wrong('Http头Authorization值格式错误')
      if (mchid !== keys.mchId) throw wrong('商户号不存在')
      if (serial !== keys.merchantSerial) throw wrong('商户证书序列号有误')
      if (Math.abs(now() - Number(timestamp) * 1000) >= CLOCK_TOLERANCE_MS)
        throw wrong('Http头Authorization中的timestamp与发起请求的时间不得超过5分钟')
      const isRight = keys.isSignedByMerchant(`${method}\n${url}\n${timestamp}\n${nonce}\n${bytes}\n`, signature)
      if (!isRight) throw wrong('签名错误,请检查后再试')
    },
    sign: (facts) => answer(facts === undefined ? 204 : 200, facts, 0),
    refuse(thrown) {
      const refusal = thrown instanceof PayRefusal ? thrown : meaningOf(thrown)
      return answer(refusal.status, { code: refusal.code, message: refusal.message }, refusal.number)
    },
    probeAnswers(times) {
      probesLeft = times
    },
  }
}

const wrong = (message: string) => new PayRefusal('wrongSignature', message)

/** A quota that is used up, or a fault of the simulator itself. */
function meaningOf(thrown: unknown) {
  const isQuota = thrown instanceof Refusal && thrown.errcode === 45011
  return isQuota ? new PayRefusal('tooOften') : new PayRefusal('broken', String(thrown))
}
