import { setTimeout as sleep } from 'node:timers/promises'
import { control } from '../control-api.ts'
import type { People } from '../people.ts'
import type { Quotas } from '../quotas.ts'
import { type Input, isRecord, type Route } from '../route.ts'
import type { SeededRandom } from '../seeded-random.ts'
import { payApi } from './pay-api.ts'
import { openPayBills } from './pay-bill.ts'
import { orderFacts, refundNotice } from './pay-facts.ts'
import { type KeyMode, openPayKeys, type PayCredentials } from './pay-keys.ts'
import { type Order, openPayLedger, type Refund } from './pay-ledger.ts'
import { type Notice, type NotifyTrick, openPayNotify, type PayNotify } from './pay-notify.ts'
import { openPaySignature, type PaySignature } from './pay-signature.ts'

const REFUND_DURATION_MS = 3_000

export type PayOptions = {
  mchId?: string
  /** 32 letters and digits; made up if left out. */
  apiV3Key?: string
  keyMode?: KeyMode
  /** How much faster than in life notifications repeat and refunds arrive. */
  timeScale?: number
  /** Whether people may pay who have not logged in since the start, as sessions outlive a simulator in development. */
  takesAnyPayer?: boolean
}

/** What `wx.requestPayment` takes. */
export type PaymentRequest = {
  timeStamp: string
  nonceStr: string
  package: string
  signType: string
  paySign: string
}

export type PaySimulator = {
  /** What the server's configuration needs, made up at each start. */
  credentials(): PayCredentials
  setKeyMode(mode: KeyMode): Promise<void>
  addCertificate(): Promise<void>
  /** What the phone does: checks the page's signature, then pays. @throws if either fails */
  requestPayment(request: PaymentRequest): void
  /** Pays without the phone, by order number. @throws if the order cannot be paid (any more) */
  payOrder(outTradeNo: string): void
  readonly notify: Pick<PayNotify, 'habits' | 'list' | 'settle'>
  /** Sends one more notification of a paid order, wrong in the given way; the status of the server's answer. */
  notifyAgain(outTradeNo: string, trick?: NotifyTrick): Promise<number>
  probeAnswers(times: number): void
  /** The next refund ends like this instead of well. */
  endNextRefund(status: 'ABNORMAL' | 'CLOSED'): void
  /** Puts a wrong amount into tomorrow's bill. */
  falsifyBill(outTradeNo: string, totalFen: number): void
  /** WeChat's own books, to compare with. */
  ledger(): { outTradeNo: string; state: Order['state']; totalFen: number; refundedFen: number }[]
}

type Needs = {
  appId: string
  options: PayOptions
  people: People
  quotas: Quotas
  random: SeededRandom
  now: () => number
}

export type OpenPay = {
  simulator: PaySimulator
  routes: Route[]
  signature: PaySignature
  close(): void
}

/** WeChat Pay, put together. */
export async function openPay({ appId, options, people, quotas, random, now }: Needs): Promise<OpenPay> {
  const { mchId = '1900000001', apiV3Key, keyMode: mode = 'public-key', timeScale = 1, takesAnyPayer = false } = options
  const keys = await openPayKeys({ mchId, apiV3Key, mode, random, now })
  const ledger = openPayLedger(now, random)
  const bills = openPayBills({ appId, mchId, ledger, now, random })
  const notify = openPayNotify({ keys, random, now, timeScale })
  const signature = openPaySignature(keys, random, now)
  const stop = new AbortController()
  let nextRefundEnd: Refund['status'] = 'SUCCESS'

  const paidNotice = (order: Order): Notice => ({
    url: order.notifyUrl,
    eventType: 'TRANSACTION.SUCCESS',
    subject: order.outTradeNo,
    facts: orderFacts(order, { appId, mchId }),
  })

  const pay = (prepayId: string) => {
    const order = ledger.pay(prepayId)
    notify.send(paidNotice(order))
    return order
  }

  const finishLater = async (refund: Refund) => {
    const status = nextRefundEnd
    nextRefundEnd = 'SUCCESS'
    await sleep(REFUND_DURATION_MS / timeScale, undefined, { signal: stop.signal, ref: false })
    ledger.finishRefund(refund, status)
    if (!refund.notifyUrl) return
    const facts = refundNotice(refund, mchId)
    const eventType = `REFUND.${status}` as Notice['eventType'] // safe: every end of a refund is an event
    notify.send({ url: refund.notifyUrl, eventType, subject: refund.outRefundNo, facts })
  }
  const onRefund = (refund: Refund) => void finishLater(refund).catch(() => {}) // stopped: nobody waits for it

  const simulator: PaySimulator = {
    credentials: keys.credentials,
    async setKeyMode(next) {
      if (next !== 'public-key' && keys.certificates().length === 0) await keys.addCertificate()
      keys.setMode(next)
    },
    addCertificate: keys.addCertificate,
    requestPayment({ timeStamp, nonceStr, package: pack, signType, paySign }) {
      const text = `${appId}\n${timeStamp}\n${nonceStr}\n${pack}\n`
      if (signType !== 'RSA' || !keys.isSignedByMerchant(text, paySign)) {
        throw new Error('requestPayment:fail 支付验证签名失败')
      }
      pay(pack.replace(/^prepay_id=/, ''))
    },
    payOrder(outTradeNo) {
      const [prepayId] = [...ledger.getOrder({ outTradeNo }).prepayIds.keys()].slice(-1)
      pay(prepayId ?? '')
    },
    notify,
    notifyAgain: (outTradeNo, trick = {}) => notify.sendOnce(paidNotice(ledger.getOrder({ outTradeNo })), trick),
    probeAnswers: signature.probeAnswers,
    endNextRefund(status) {
      nextRefundEnd = status
    },
    falsifyBill: (outTradeNo, totalFen) => void bills.wrongAmounts.set(outTradeNo, totalFen),
    ledger: () =>
      ledger.listOrders().map(({ outTradeNo, state, totalFen, refunds }) => {
        const done = refunds.filter((refund) => refund.status === 'SUCCESS')
        return { outTradeNo, state, totalFen, refundedFen: done.reduce((sum, { refundFen }) => sum + refundFen, 0) }
      }),
  }

  return {
    simulator,
    signature,
    routes: [
      ...payApi({ appId, keys, ledger, bills, signature, people, quotas, now, onRefund, takesAnyPayer }),
      control('POST', '/simulator/pay', 'pays as the phone does: {"outTradeNo":"…"}', ({ json }: Input) =>
        payByHand(simulator, json),
      ),
    ],
    close() {
      stop.abort()
      notify.close()
    },
  }
}

/** `{"outTradeNo": "…"}`, or what the page would give to wx.requestPayment. */
function payByHand(simulator: PaySimulator, json: Readonly<Record<string, unknown>>) {
  try {
    if (typeof json['outTradeNo'] === 'string') simulator.payOrder(json['outTradeNo'])
    else if (isPaymentRequest(json)) simulator.requestPayment(json)
    else return { status: 400, json: { errMsg: 'requestPayment:fail parameters missing' } }
    return { json: { errMsg: 'requestPayment:ok' } }
  } catch (error) {
    return { status: 400, json: { errMsg: `requestPayment:fail ${error instanceof Error ? error.message : ''}` } }
  }
}

function isPaymentRequest(json: unknown): json is PaymentRequest {
  const names = ['timeStamp', 'nonceStr', 'package', 'signType', 'paySign']
  return isRecord(json) && names.every((name) => typeof json[name] === 'string')
}
