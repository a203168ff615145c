/** Keys for server-to-server access: another program proves with one that the owner let it in. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Database, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Identity } from './identity.ts'
import type { Seal } from './seal.ts'

export type AccessKey = {
  readonly secretId: string
  readonly label: string
  readonly createdAtMs: number
  readonly lastUsedAtMs: number | undefined
  readonly revokedAtMs: number | undefined
}

export type KeyIdentity = Extract<Identity, { kind: 'key' }>

export interface AccessKeys {
  /** The only time that anybody sees the secretKey. */
  create(label: string): Promise<{ secretId: string; secretKey: string }>
  list(): Promise<AccessKey[]>
  /** Takes effect in this process at once, in others within half a minute. @returns whether there was such a key */
  revoke(secretId: string): Promise<boolean>
  /** What signatures of this key are checked with; undefined if it is unknown or revoked. */
  findSecret(secretId: string): Promise<string | undefined>
  /** A token of the form `secretId.secretKey`, for programs that cannot sign. @throws {AppError} `signature_invalid` */
  verifyToken(token: string): Promise<KeyIdentity>
}

type Needs = { readonly database: Database; readonly seal: Seal; readonly now: () => number }

/** As Tencent's own ids begin, so that nobody's validation refuses them. */
const ID_PREFIX = 'AKID'
const ID_BYTES = 16
const SECRET_BYTES = 32
/** How long another process may go on trusting a key that was revoked. */
const REMEMBERED_MS = 30_000
const REMEMBERED_KEYS = 1_000
/** `last_used_at_ms` says roughly when, not exactly: one write per key and minute is enough. */
const USE_NOTED_EVERY_MS = 60_000
const LISTED_KEYS = 500

export function openAccessKeys({ database, seal, now }: Needs): AccessKeys {
  const remembered = new LRUCache<string, { secret: string | undefined }>({ max: REMEMBERED_KEYS, ttl: REMEMBERED_MS })

  const findSecret = async (secretId: string) => {
    const known = remembered.get(secretId)
    if (known) return known.secret
    const [row] = await database.read(
      'SELECT secret_key, last_used_at_ms FROM access_keys WHERE secret_id = ? AND revoked_at_ms IS NULL',
      [secretId],
      { cost: 'cheap' },
    )
    const secret = row ? seal.open(String(row['secret_key'])) : undefined
    remembered.set(secretId, { secret })
    if (row && now() - Number(row['last_used_at_ms'] ?? 0) > USE_NOTED_EVERY_MS) {
      await database.transact(noteUse, { secretId, nowMs: now() })
    }
    return secret
  }

  return {
    findSecret,
    async create(label) {
      const secretId = ID_PREFIX + randomBytes(ID_BYTES).toString('hex')
      const secretKey = randomBytes(SECRET_BYTES).toString('hex')
      await database.transact(saveKey, { secretId, sealedKey: seal.seal(secretKey), label, nowMs: now() })
      return { secretId, secretKey }
    },
    async list() {
      const rows = await database.read(
        `SELECT secret_id, label, created_at_ms, last_used_at_ms, revoked_at_ms
         FROM access_keys ORDER BY created_at_ms DESC LIMIT ${LISTED_KEYS}`,
      )
      return rows.map((row) => ({
        secretId: String(row['secret_id']),
        label: String(row['label']),
        createdAtMs: Number(row['created_at_ms']),
        lastUsedAtMs: row['last_used_at_ms'] === null ? undefined : Number(row['last_used_at_ms']),
        revokedAtMs: row['revoked_at_ms'] === null ? undefined : Number(row['revoked_at_ms']),
      }))
    },
    async revoke(secretId) {
      const wasRevoked = await database.transact(revokeKey, { secretId, nowMs: now() })
      remembered.delete(secretId)
      return wasRevoked
    },
    async verifyToken(token) {
      const [secretId = '', given = ''] = token.split('.')
      const secret = await findSecret(secretId)
      if (!secret || !isSame(secret, given)) throw new AppError('signature_invalid', 'This access key is not valid.')
      return { kind: 'key', keyId: secretId }
    },
  }
}

type NewKey = { secretId: string; sealedKey: string; label: string; nowMs: number }

export const saveKey = transactionScript(import.meta.url, 'saveKey', function* (key: NewKey) {
  yield {
    sql: 'INSERT INTO access_keys (secret_id, secret_key, label, created_at_ms) VALUES (?, ?, ?, ?)',
    params: [key.secretId, key.sealedKey, key.label, key.nowMs],
  }
})

type KeyAtTime = { secretId: string; nowMs: number }

export const revokeKey = transactionScript(import.meta.url, 'revokeKey', function* ({ secretId, nowMs }: KeyAtTime) {
  const revoked = yield {
    sql: 'UPDATE access_keys SET revoked_at_ms = ? WHERE secret_id = ? AND revoked_at_ms IS NULL',
    params: [nowMs, secretId],
  }
  return revoked.changes > 0
})

export const noteUse = transactionScript(import.meta.url, 'noteUse', function* ({ secretId, nowMs }: KeyAtTime) {
  yield { sql: 'UPDATE access_keys SET last_used_at_ms = ? WHERE secret_id = ?', params: [nowMs, secretId] }
})

function isSame(expected: string, given: string): boolean {
  const [one, two] = [Buffer.from(expected), Buffer.from(given)]
  return one.length === two.length && timingSafeEqual(one, two)
}
