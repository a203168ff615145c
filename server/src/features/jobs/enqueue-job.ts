/**
 * Writes a job down. `enqueueJob` is a part of a transaction script: used inside a script of the project's own, the job is
 * there exactly if the rest of that transaction is.
 */
import { transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { type Steps, type StoredJob, toJob } from './job-store.ts'

export type JobOrder = {
  /** Up to 32 characters; `newJobId()` makes one. */
  readonly id: string
  readonly kind: string
  /** JSON. */
  readonly data: unknown
  readonly nowMs: number
  readonly runAtMs?: number
  /** While a job of this kind with this key waits or runs, this gives that one. */
  readonly uniqueKey?: string
  /** Higher is earlier. -1000 to 1000. */
  readonly priority?: number
  readonly maxAttempts?: number
  /** Who may look at it in the mini program. */
  readonly ownerOpenId?: string
}

export const MAX_ATTEMPTS_DEFAULT = 5
const MAX_ATTEMPTS_MAX = 100
const DATA_BYTES_MAX = 256 * 1024
const KEY_CHARACTERS_MAX = 255
const PRIORITY_MAX = 1_000

/** Of the time and chance: later jobs have greater ids. */
export function newJobId(nowMs: number): string {
  const random = crypto.getRandomValues(new Uint8Array(8))
  return `j${nowMs.toString(36)}${Buffer.from(random).toString('hex')}`
}

/** @throws {AppError} `invalid_request` */
export function* enqueueJob(order: JobOrder): Steps<StoredJob> {
  const { id, kind, nowMs, runAtMs = nowMs, uniqueKey, priority = 0, maxAttempts = MAX_ATTEMPTS_DEFAULT } = order
  const data = JSON.stringify(order.data ?? {})
  checkOrder({ data, uniqueKey, priority, maxAttempts })
  if (uniqueKey !== undefined) {
    const sql = 'SELECT * FROM jobs WHERE kind = ? AND unique_key = ?'
    const [known] = (yield { sql, params: [kind, uniqueKey], want: 'rows', locksRows: true }).rows
    if (known) return toJob(known)
  }
  yield {
    sql: `INSERT INTO jobs (id, kind, state, urgency, run_at_ms, unique_key, data, owner_open_id, attempts, max_attempts,
            progress, message, created_at_ms) VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?, 0, ?, 0, '', ?)`,
    params: [id, kind, -priority, runAtMs, uniqueKey ?? null, data, order.ownerOpenId ?? null, maxAttempts, nowMs],
  }
  const [row] = (yield { sql: 'SELECT * FROM jobs WHERE id = ?', params: [id], want: 'rows' }).rows
  if (row) return toJob(row)
  throw new AppError('internal', 'A job vanished while it was written.')
}

export const addJob = transactionScript(import.meta.url, 'addJob', enqueueJob)

type Checked = { data: string; uniqueKey: string | undefined; priority: number; maxAttempts: number }

function checkOrder({ data, uniqueKey = 'x', priority, maxAttempts }: Checked) {
  const refuse = (field: string, rule: string) => {
    throw new AppError('invalid_request', `${field} ${rule}.`, { details: { field } })
  }
  if (Buffer.byteLength(data) > DATA_BYTES_MAX) refuse('data', `may have ${DATA_BYTES_MAX} bytes; put more into a file`)
  if (uniqueKey === '' || uniqueKey.length > KEY_CHARACTERS_MAX)
    refuse('uniqueKey', `must have 1 to ${KEY_CHARACTERS_MAX} characters`)
  if (!Number.isInteger(priority) || Math.abs(priority) > PRIORITY_MAX)
    refuse('priority', `must be a whole number from ${-PRIORITY_MAX} to ${PRIORITY_MAX}`)
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > MAX_ATTEMPTS_MAX)
    refuse('maxAttempts', `must be 1 to ${MAX_ATTEMPTS_MAX}`)
}
