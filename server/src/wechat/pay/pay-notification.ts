import { AppError } from '../../errors.ts'
import type { PayNotification } from './pay.ts'
import { asRecord, parseObject, readOrder, readRefund } from './pay-answer.ts'
import type { PayKeys } from './pay-keys.ts'
import { type Objection, objectionTo } from './pay-signature.ts'

/** WeChat Pay's notifications have about a kilobyte; nothing larger is worth a signature check. */
const BODY_LIMIT_BYTES = 64 * 1024

type Reason = Objection | 'too_large' | 'body' | 'sealed' | 'mchid' | 'appid'

type Account = { appId: string; mchId: string }

/**
 * A notification, believed only after every check: size, signature over the raw bytes, seal, merchant, app. No check asks
 * anybody else: a stranger who posts nonsense must not be able to make us call WeChat Pay.
 *
 * @throws {AppError} `signature_invalid` with `details.reason`
 */
export function readNotification(
  headers: Readonly<Record<string, unknown>>,
  body: Buffer,
  { appId, mchId }: Account,
  { keys, nowMs }: { keys: PayKeys; nowMs: number },
): PayNotification {
  if (body.length > BODY_LIMIT_BYTES) throw refused('too_large')
  const objection = objectionTo(headers, body, keys, nowMs)
  if (objection) throw refused(objection)

  const { id, event_type: eventType, resource } = parseObject(body) ?? {}
  if (typeof id !== 'string' || typeof eventType !== 'string') throw refused('body')
  const text = keys.unseal(asRecord(resource))
  if (text === undefined) throw refused('sealed')
  const facts = parseObject(text) ?? {}
  if (facts['mchid'] !== mchId) throw refused('mchid')

  if (eventType.startsWith('REFUND.')) return { id, kind: 'refund', refund: readRefund(facts) }
  if (eventType !== 'TRANSACTION.SUCCESS') throw refused('body')
  if (facts['appid'] !== appId) throw refused('appid')
  return { id, kind: 'payment', order: readOrder(facts) }
}

function refused(reason: Reason) {
  return new AppError('signature_invalid', 'The payment notification was refused.', { details: { reason } })
}
