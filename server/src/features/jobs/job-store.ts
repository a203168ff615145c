/** This feature's rows, and the reads of them. What changes them stands with the decision that it belongs to. */
import type { JobState, JobStatus } from '@sampan/protocol/jobs'
import type { Database, Row, SqlStep, SqlValue, StepResult } from '../../database/database.ts'

/** Part of a transaction script. */
export type Steps<Result> = Generator<SqlStep, Result, StepResult>

export type StoredJob = {
  readonly id: string
  readonly kind: string
  readonly state: JobState
  /** Lower is earlier. */
  readonly urgency: number
  /** JSON text. */
  readonly data: string
  readonly ownerOpenId: string | undefined
  /** Claims so far; of a running job, the fencing token of the one under way. */
  readonly attempts: number
  readonly maxAttempts: number
  readonly progress: number
  readonly message: string
  /** JSON text. */
  readonly result: string | undefined
  readonly error: string | undefined
  readonly createdAtMs: number
  readonly runAtMs: number | undefined
  readonly endedAtMs: number | undefined
}

export async function findJob(database: Database, id: string): Promise<StoredJob | undefined> {
  const [row] = await database.read('SELECT * FROM jobs WHERE id = ?', [id], { cost: 'cheap' })
  return row && toJob(row)
}

/** The latest of this state first. */
export async function listJobs(database: Database, state: JobState, limit: number): Promise<StoredJob[]> {
  const rows = await database.read(
    'SELECT * FROM jobs WHERE state = ? ORDER BY ended_at_ms DESC, created_at_ms DESC, id LIMIT ?',
    [state, limit],
  )
  return rows.map(toJob)
}

export async function countJobs(database: Database): Promise<Record<JobState, number>> {
  const counts = { waiting: 0, running: 0, done: 0, dead: 0, cancelled: 0 }
  for (const row of await database.read('SELECT state, COUNT(*) AS jobs FROM jobs GROUP BY state'))
    counts[String(row['state']) as JobState] = Number(row['jobs']) // safe: only this feature writes it
  return counts
}

/** Of one kind, due by now: waiting ones, and running ones whose worker has not been heard of. */
export async function listDue(database: Database, kind: string, nowMs: number, limit: number): Promise<StoredJob[]> {
  const rows = await database.read(
    `SELECT * FROM jobs WHERE kind = ? AND urgency IS NOT NULL AND run_at_ms <= ?
     ORDER BY urgency, run_at_ms LIMIT ?`,
    [kind, nowMs, limit],
    { cost: 'cheap' },
  )
  return rows.map(toJob)
}

/** Kinds of which something is due by now. */
export async function listDueKinds(database: Database, nowMs: number): Promise<string[]> {
  const sql = 'SELECT DISTINCT kind FROM jobs WHERE run_at_ms <= ?'
  return (await database.read(sql, [nowMs], { cost: 'cheap' })).map((row) => String(row['kind']))
}

export async function nextDueMs(database: Database): Promise<number> {
  const [row] = await database.read('SELECT MIN(run_at_ms) AS next_ms FROM jobs', [], { cost: 'cheap' })
  return numberOf(row?.['next_ms']) ?? Number.POSITIVE_INFINITY
}

export const toJob = (row: Row): StoredJob => ({
  id: String(row['id']),
  kind: String(row['kind']),
  state: String(row['state']) as JobState, // safe: only this feature writes it
  urgency: Number(row['urgency'] ?? 0),
  data: String(row['data']),
  ownerOpenId: textOf(row['owner_open_id']),
  attempts: Number(row['attempts']),
  maxAttempts: Number(row['max_attempts']),
  progress: Number(row['progress']),
  message: String(row['message']),
  result: textOf(row['result']),
  error: textOf(row['error']),
  createdAtMs: Number(row['created_at_ms']),
  runAtMs: numberOf(row['run_at_ms']),
  endedAtMs: numberOf(row['ended_at_ms']),
})

/** As it crosses the wire. */
export const toStatus = (job: StoredJob): JobStatus => {
  const { id, kind, state, progress, message, attempts, maxAttempts, createdAtMs, runAtMs, endedAtMs } = job
  return {
    ...{ id, kind, state, progress, message, attempts, maxAttempts, createdAtMs },
    ...(state === 'waiting' && runAtMs !== undefined && { runAtMs }),
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(job.result !== undefined && { result: JSON.parse(job.result) as unknown }), // safe: written as JSON
    ...(job.error !== undefined && { error: job.error }),
  }
}

const numberOf = (value: SqlValue | undefined) => (value === null || value === undefined ? undefined : Number(value))
const textOf = (value: SqlValue | undefined) => (value === null || value === undefined ? undefined : String(value))
