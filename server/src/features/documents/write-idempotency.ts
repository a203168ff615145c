/**
 * The same Idempotency-Key has one effect and one answer: the key is claimed, and the answer stored, inside the
 * transaction of the write itself.
 */
import type { SqlStep, StepResult } from '../../database/database.ts'
import { AppError } from '../../errors.ts'

export type IdempotencyClaim = {
  /** Unique per caller and key. */
  readonly id: string
  /** Of the request's parameters. */
  readonly hash: string
  readonly nowMs: number
  readonly expiresAtMs: number
  /** In the database's dialect: inserts nothing if the id is there. */
  readonly insertSql: string
}

/** Expired keys deleted by one write: keeps the table small without a long transaction. */
const PURGED_ROWS = 20

/** Runs `work` once per key; a repetition gets the first answer. @throws {AppError} `idempotency_mismatch` */
export function* once<Result>(
  claim: IdempotencyClaim | undefined,
  work: () => Generator<SqlStep, Result, StepResult>,
): Generator<SqlStep, Result, StepResult> {
  if (!claim) return yield* work()
  const { id, hash, nowMs, expiresAtMs, insertSql } = claim
  yield* purge(claim)
  const inserted = yield { sql: insertSql, params: [id, hash, expiresAtMs] }
  if (inserted.changes === 0) {
    const found = yield {
      sql: 'SELECT hash, result FROM sampan_idempotency WHERE id = ? AND expires_at_ms > ?',
      params: [id, nowMs],
      want: 'rows',
    }
    const [row] = found.rows
    if (!row || textOf(row['hash']) !== hash) {
      throw new AppError('idempotency_mismatch', 'This Idempotency-Key was used for another request.')
    }
    return JSON.parse(textOf(row['result']))
  }
  const result = yield* work()
  yield { sql: 'UPDATE sampan_idempotency SET result = ? WHERE id = ?', params: [JSON.stringify(result), id] }
  return result
}

function* purge({ id, nowMs }: IdempotencyClaim): Generator<SqlStep, void, StepResult> {
  yield { sql: 'DELETE FROM sampan_idempotency WHERE id = ? AND expires_at_ms <= ?', params: [id, nowMs] }
  const expired = yield {
    sql: `SELECT id FROM sampan_idempotency WHERE expires_at_ms <= ? LIMIT ${PURGED_ROWS}`,
    params: [nowMs],
    want: 'rows',
  }
  for (const row of expired.rows) {
    yield { sql: 'DELETE FROM sampan_idempotency WHERE id = ?', params: [row['id'] ?? null] }
  }
}

const textOf = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString() : String(value))
