/** Who did what in the console. Written before the answer is sent; never changed; no secrets in it. */
import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { type Database, transactionScript } from '../../database/database.ts'
import { signedIn } from './console-access.ts'

export type AuditEntry = {
  atMs: number
  actor: string
  action: string
  target: string
  details: Record<string, unknown>
  ip: string
}

const DETAILS_CHARACTERS_MAX = 4_000
const TARGET_CHARACTERS_MAX = 255

export const addAuditEntry = transactionScript(
  import.meta.url,
  'addAuditEntry',
  function* (entry: Omit<AuditEntry, 'details'> & { id: string; details: string }) {
    yield {
      sql: 'INSERT INTO audit_entries (id, at_ms, actor, action, target, details, ip) VALUES (?, ?, ?, ?, ?, ?, ?)',
      params: [entry.id, entry.atMs, entry.actor, entry.action, entry.target, entry.details, entry.ip],
    }
  },
)

/** Writes down what the signed-in person of this request did. */
export type Audit = (
  request: FastifyRequest,
  action: string,
  target: string,
  details?: Record<string, unknown>,
) => Promise<void>

export function createAudit(database: Database, now: () => number): Audit {
  return (request, action, target, details = {}) =>
    recordAudit(database, { atMs: now(), actor: signedIn(request).name, action, target, details, ip: request.ip })
}

export async function recordAudit(database: Database, entry: AuditEntry) {
  const details = JSON.stringify(entry.details)
  await database.transact(addAuditEntry, {
    ...entry,
    id: randomUUID(),
    target: entry.target.slice(0, TARGET_CHARACTERS_MAX),
    details:
      details.length <= DETAILS_CHARACTERS_MAX
        ? details
        : JSON.stringify({ cut: details.slice(0, DETAILS_CHARACTERS_MAX / 2) }),
  })
}

export async function listAudit(database: Database, { beforeMs, limit }: { beforeMs: number; limit: number }) {
  const rows = await database.read(
    'SELECT * FROM audit_entries WHERE at_ms < ? ORDER BY at_ms DESC LIMIT ?',
    [beforeMs, limit],
    { cost: 'cheap' },
  )
  return rows.map((row) => ({
    id: String(row['id']),
    atMs: Number(row['at_ms']),
    actor: String(row['actor']),
    action: String(row['action']),
    target: String(row['target']),
    details: String(row['details']),
    ip: String(row['ip']),
  }))
}
