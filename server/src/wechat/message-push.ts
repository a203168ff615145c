import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { AppError } from '../errors.ts'
import { isSame } from './encrypted-data.ts'

const BLOCK_BYTES = 32
const SALT_BYTES = 16
const HEADER_BYTES = SALT_BYTES + 4
/** Own rule: WeChat repeats within seconds, so that an older message is a replay. */
const CLOCK_TOLERANCE_MS = 5 * 60_000

/** What is entered in the account's console under message push. */
export type MessagePushConfig = {
  appId: string
  token: string
  /** 43 letters and digits; empty in plain mode. */
  encodingAesKey: string
  now?: () => number
}

type PushQuery = Readonly<Record<string, string | undefined>>

/**
 * The door through which WeChat reports events and messages. JSON only: choose JSON as the format in the console.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
 */
export function openMessagePush({ appId, token, encodingAesKey, now = Date.now }: MessagePushConfig) {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64')
  const sign = (...parts: string[]) =>
    createHash('sha1')
      .update([token, ...parts].sort().join(''))
      .digest('hex')

  const checkSignature = (
    signature: string | undefined,
    { timestamp = '', nonce = '' }: PushQuery,
    ...more: string[]
  ) => {
    if (!isSame(sign(timestamp, nonce, ...more), signature ?? '')) throw refused('The signature is wrong.')
    if (Math.abs(now() - Number(timestamp) * 1000) > CLOCK_TOLERANCE_MS) throw refused('The timestamp is too far off.')
  }

  const decrypt = (encrypted: string) => {
    const bytes = decipher(key, encrypted)
    const end = HEADER_BYTES + (bytes.length >= HEADER_BYTES ? bytes.readUInt32BE(SALT_BYTES) : 0)
    if (bytes.length < HEADER_BYTES || end > bytes.length) throw refused('The message is not whole.')
    // Without this, a message for another account of the same console would be taken for ours.
    if (bytes.subarray(end).toString() !== appId) throw refused('The message is for another AppID.')
    return bytes.subarray(HEADER_BYTES, end).toString('utf8')
  }

  return {
    /** Answers the check that WeChat makes when the address is entered: returns what to send back, as text. */
    answerCheck(query: PushQuery): string {
      checkSignature(query['signature'], query)
      return query['echostr'] ?? ''
    },

    /**
     * Verifies a report and returns it readable. Answer `success` within five seconds, and work afterwards.
     *
     * @throws {AppError} `signature_invalid`
     */
    read(query: PushQuery, body: Readonly<Record<string, unknown>>): Record<string, unknown> {
      const { Encrypt: encrypted } = body
      if (typeof encrypted !== 'string') {
        // In safe mode a readable body can only come from someone else.
        if (encodingAesKey) throw refused('The message is not encrypted.')
        checkSignature(query['signature'], query)
        return { ...body }
      }
      checkSignature(query['msg_signature'], query, encrypted)
      return parseObject(decrypt(encrypted))
    },

    /** An answer to the user, in the envelope that safe mode wants. */
    writeReply(reply: Readonly<Record<string, unknown>>) {
      const message = Buffer.from(JSON.stringify(reply))
      const length = Buffer.alloc(4)
      length.writeUInt32BE(message.length)
      const encrypted = encipher(key, Buffer.concat([randomBytes(SALT_BYTES), length, message, Buffer.from(appId)]))
      const timestamp = Math.floor(now() / 1000)
      const nonce = randomBytes(8).toString('hex')
      const signature = sign(String(timestamp), nonce, encrypted)
      return { Encrypt: encrypted, MsgSignature: signature, TimeStamp: timestamp, Nonce: nonce }
    },
  }
}

/** AES with padding to blocks of 32 bytes, which no library strips by itself. */
function decipher(key: Buffer, encrypted: string) {
  const data = Buffer.from(encrypted, 'base64')
  if (data.length === 0 || data.length % BLOCK_BYTES !== 0) throw refused('The message is not whole.')
  const engine = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  const bytes = Buffer.concat([engine.update(data), engine.final()])
  const padding = bytes.at(-1) ?? 0
  if (padding < 1 || padding > BLOCK_BYTES) throw refused('The message is not whole.')
  return bytes.subarray(0, bytes.length - padding)
}

function encipher(key: Buffer, content: Buffer) {
  const padding = BLOCK_BYTES - (content.length % BLOCK_BYTES)
  const engine = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false)
  const bytes = [engine.update(content), engine.update(Buffer.alloc(padding, padding)), engine.final()]
  return Buffer.concat(bytes).toString('base64')
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed }
  } catch {
    // XML, if the console is set to it; answered below
  }
  throw refused('The message is not JSON; choose JSON in the console.')
}

const refused = (message: string) => new AppError('signature_invalid', message)
