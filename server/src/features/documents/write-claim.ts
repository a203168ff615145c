/** What an Idempotency-Key stands for: one caller, one key, one set of parameters. */
import { createHash } from 'node:crypto'
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import type { Identity } from '../sessions/identity.ts'
import { insertIfAbsent } from './collection-tables.ts'
import type { DocumentCaller } from './document-request.ts'
import type { Engine } from './documents-needs.ts'
import type { IdempotencyClaim } from './write-idempotency.ts'

/** Keys of different callers never meet. */
export function claimOf(
  { now, settings, database }: Engine,
  { identity, idempotencyKey }: DocumentCaller,
  parameters: unknown,
): IdempotencyClaim | undefined {
  if (idempotencyKey === undefined) return undefined
  if (idempotencyKey === '' || idempotencyKey.length > LIMITS.idempotencyKeyCharacters) {
    const reason = `must have 1 to ${LIMITS.idempotencyKeyCharacters} characters`
    throw new AppError('invalid_request', `Idempotency-Key ${reason}.`, {
      details: { path: 'Idempotency-Key', reason },
    })
  }
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const nowMs = now()
  return {
    id: sha256(JSON.stringify([callerName(identity), idempotencyKey])),
    hash: sha256(JSON.stringify(parameters)),
    nowMs,
    expiresAtMs: nowMs + settings.idempotencyTtlMs,
    insertSql: insertIfAbsent(database.dialect, 'sampan_idempotency (id, hash, expires_at_ms) VALUES (?, ?, ?)'),
  }
}

export function callerName(identity: Identity): string {
  switch (identity.kind) {
    case 'user':
      return `user ${identity.appId} ${identity.openId}`
    case 'function':
      return `function ${identity.name} ${identity.user?.openId ?? ''}`
    case 'key':
      return `key ${identity.keyId}`
    case 'administrator':
      return `administrator ${identity.id}`
    case 'anonymous':
      return 'anonymous'
  }
}
