/** This feature's SQL: users, sessions and the remembered answers of log-ins. */
import { type Database, type Row, transactionScript } from '../../database/database.ts'

export type NewSession = {
  readonly tokenHash: string
  readonly openId: string
  readonly unionId: string | undefined
  readonly appId: string
  readonly sealedSessionKey: string
  readonly nowMs: number
  readonly expiresAtMs: number
  /** Kept for a while, so that a phone which lost the answer gets the same one. */
  readonly answer: { readonly codeHash: string; readonly sealed: string; readonly expiresAtMs: number }
}

export type StoredSession = {
  readonly openId: string
  readonly unionId: string | undefined
  readonly appId: string
  readonly expiresAtMs: number
  readonly revokedAtMs: number | undefined
}

/** Expired answers removed per log-in: more than one comes, so the table cannot grow. */
const PURGED_PER_LOGIN = 5

/** Creates the user on first sight, the session, and the remembered answer. */
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
  const old = yield {
    sql: `SELECT code_hash FROM login_answers WHERE expires_at_ms < ? LIMIT ${PURGED_PER_LOGIN}`,
    params: [nowMs],
    want: 'rows',
  }
  for (const row of old.rows) {
    yield { sql: 'DELETE FROM login_answers WHERE code_hash = ?', params: [row['code_hash'] ?? null] }
  }
  yield {
    sql: 'INSERT INTO login_answers (code_hash, answer, expires_at_ms) VALUES (?, ?, ?)',
    params: [session.answer.codeHash, session.answer.sealed, session.answer.expiresAtMs],
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
    'SELECT open_id, union_id, app_id, expires_at_ms, revoked_at_ms FROM sessions WHERE token_hash = ?',
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

/** The sealed answer of an earlier log-in with this code. */
export async function findLoginAnswer(database: Database, codeHash: string, nowMs: number) {
  const [row] = await database.read(
    'SELECT answer FROM login_answers WHERE code_hash = ? AND expires_at_ms > ?',
    [codeHash, nowMs],
    { cost: 'cheap' },
  )
  return row && String(row['answer'])
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
  expiresAtMs: Number(row['expires_at_ms']),
  revokedAtMs: row['revoked_at_ms'] === null ? undefined : Number(row['revoked_at_ms']),
})
