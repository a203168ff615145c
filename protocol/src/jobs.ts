/**
 * `/v1/jobs`: work that takes longer than an answer may: transcoding, exports, batches.
 *
 *     POST /v1/jobs             NewJob → JobStatus; people only for kinds that allow it
 *     GET  /v1/jobs/<id>        JobStatus; people see their own
 *     POST /v1/jobs/<id>/cancel JobStatus
 */

export type NewJob = {
  /** As declared under `jobs` in sampan.config.ts, or the name of a cloud function. */
  kind: string
  data?: Record<string, unknown>
  /** Not before this time. Default: now. */
  runAtMs?: number
  /** While a job of this kind with this key waits or runs, adding another one gives that one. */
  uniqueKey?: string
  /** Higher is earlier among jobs that are due. Default: 0. */
  priority?: number
  /** Runs before it is given up as a dead letter. Default: as declared for the kind. */
  maxAttempts?: number
}

/** `dead`: given up after its last attempt; a person looks at it. */
export type JobState = 'waiting' | 'running' | 'done' | 'dead' | 'cancelled'

export type JobStatus = {
  id: string
  kind: string
  state: JobState
  /** 0 to 100, as the job itself reports. */
  progress: number
  message: string
  attempts: number
  maxAttempts: number
  createdAtMs: number
  /** When it runs next; absent once it has ended. */
  runAtMs?: number
  endedAtMs?: number
  /** What it returned. */
  result?: unknown
  /** Why the last attempt failed. */
  error?: string
}

export type JobList = { jobs: JobStatus[] }
