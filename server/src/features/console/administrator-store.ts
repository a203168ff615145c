/** SQL of the console's people: administrators, their sessions, and one-time invitations. Tokens arrive as hashes. */
import { type Database, type Row, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'

export type Role = 'owner' | 'developer' | 'viewer'
export type Administrator = { id: string; name: string; role: Role; createdAtMs: number }
export type ConsoleSession = {
  /** The first characters of the token's hash: enough to name a session, useless to enter one. */
  id: string
  administratorId: string
  createdAtMs: number
  expiresAtMs: number
  ip: string
  userAgent: string
}
type NewAdministrator = Administrator & { passwordHash: string }
type NewSession = Omit<ConsoleSession, 'id'> & { tokenHash: string }

const SESSION_ID_CHARACTERS = 12
const SESSIONS_LISTED = 100

export const addInvite = transactionScript(
  import.meta.url,
  'addInvite',
  function* (invite: { tokenHash: string; role: Role; nowMs: number; expiresAtMs: number }) {
    yield { sql: 'DELETE FROM console_invites WHERE expires_at_ms <= ?', params: [invite.nowMs] }
    yield {
      sql: 'INSERT INTO console_invites (token_hash, role, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?)',
      params: [invite.tokenHash, invite.role, invite.nowMs, invite.expiresAtMs],
    }
  },
)

/** Uses the invitation up and makes the account, in one transaction: two people with one link make one account. */
export const acceptInvite = transactionScript(
  import.meta.url,
  'acceptInvite',
  function* (args: { tokenHash: string; nowMs: number; administrator: Omit<NewAdministrator, 'role'> }) {
    const found = yield {
      sql: 'SELECT role FROM console_invites WHERE token_hash = ? AND expires_at_ms > ?',
      params: [args.tokenHash, args.nowMs],
      want: 'rows',
    }
    const role = found.rows[0] && toRole(found.rows[0]['role'])
    const used = yield { sql: 'DELETE FROM console_invites WHERE token_hash = ?', params: [args.tokenHash] }
    if (!role || used.changes === 0) throw new AppError('setup_link_invalid', 'This link was used or has expired.')
    const taken = yield {
      sql: 'SELECT id FROM administrators WHERE name = ?',
      params: [args.administrator.name],
      want: 'rows',
    }
    if (taken.rows.length) throw new AppError('administrator_exists', 'Somebody has this name already.')
    const { id, name, passwordHash, createdAtMs } = args.administrator
    yield {
      sql: 'INSERT INTO administrators (id, name, password_hash, role, created_at_ms) VALUES (?, ?, ?, ?, ?)',
      params: [id, name, passwordHash, role, createdAtMs],
    }
    return { id, name, role, createdAtMs }
  },
)

export const addSession = transactionScript(import.meta.url, 'addSession', function* (session: NewSession) {
  yield { sql: 'DELETE FROM console_sessions WHERE expires_at_ms <= ?', params: [session.createdAtMs] }
  yield {
    sql: `INSERT INTO console_sessions
          (token_hash, administrator_id, created_at_ms, expires_at_ms, ip, user_agent) VALUES (?, ?, ?, ?, ?, ?)`,
    params: [
      session.tokenHash,
      session.administratorId,
      session.createdAtMs,
      session.expiresAtMs,
      session.ip,
      session.userAgent,
    ],
  }
})

export const removeSessions = transactionScript(
  import.meta.url,
  'removeSessions',
  function* (which: {
    administratorId: string
    /** The start of the token's hash; absent: all sessions of this person. */
    tokenHashStart?: string
  }) {
    const { changes } = yield {
      sql: 'DELETE FROM console_sessions WHERE administrator_id = ? AND token_hash LIKE ?',
      params: [which.administratorId, `${which.tokenHashStart ?? ''}%`],
    }
    return changes
  },
)

export const changeRole = transactionScript(
  import.meta.url,
  'changeRole',
  function* (args: { id: string; role: Role }) {
    yield { sql: 'UPDATE administrators SET role = ? WHERE id = ?', params: [args.role, args.id] }
    yield* refuseWithoutOwner()
  },
)

export const changePassword = transactionScript(
  import.meta.url,
  'changePassword',
  function* (args: { id: string; passwordHash: string }) {
    yield {
      sql: 'UPDATE administrators SET password_hash = ? WHERE id = ?',
      params: [args.passwordHash, args.id],
    }
    yield { sql: 'DELETE FROM console_sessions WHERE administrator_id = ?', params: [args.id] }
  },
)

export const removeAdministrator = transactionScript(import.meta.url, 'removeAdministrator', function* (id: string) {
  yield { sql: 'DELETE FROM console_sessions WHERE administrator_id = ?', params: [id] }
  yield { sql: 'DELETE FROM administrators WHERE id = ?', params: [id] }
  yield* refuseWithoutOwner()
})

/** A console without an owner could only be opened again from the box. */
function* refuseWithoutOwner() {
  const { rows } = yield {
    sql: "SELECT COUNT(*) AS owners FROM administrators WHERE role = 'owner'",
    want: 'rows' as const,
  }
  if (Number(rows[0]?.['owners']) === 0) throw new AppError('last_owner', 'The last owner must stay.')
}

export async function countAdministrators(database: Database): Promise<number> {
  const rows = await database.read('SELECT COUNT(*) AS people FROM administrators', [], { cost: 'cheap' })
  return Number(rows[0]?.['people'])
}

export async function findByName(database: Database, name: string) {
  const [row] = await database.read('SELECT * FROM administrators WHERE name = ?', [name], { cost: 'cheap' })
  return row && { ...toAdministrator(row), passwordHash: String(row['password_hash']) }
}

export async function findBySession(database: Database, tokenHash: string, nowMs: number) {
  const [row] = await database.read(
    `SELECT a.id, a.name, a.role, a.created_at_ms FROM console_sessions s
     JOIN administrators a ON a.id = s.administrator_id WHERE s.token_hash = ? AND s.expires_at_ms > ?`,
    [tokenHash, nowMs],
    { cost: 'cheap' },
  )
  return row && toAdministrator(row)
}

export async function listAdministrators(database: Database): Promise<Administrator[]> {
  const rows = await database.read('SELECT * FROM administrators ORDER BY name', [], { cost: 'cheap' })
  return rows.map(toAdministrator)
}

export async function listConsoleSessions(database: Database, administratorId: string): Promise<ConsoleSession[]> {
  const rows = await database.read(
    `SELECT * FROM console_sessions WHERE administrator_id = ? ORDER BY created_at_ms DESC LIMIT ${SESSIONS_LISTED}`,
    [administratorId],
    { cost: 'cheap' },
  )
  return rows.map((row) => ({
    id: String(row['token_hash']).slice(0, SESSION_ID_CHARACTERS),
    administratorId: String(row['administrator_id']),
    createdAtMs: Number(row['created_at_ms']),
    expiresAtMs: Number(row['expires_at_ms']),
    ip: String(row['ip']),
    userAgent: String(row['user_agent']),
  }))
}

const toAdministrator = (row: Row): Administrator => ({
  id: String(row['id']),
  name: String(row['name']),
  role: toRole(row['role']),
  createdAtMs: Number(row['created_at_ms']),
})

/** The weakest role for anything unknown. */
const toRole = (value: unknown): Role => (value === 'owner' || value === 'developer' ? value : 'viewer')
