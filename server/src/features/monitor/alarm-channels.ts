/**
 * Where alarms go: WeCom, DingTalk, Feishu, Server酱, any webhook, e-mail. The robots answer HTTP 200 when they refuse,
 * so the body decides.
 *
 * @see https://developer.work.weixin.qq.com/document/path/91770
 * @see https://open.dingtalk.com/document/robots/customize-robot-security-settings
 * @see https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
 */
import { createHmac } from 'node:crypto'
import { sendMail } from './alarm-mail.ts'
import { ChannelError } from './channel-error.ts'

export const CHANNEL_KINDS = ['wecom', 'dingtalk', 'feishu', 'serverchan', 'webhook', 'email'] as const
export type ChannelKind = (typeof CHANNEL_KINDS)[number]

export type AlarmChannel = {
  readonly id: string
  readonly kind: ChannelKind
  /** The robot's address. It is a key: whoever knows it can post. For e-mail: `parseMailUrl` says how it looks. */
  readonly url: string
  /** DingTalk's and Feishu's signing secret; the mail account's password. */
  readonly secret?: string
}

export type AlarmMessage = { readonly title: string; readonly text: string }

const TIMEOUT_MS = 8_000
const ANSWER_CHARACTERS_SHOWN = 200
/** WeCom's limit for a text; the others take more, and nobody reads more on a phone. */
const TEXT_BYTES_MAX = 2_000

type RobotKind = Exclude<ChannelKind, 'email'>
type Post = { url: string; body: unknown }

/** @throws {ChannelError} when the vendor refused or could not be reached */
export async function sendToChannel(channel: AlarmChannel, message: AlarmMessage, nowMs: number): Promise<void> {
  if (channel.kind === 'email') return sendMail(channel, message)
  return post(channel.kind, POSTS[channel.kind](channel, message, nowMs))
}

async function post(kind: RobotKind, { url, body }: Post): Promise<void> {
  let status: number
  let text: string
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    status = response.status
    text = await response.text()
  } catch (cause) {
    throw new ChannelError('unreachable', 'The channel could not be reached.', { cause })
  }
  const code = refusalCode(kind, status, text)
  if (code !== undefined) throw new ChannelError(code, `Refused: ${text.slice(0, ANSWER_CHARACTERS_SHOWN)}`)
}

const POSTS: Record<RobotKind, (channel: AlarmChannel, message: AlarmMessage, nowMs: number) => Post> = {
  wecom: ({ url }, message) => ({ url, body: { msgtype: 'text', text: { content: plain(message) } } }),
  dingtalk: ({ url, secret }, message, nowMs) => ({
    url: secret ? signedDingTalk(url, secret, nowMs) : url,
    body: { msgtype: 'text', text: { content: plain(message) } },
  }),
  feishu: ({ url, secret }, message, nowMs) => ({
    url,
    body: {
      ...(secret && feishuSignature(secret, nowMs)),
      msg_type: 'text',
      content: { text: plain(message) },
    },
  }),
  serverchan: ({ url }, { title, text }) => ({ url, body: { title: cutBytes(title, 96), desp: text } }),
  webhook: ({ url }, message) => ({ url, body: message }),
}

const plain = ({ title, text }: AlarmMessage) => cutBytes(`${title}\n${text}`, TEXT_BYTES_MAX)

/** Cuts at a character, not inside one. */
export function cutBytes(text: string, bytes: number): string {
  const encoded = Buffer.from(text)
  if (encoded.length <= bytes) return text
  return `${new TextDecoder('utf-8').decode(encoded.subarray(0, bytes - 3), { stream: true })}…`
}

/** `timestamp` in milliseconds; HMAC of "timestamp\nsecret" under the secret. */
function signedDingTalk(url: string, secret: string, nowMs: number): string {
  const sign = createHmac('sha256', secret).update(`${nowMs}\n${secret}`).digest('base64')
  const signed = new URL(url)
  signed.searchParams.set('timestamp', String(nowMs))
  signed.searchParams.set('sign', sign)
  return signed.href
}

/** `timestamp` in seconds; HMAC of nothing under "timestamp\nsecret": the roles of key and text are swapped. */
function feishuSignature(secret: string, nowMs: number) {
  const timestamp = String(Math.floor(nowMs / 1000))
  return { timestamp, sign: createHmac('sha256', `${timestamp}\n${secret}`).update('').digest('base64') }
}

/** The vendor's code when it did not take the message. */
function refusalCode(kind: RobotKind, status: number, text: string): string | undefined {
  if (status < 200 || status > 299) return String(status)
  if (kind === 'webhook') return undefined
  const body = parseObject(text)
  const codes = { wecom: ['errcode'], dingtalk: ['errcode'], feishu: ['code', 'StatusCode'], serverchan: ['code'] }[
    kind
  ]
  const found = codes.map((name) => body[name]).find((code) => code !== undefined)
  if (found === 0) return undefined
  return found === undefined ? 'no_code' : String(found)
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
  } catch {
    return {}
  }
}
