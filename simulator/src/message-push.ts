import { createCipheriv, createHash } from 'node:crypto'
import type { SeededRandom } from './seeded-random.ts'

const TRY_LIMIT = 3
const TRY_TIMEOUT_MS = 5_000
const BLOCK_BYTES = 32
/** Deliveries remembered, and deliveries under way at once. */
const DELIVERY_LIMIT = 1_000

/** The server that WeChat reports to, as entered in the account's console. */
export type PushTarget = {
  url: string
  token: string
  /** 43 letters and digits; needed for `compatible` and `safe`. */
  encodingAesKey?: string
  /** `safe`: encrypted only; `compatible`: both; `plain`: readable. */
  mode: 'plain' | 'compatible' | 'safe'
}

export type PushEvent = { openid: string; event: string; facts?: Readonly<Record<string, unknown>> }

export type Delivery = { readonly event: string; tries: number; status: 'sending' | 'delivered' | 'given up' }

/** How a test has a push go wrong. */
export type PushTrick = { times?: number; forgeSignature?: boolean; appId?: string; atMs?: number }

export type MessagePush = {
  /** Sends an event to the target, if there is one, as WeChat does: three tries of five seconds. */
  send(event: PushEvent, trick?: PushTrick): void
  /** The check that WeChat makes when the address is entered. */
  verifyTarget(): Promise<boolean>
  list(): readonly Delivery[]
  /** Resolves once nothing is under way. */
  settle(): Promise<void>
}

type Needs = { appId: string; target: PushTarget | undefined; now: () => number; random: SeededRandom }

export function openMessagePush({ appId, target, now, random }: Needs): MessagePush {
  let deliveries: Delivery[] = []
  const underWay = new Set<Promise<void>>()

  const signed = (token: string, atMs: number, ...more: string[]) => {
    const timestamp = String(Math.floor(atMs / 1000))
    const nonce = String(random.fraction()).slice(2, 12)
    const sign = (...parts: string[]) => createHash('sha1').update(parts.sort().join('')).digest('hex')
    return {
      timestamp,
      nonce,
      signature: sign(token, timestamp, nonce),
      messageSignature: sign(token, timestamp, nonce, ...more),
    }
  }

  async function deliver(to: PushTarget, { openid, event, facts }: PushEvent, trick: PushTrick, delivery: Delivery) {
    const atMs = trick.atMs ?? now()
    const createTime = Math.floor(atMs / 1000)
    const plain = {
      ToUserName: 'gh_000000000000',
      FromUserName: openid,
      CreateTime: createTime,
      MsgType: 'event',
      Event: event,
      ...facts,
    }
    const text = JSON.stringify(plain)
    const encrypted =
      to.mode === 'plain' ? '' : encrypt(to.encodingAesKey ?? '', trick.appId ?? appId, text, random.bytes(16))
    const { timestamp, nonce, signature, messageSignature } = signed(
      trick.forgeSignature ? 'forged' : to.token,
      atMs,
      encrypted,
    )
    const query = new URLSearchParams({ signature, timestamp, nonce, openid })
    if (encrypted) {
      query.set('encrypt_type', 'aes')
      query.set('msg_signature', messageSignature)
    }
    const envelope = { ToUserName: plain.ToUserName, Encrypt: encrypted }
    const body = to.mode === 'plain' ? plain : to.mode === 'safe' ? envelope : { ...plain, ...envelope }

    while (delivery.tries < TRY_LIMIT && delivery.status === 'sending') {
      delivery.tries += 1
      if (await isAccepted(`${to.url}?${query}`, JSON.stringify(body))) delivery.status = 'delivered'
    }
    if (delivery.status === 'sending') delivery.status = 'given up'
  }

  return {
    send(event, trick = {}) {
      if (!target || underWay.size >= DELIVERY_LIMIT) return
      for (let at = 0; at < (trick.times ?? 1); at++) {
        const delivery: Delivery = { event: event.event, tries: 0, status: 'sending' }
        deliveries = [...deliveries.slice(1 - DELIVERY_LIMIT), delivery]
        const task = deliver(target, event, trick, delivery).finally(() => underWay.delete(task))
        underWay.add(task)
      }
    },
    async verifyTarget() {
      if (!target) return false
      const { timestamp, nonce, signature } = signed(target.token, now())
      const echostr = random.letters(19)
      const query = new URLSearchParams({ signature, timestamp, nonce, echostr })
      const response = await fetch(`${target.url}?${query}`, { signal: AbortSignal.timeout(TRY_TIMEOUT_MS) })
      return (await response.text()) === echostr
    },
    list: () => deliveries,
    async settle() {
      await Promise.all(underWay)
    },
  }
}

/** Accepted is an answer of `success`, of nothing, or of a reply to the user, within five seconds. */
async function isAccepted(url: string, body: string) {
  try {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(TRY_TIMEOUT_MS) })
    const text = await response.text()
    return response.ok && (text === '' || text === 'success' || text.startsWith('{'))
  } catch {
    return false // not reached, or too slow: tried again
  }
}

/** 16 random bytes, length, message, AppID; padded to blocks of 32 although AES has blocks of 16. */
function encrypt(encodingAesKey: string, appId: string, text: string, salt: Buffer) {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64')
  const message = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(message.length)
  const content = Buffer.concat([salt, length, message, Buffer.from(appId)])
  const padding = BLOCK_BYTES - (content.length % BLOCK_BYTES)
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  return Buffer.concat([
    cipher.update(content),
    cipher.update(Buffer.alloc(padding, padding)),
    cipher.final(),
  ]).toString('base64')
}
