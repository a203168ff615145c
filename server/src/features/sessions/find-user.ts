import type { Database } from '../../database/database.ts'

export type KnownUser = { readonly openId: string; readonly unionId: string | undefined; readonly createdAtMs: number }

/** A person who has logged in at least once. */
export async function findUser(database: Database, openId: string): Promise<KnownUser | undefined> {
  const [row] = await database.read('SELECT open_id, union_id, created_at_ms FROM users WHERE open_id = ?', [openId])
  if (!row) return undefined
  const unionId = row['union_id'] === null ? undefined : String(row['union_id'])
  return { openId: String(row['open_id']), unionId, createdAtMs: Number(row['created_at_ms']) }
}
