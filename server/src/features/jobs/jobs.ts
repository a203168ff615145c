/** Jobs: work that takes longer than an answer may, written down first, done beside the requests, never lost. */
import type { JobState, JobStatus, NewJob } from '@sampan/protocol/jobs'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { addJob, MAX_ATTEMPTS_DEFAULT, newJobId } from './enqueue-job.ts'
import { countJobs, findJob, listJobs, type StoredJob, toStatus } from './job-store.ts'
import { type JobHandler, JobRunner } from './run-jobs.ts'
import { cancelJob, discardJob, purgeJobs, type Report, reportProgress, retryJob } from './settle-job.ts'

/** A kind of job as sampan.config.ts declares it. */
export type DeclaredJob = {
  readonly kind: string
  /** The cloud function that does it; absent: a handler of the project's own routes does. */
  readonly function?: string | undefined
  /** How many at once, in each server process. Default: 1. */
  readonly concurrency?: number | undefined
  readonly maxAttempts?: number | undefined
  /** Whether people in the mini program may add such jobs. Default: no. */
  readonly isForUsers?: boolean | undefined
}

export interface Jobs {
  /** Wakes a worker at once. @throws {AppError} `job_kind_unknown`, `invalid_request` */
  add(job: NewJob, owner?: { readonly openId: string; readonly isUser: boolean }): Promise<JobStatus>
  /** @param openId whose it must be; undefined: anybody's. @throws {AppError} `job_not_found` */
  status(id: string, openId?: string): Promise<JobStatus>
  /** @throws {AppError} `job_not_found`, `job_ended` */
  cancel(id: string, openId?: string): Promise<JobStatus>
  /** The latest hundred of this state. */
  list(state: JobState): Promise<JobStatus[]>
  /** @throws {AppError} `job_not_found`, `job_ended` */
  retry(id: string): Promise<JobStatus>
  discard(id: string): Promise<void>
  /** What a function says of the job that it does. @throws {AppError} `job_lease_lost` */
  report(report: Report): Promise<void>
  /** Lets this process run jobs of this kind. Before `start`. */
  handle(kind: string, handler: JobHandler, concurrency?: number): void
  counts(): Promise<Record<JobState, number>>
  start(): void
  /** Finishes what runs if it can in this time; the rest is done after the next start. */
  close(): Promise<void>
}

export type JobNeeds = {
  readonly database: Database
  readonly kinds: readonly DeclaredJob[]
  /** Runs a cloud function as a job, at low priority. */
  readonly runFunction: (name: string, job: FunctionJob) => Promise<unknown>
  readonly hasFunction: (name: string) => boolean
  /** Jobs at once in this process. */
  readonly workers: number
  /** Ended jobs are kept this long. */
  readonly keptMs: number
  readonly leaseMs?: number
  /** Default: this process's own. */
  readonly monotonicMs?: () => number
  readonly log: Log
  readonly now: () => number
}

export type FunctionJob = {
  readonly id: string
  readonly attempt: number
  readonly kind: string
  readonly data: unknown
  readonly ownerOpenId: string | undefined
  readonly signal: AbortSignal
}

const LEASE_MS = 30_000
const LISTED = 100
const CLOSE_MS = 5_000
const PURGE_EVERY_MS = 3_600_000

export function openJobs(needs: JobNeeds): Jobs {
  const { database, now, log, workers, leaseMs = LEASE_MS, monotonicMs = () => performance.now() } = needs
  const declared = new Map(needs.kinds.map((kind) => [kind.kind, kind]))
  const handlers = new Map<string, { handler: JobHandler; concurrency: number }>()
  const runner = new JobRunner({ ...needs, leaseMs, workers, kindOf, monotonicMs })
  let purging: NodeJS.Timeout | undefined

  function kindOf(kind: string) {
    const { function: name = kind, concurrency = 1 } = declared.get(kind) ?? {}
    const own = handlers.get(kind)
    if (own) return own
    if (!needs.hasFunction(name)) return undefined
    const handler: JobHandler = (job) => needs.runFunction(name, job)
    return { handler, concurrency }
  }

  async function getJob(id: string, openId: string | undefined): Promise<StoredJob> {
    const job = await findJob(database, id)
    if (job && (openId === undefined || job.ownerOpenId === openId)) return job
    throw new AppError('job_not_found', `There is no job ${id}.`)
  }

  async function purge() {
    const count = await database.transact(purgeJobs, now() - needs.keptMs)
    if (count > 0) log.info({ count }, 'ended jobs forgotten')
  }

  return {
    async add(job, owner) {
      const { kind } = job
      const declaration = declared.get(kind)
      const isAllowed = !owner?.isUser || declaration?.isForUsers
      if (!isAllowed || (!declaration && !kindOf(kind)))
        throw new AppError('job_kind_unknown', `There are no jobs of the kind "${kind}" for this caller.`)
      const nowMs = now()
      const order = {
        ...job,
        id: newJobId(nowMs),
        data: job.data ?? {},
        nowMs,
        maxAttempts: job.maxAttempts ?? declaration?.maxAttempts ?? MAX_ATTEMPTS_DEFAULT,
        ...(owner && { ownerOpenId: owner.openId }),
      }
      // The same key at the same moment: one is there now, and the other finds it.
      const added = await database.transact(addJob, order).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'document_exists') return database.transact(addJob, order)
        throw error
      })
      runner.wake()
      return toStatus(added)
    },
    status: async (id, openId) => toStatus(await getJob(id, openId)),
    async cancel(id, openId) {
      await getJob(id, openId)
      return toStatus(await database.transact(cancelJob, { id, nowMs: now() }))
    },
    list: async (state) => (await listJobs(database, state, LISTED)).map(toStatus),
    async retry(id) {
      const job = await database.transact(retryJob, { id, nowMs: now() })
      runner.wake()
      return toStatus(job)
    },
    discard: (id) => database.transact(discardJob, { id }),
    report: (report) => database.transact(reportProgress, report),
    handle: (kind, handler, concurrency = declared.get(kind)?.concurrency ?? 1) => {
      handlers.set(kind, { handler, concurrency })
    },
    counts: () => countJobs(database),
    start() {
      runner.start()
      purging = setInterval(
        () => purge().catch((err: unknown) => log.warn({ err }, 'no jobs were forgotten')),
        PURGE_EVERY_MS,
      )
      purging.unref()
    },
    async close() {
      clearInterval(purging)
      await runner.close(CLOSE_MS)
    },
  }
}
