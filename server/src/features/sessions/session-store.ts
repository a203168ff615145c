/** This feature's SQL: users and sessions. */
import { type Database, type Row, transactionScript } from '../../database/database.ts'

export type NewSession = {
  readonly tokenHash: string
  readonly openId: string
  readonly unionId: string | undefined
  readonly appId: string
  readonly sealedSessionKey: string
  readonly nowMs: number
  readonly expiresAtMs: number
}

export type StoredSession = {
  readonly openId: string
  readonly unionId: string | undefined
  readonly appId: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly revokedAtMs: number | undefined
}

/** Creates the user on first sight, and the session. @throws {AppError} `document_exists` if its token has one */
export const openSession = transactionScript(import.meta.url, 'openSession', function* (session: NewSession) {
  const { openId, appId, unionId = null, nowMs } = session
  const seen = yield {
    sql: 'UPDATE users SET last_login_at_ms = ?, union_id = COALESCE(?, union_id) WHERE open_id = ? AND app_id = ?',
    params: [nowMs, unionId, openId, appId],
  }
  if (seen.changes === 0) {
    yield {
      sql: 'INSERT INTO users (open_id, app_id, union_id, created_at_ms, last_login_at_ms) VALUES (?, ?, ?, ?, ?)',
      params: [openId, appId, unionId, nowMs, nowMs],
    }
  }
  yield {
    sql: `INSERT INTO sessions (token_hash, open_id, union_id, app_id, session_key, created_at_ms, expires_at_ms, last_seen_at_ms)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [session.tokenHash, openId, unionId, appId, session.sealedSessionKey, nowMs, session.expiresAtMs, nowMs],
  }
})

export const revokeSession = transactionScript(
  import.meta.url,
  'revokeSession',
  function* ({ tokenHash, nowMs }: { tokenHash: string; nowMs: number }) {
    const { changes } = yield {
      sql: 'UPDATE sessions SET revoked_at_ms = ? WHERE token_hash = ? AND revoked_at_ms IS NULL',
      params: [nowMs, tokenHash],
    }
    return changes
  },
)

export const revokeUserSessions = transactionScript(
  import.meta.url,
  'revokeUserSessions',
  function* ({ openId, nowMs }: { openId: string; nowMs: number }) {
    const { changes } = yield {
      sql: 'UPDATE sessions SET revoked_at_ms = ? WHERE open_id = ? AND revoked_at_ms IS NULL',
      params: [nowMs, openId],
    }
    return changes
  },
)

/** Forgets a person: every session, and that there was one. */
export const eraseUser = transactionScript(import.meta.url, 'eraseUser', function* (openId: string) {
  yield { sql: 'DELETE FROM sessions WHERE open_id = ?', params: [openId] }
  yield { sql: 'DELETE FROM users WHERE open_id = ?', params: [openId] }
})

export async function findSession(database: Database, tokenHash: string): Promise<StoredSession | undefined> {
  const [row] = await database.read(
    'SELECT open_id, union_id, app_id, created_at_ms, expires_at_ms, revoked_at_ms FROM sessions WHERE token_hash = ?',
    [tokenHash],
    { cost: 'cheap' },
  )
  return row && toSession(row)
}

/** Hashes of the tokens revoked since then, by any process of the deployment. */
export async function listRevokedSince(database: Database, sinceMs: number): Promise<string[]> {
  const rows = await database.read('SELECT token_hash FROM sessions WHERE revoked_at_ms >= ?', [sinceMs], {
    cost: 'cheap',
  })
  return rows.map((row) => String(row['token_hash']))
}

/** The newest valid session's sealed key, to decrypt what `wx.getUserInfo` and the like returned for this user. */
export async function findSealedSessionKey(database: Database, openId: string, nowMs: number) {
  const [row] = await database.read(
    `SELECT session_key FROM sessions WHERE open_id = ? AND revoked_at_ms IS NULL AND expires_at_ms > ?
     ORDER BY created_at_ms DESC LIMIT 1`,
    [openId, nowMs],
    { cost: 'cheap' },
  )
  return row && String(row['session_key'])
}

const toSession = (row: Row): StoredSession => ({
  openId: String(row['open_id']),
  unionId: row['union_id'] === null ? undefined : String(row['union_id']),
  appId: String(row['app_id']),
  createdAtMs: Number(row['created_at_ms']),
  expiresAtMs: Number(row['expires_at_ms']),
  revokedAtMs: row['revoked_at_ms'] === null ? undefined : Number(row['revoked_at_ms']),
})
