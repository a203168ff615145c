import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../seeded-random.ts'
import { beijingTime } from './pay-facts.ts'
import type { PayKeys } from './pay-keys.ts'

const ANSWER_TIMEOUT_MS = 5_000
const NOTIFICATION_LIMIT = 10_000

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** The pauses before the fifteen repetitions of a notification that was not answered well. */
// biome-ignore format: a table keeps its columns
export const REPEAT_PAUSES_MS: readonly number[] = [
  15 * SECOND_MS, 15 * SECOND_MS, 30 * SECOND_MS, 3 * MINUTE_MS, 10 * MINUTE_MS, 20 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS,
  30 * MINUTE_MS, 60 * MINUTE_MS, 3 * HOUR_MS, 3 * HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 6 * HOUR_MS,
]

/** How notifications go wrong by themselves; rates from 0 to 1. */
export type NotifyHabits = {
  /** Never sent: the query is the truth. */
  lossRate: number
  duplicateRate: number
  /** Preceded by a probe whose signature is wrong on purpose. */
  probeRate: number
}

/** How a test makes one notification wrong. */
export type NotifyTrick = {
  /** Signed with a key that is not WeChat Pay's. */
  forgeSignature?: boolean
  /** A probe of WeChat Pay itself: a wrong signature that says so. */
  isProbe?: boolean
  atMs?: number
  serial?: string
  /** Changes the encrypted facts, such as `{ mchid: '…' }` or `{ amount: { total: 1 } }`; the signature is right. */
  facts?: Readonly<Record<string, unknown>>
  /** The signature stays, the body changes. */
  changeBody?: boolean
}

export type Notification = {
  readonly id: string
  readonly eventType: string
  readonly subject: string
  tries: number
  status: 'waiting' | 'accepted' | 'given up' | 'lost'
}

export type PayNotify = {
  habits: NotifyHabits
  /** Sends and repeats until it is answered with 200 or 204. */
  send(notice: Notice): void
  /** Sends once and tells the status of the answer. */
  sendOnce(notice: Notice, trick: NotifyTrick): Promise<number>
  list(): readonly Notification[]
  /** Resolves once every notification was accepted or given up. */
  settle(): Promise<void>
  close(): void
}

export type Notice = {
  url: string
  eventType: 'TRANSACTION.SUCCESS' | 'REFUND.SUCCESS' | 'REFUND.ABNORMAL' | 'REFUND.CLOSED'
  subject: string
  facts: Readonly<Record<string, unknown>>
}

/** `timeScale` 1000 lets 24 hours of repetitions pass in a minute and a half. */
type Needs = { keys: PayKeys; random: SeededRandom; now: () => number; timeScale: number }

export function openPayNotify({ keys, random, now, timeScale }: Needs): PayNotify {
  const stop = new AbortController()
  const underWay = new Set<Promise<void>>()
  let notifications: Notification[] = []

  /** The same id and the same body at each repetition, and a fresh signature. */
  const compose = (id: string, { eventType, facts }: Notice, trick: NotifyTrick) => {
    const original = eventType === 'TRANSACTION.SUCCESS' ? 'transaction' : 'refund'
    const sealed = keys.encrypt(JSON.stringify({ ...facts, ...trick.facts }), original)
    return JSON.stringify({
      id,
      create_time: beijingTime(now()),
      resource_type: 'encrypt-resource',
      event_type: eventType,
      summary: original === 'transaction' ? '支付成功' : '退款通知',
      resource: { original_type: original, algorithm: 'AEAD_AES_256_GCM', ...sealed },
    })
  }

  async function post(url: string, body: string, trick: NotifyTrick): Promise<number> {
    const timestamp = String(Math.floor((trick.atMs ?? now()) / 1000))
    const nonce = random.letters(32)
    const { serial, signature } = keys.sign(`${timestamp}\n${nonce}\n${body}\n`)
    const wrong = random.bytes(256).toString('base64')
    const probe = `WECHATPAY/SIGNTEST/${wrong.slice(0, 300)}`
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Mozilla/4.0',
      'wechatpay-timestamp': timestamp,
      'wechatpay-nonce': nonce,
      'wechatpay-signature': trick.isProbe ? probe : trick.forgeSignature ? wrong : signature,
      'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
      'wechatpay-serial': trick.serial ?? serial,
    }
    const sent = trick.changeBody ? body.replace('encrypt-resource', 'encrypt-resourcE') : body
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
    try {
      const response = await fetch(url, { method: 'POST', headers, body: sent, signal })
      await response.arrayBuffer()
      return response.status
    } catch {
      return 0 // not reached or too slow
    }
  }

  async function deliver(notice: Notice, notification: Notification) {
    const body = compose(notification.id, notice, {})
    if (random.fraction() < habits.probeRate) await post(notice.url, body, { isProbe: true })
    for (const pauseMs of [...REPEAT_PAUSES_MS, undefined]) {
      notification.tries += 1
      const attempts = [post(notice.url, body, {})]
      if (random.fraction() < habits.duplicateRate) attempts.push(post(notice.url, body, {}))
      const statuses = await Promise.all(attempts)
      if (statuses.some((status) => status === 200 || status === 204)) {
        notification.status = 'accepted'
        return
      }
      if (pauseMs !== undefined) await sleep(pauseMs / timeScale, undefined, { signal: stop.signal, ref: false })
    }
    notification.status = 'given up'
  }

  const habits: NotifyHabits = { lossRate: 0, duplicateRate: 0, probeRate: 0 }

  return {
    habits,
    send(notice) {
      const id = `EV-${random.letters(29)}`
      const isLost = random.fraction() < habits.lossRate || underWay.size >= NOTIFICATION_LIMIT
      const { eventType, subject } = notice
      const notification: Notification = { id, eventType, subject, tries: 0, status: isLost ? 'lost' : 'waiting' }
      notifications = [...notifications.slice(1 - NOTIFICATION_LIMIT), notification]
      if (isLost) return
      const task = deliver(notice, notification)
        .catch(() => {
          notification.status = 'given up' // the simulator was closed in the meantime
        })
        .finally(() => underWay.delete(task))
      underWay.add(task)
    },
    sendOnce: (notice, trick) => post(notice.url, compose(`EV-${random.letters(29)}`, notice, trick), trick),
    list: () => notifications,
    async settle() {
      while (underWay.size) await Promise.all(underWay)
    },
    close: () => stop.abort(),
  }
}
