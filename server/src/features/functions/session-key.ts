import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { UserIdentity } from '../sessions/identity.ts'
import type { Seal } from '../sessions/seal.ts'

/**
 * The key with which WeChat encrypts and signs this user's data: that of the latest log-in. Used here, never sent out.
 * @throws {AppError} `session_expired`
 */
export async function getSessionKey(
  { openId, appId }: UserIdentity,
  { database, seal }: { readonly database: Database; readonly seal: Seal },
): Promise<string> {
  const [row] = await database.read(
    `SELECT session_key FROM sessions WHERE open_id = ? AND app_id = ? ORDER BY created_at_ms DESC LIMIT 1`,
    [openId, appId],
    { cost: 'cheap' },
  )
  if (!row) throw new AppError('session_expired', 'The user has to log in again.')
  return seal.open(String(row['session_key']))
}
