/**
 * How jobs go on and end. Whoever works on a job names the attempt for which it was claimed: once another worker has
 * claimed it, or somebody cancelled it, nothing that the first one says counts any more (`job_lease_lost`).
 */
import { transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { type Steps, type StoredJob, toJob } from './job-store.ts'

/** One claim of one job. */
export type Claim = { readonly id: string; readonly attempt: number }

export type NewClaim = {
  readonly job: Pick<StoredJob, 'id' | 'attempts' | 'runAtMs'>
  readonly nowMs: number
  readonly untilMs: number
}

/**
 * Takes a due job, if nobody else did since it was read. One whose worker died in its last attempt is given up instead.
 */
export const claimJob = transactionScript(
  import.meta.url,
  'claimJob',
  function* ({ job, nowMs, untilMs }: NewClaim): Steps<StoredJob | undefined> {
    const { id, attempts, runAtMs = 0 } = job
    const guard = [id, attempts, runAtMs]
    const { changes } = yield {
      // The urgency first: MySQL reads what the assignments before it have written.
      sql: `UPDATE jobs SET urgency = CASE WHEN state = 'waiting' THEN urgency - ${AHEAD} ELSE urgency END,
              state = 'running', attempts = attempts + 1, run_at_ms = ?, progress = 0, message = ''
            WHERE id = ? AND attempts = ? AND run_at_ms = ? AND state IN ('waiting', 'running')
              AND attempts < max_attempts`,
      params: [untilMs, ...guard],
    }
    if (changes === 1) return yield* findRow(id)
    yield {
      sql: `UPDATE jobs SET ${ENDED}, state = 'dead', error = ?, ended_at_ms = ?
            WHERE id = ? AND attempts = ? AND run_at_ms = ? AND state = 'running' AND attempts >= max_attempts`,
      params: ['Its worker was lost in the last attempt.', nowMs, ...guard],
    }
    return undefined
  },
)

/** A running job stands before all that wait: if its worker is lost, it is next. */
const AHEAD = 10_000

/** What an ended job no longer has: a time, a place in the order, and its key. */
const ENDED = 'run_at_ms = NULL, urgency = NULL, unique_key = NULL'

export type Renew = Claim & { readonly untilMs: number }

/** "I am still at it." @throws {AppError} `job_lease_lost` */
export const renewClaim = transactionScript(
  import.meta.url,
  'renewClaim',
  function* ({ id, attempt, untilMs }: Renew): Steps<void> {
    const { changes } = yield {
      sql: `UPDATE jobs SET run_at_ms = ? WHERE id = ? AND attempts = ? AND state = 'running'`,
      params: [untilMs, id, attempt],
    }
    if (changes === 0) throw leaseLost(id)
  },
)

export type Report = Claim & { readonly progress: number; readonly message: string }

/** @throws {AppError} `job_lease_lost` */
export const reportProgress = transactionScript(
  import.meta.url,
  'reportProgress',
  function* ({ id, attempt, progress, message }: Report): Steps<void> {
    const { changes } = yield {
      sql: `UPDATE jobs SET progress = ?, message = ? WHERE id = ? AND attempts = ? AND state = 'running'`,
      params: [progress, message, id, attempt],
    }
    if (changes === 0) throw leaseLost(id)
  },
)

/** `result`: JSON text. */
export type Completion = Claim & { readonly result: string | undefined; readonly nowMs: number }

/**
 * Ends the job well. As part of a script of the project's own, together with what the job changes: then that change
 * happens exactly once, whatever dies when.
 *
 * @throws {AppError} `job_lease_lost`
 */
export function* completeJob({ id, attempt, result, nowMs }: Completion): Steps<void> {
  const { changes } = yield {
    sql: `UPDATE jobs SET ${ENDED}, state = 'done', progress = 100, result = ?, error = NULL, ended_at_ms = ?
          WHERE id = ? AND attempts = ? AND state = 'running'`,
    params: [result ?? null, nowMs, id, attempt],
  }
  if (changes === 0) throw leaseLost(id)
}

export const finishJob = transactionScript(import.meta.url, 'finishJob', completeJob)

export type Failure = Claim & {
  readonly error: string
  readonly nowMs: number
  /** When to try again, if it may be tried again. */
  readonly retryAtMs: number
  /** It will not get better. */
  readonly isFinal: boolean
}

/** Plans the next attempt, or gives the job up. @throws {AppError} `job_lease_lost` */
export const failJob = transactionScript(
  import.meta.url,
  'failJob',
  function* ({ id, attempt, error, nowMs, retryAtMs, isFinal }: Failure): Steps<'waiting' | 'dead'> {
    const { changes } = yield {
      sql: `UPDATE jobs SET state = 'waiting', urgency = urgency + ${AHEAD}, run_at_ms = ?, error = ?
            WHERE id = ? AND attempts = ? AND state = 'running' AND attempts < max_attempts AND 0 = ?`,
      params: [retryAtMs, error, id, attempt, Number(isFinal)],
    }
    if (changes === 1) return 'waiting'
    const dead = yield {
      sql: `UPDATE jobs SET ${ENDED}, state = 'dead', error = ?, ended_at_ms = ?
            WHERE id = ? AND attempts = ? AND state = 'running'`,
      params: [error, nowMs, id, attempt],
    }
    if (dead.changes === 0) throw leaseLost(id)
    return 'dead'
  },
)

/** A stopping server gives back what it has not finished; the attempt does not count. */
export const returnJob = transactionScript(
  import.meta.url,
  'returnJob',
  function* ({ id, attempt, nowMs }: Claim & { nowMs: number }): Steps<void> {
    yield {
      sql: `UPDATE jobs SET state = 'waiting', urgency = urgency + ${AHEAD}, run_at_ms = ?, max_attempts = max_attempts + 1
            WHERE id = ? AND attempts = ? AND state = 'running'`,
      params: [nowMs, id, attempt],
    }
  },
)

/** Its worker is told at its next sign of life. Again: the same answer. @throws {AppError} `job_not_found`, `job_ended` */
export const cancelJob = transactionScript(
  import.meta.url,
  'cancelJob',
  function* ({ id, nowMs }: { id: string; nowMs: number }): Steps<StoredJob> {
    yield {
      sql: `UPDATE jobs SET ${ENDED}, state = 'cancelled', ended_at_ms = ? WHERE id = ? AND state IN ('waiting', 'running')`,
      params: [nowMs, id],
    }
    return yield* getJob(id, 'cancelled')
  },
)

/** A dead or cancelled job from the beginning. @throws {AppError} `job_not_found`, `job_ended` */
export const retryJob = transactionScript(
  import.meta.url,
  'retryJob',
  function* ({ id, nowMs }: { id: string; nowMs: number }): Steps<StoredJob> {
    // `attempts` goes on, because a worker of an earlier attempt may still be at it.
    yield {
      sql: `UPDATE jobs SET state = 'waiting', urgency = 0, run_at_ms = ?, max_attempts = attempts + max_attempts,
              ended_at_ms = NULL WHERE id = ? AND state IN ('dead', 'cancelled')`,
      params: [nowMs, id],
    }
    return yield* getJob(id, 'waiting')
  },
)

/** Forgets a dead letter. @throws {AppError} `job_not_found`, `job_ended` */
export const discardJob = transactionScript(
  import.meta.url,
  'discardJob',
  function* ({ id }: { id: string }): Steps<void> {
    yield* getJob(id, 'dead')
    yield { sql: `DELETE FROM jobs WHERE id = ? AND state = 'dead'`, params: [id] }
  },
)

/** Dead letters stay until a person has seen them. */
export const purgeJobs = transactionScript(import.meta.url, 'purgeJobs', function* (beforeMs: number): Steps<number> {
  const { changes } = yield {
    sql: `DELETE FROM jobs WHERE state IN ('done', 'cancelled') AND ended_at_ms < ?`,
    params: [beforeMs],
  }
  return changes
})

function* getJob(id: string, wanted: StoredJob['state']): Steps<StoredJob> {
  const job = yield* findRow(id)
  if (!job) throw new AppError('job_not_found', `There is no job ${id}.`)
  if (job.state === wanted) return job
  throw new AppError('job_ended', `The job is ${job.state}.`, { details: { state: job.state } })
}

function* findRow(id: string): Steps<StoredJob | undefined> {
  const { rows } = yield { sql: 'SELECT * FROM jobs WHERE id = ?', params: [id], want: 'rows' }
  return rows[0] && toJob(rows[0])
}

const leaseLost = (id: string) => new AppError('job_lease_lost', `The job ${id} is no longer this worker's.`)
