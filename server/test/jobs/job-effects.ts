/** What the jobs of these tests change, as scripts of a project would: the effect and the job's end in one transaction. */
import { transactionScript } from '../../src/database/database.ts'
import { enqueueJob, type JobOrder } from '../../src/features/jobs/enqueue-job.ts'
import { type Completion, completeJob } from '../../src/features/jobs/settle-job.ts'

export const EFFECTS_TABLE = 'CREATE TABLE effects (job_id VARCHAR(32) NOT NULL, attempt INTEGER NOT NULL)'

/** No unique index: a second effect would be seen. */
export const addEffect = transactionScript(import.meta.url, 'addEffect', function* (completion: Completion) {
  const { id, attempt } = completion
  yield { sql: 'INSERT INTO effects (job_id, attempt) VALUES (?, ?)', params: [id, attempt] }
  yield* completeJob(completion)
})

/** A deliberate bug: the effect does not depend on whether the job is still this worker's. */
export const addEffectUnfenced = transactionScript(import.meta.url, 'addEffectUnfenced', function* (c: Completion) {
  yield { sql: 'INSERT INTO effects (job_id, attempt) VALUES (?, ?)', params: [c.id, c.attempt] }
})

export const addJobs = transactionScript(import.meta.url, 'addJobs', function* (orders: readonly JobOrder[]) {
  for (const order of orders) yield* enqueueJob(order)
})

/** An order that fails after its job was written down. */
export const addJobInVain = transactionScript(import.meta.url, 'addJobInVain', function* (order: JobOrder) {
  yield* enqueueJob(order)
  throw new Error('the rest of it went wrong')
})
