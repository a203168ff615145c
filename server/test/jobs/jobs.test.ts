/** What a queue of jobs promises, on every database, with two server processes as the database sees them. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JobStatus } from '@sampan/protocol/jobs'
import type { Database } from '../../src/database/database.ts'
import { AppError } from '../../src/errors.ts'
import { newJobId } from '../../src/features/jobs/enqueue-job.ts'
import { findJob } from '../../src/features/jobs/job-store.ts'
import { type Jobs, openJobs } from '../../src/features/jobs/jobs.ts'
import { COMPLETED, FinalJobError, type RunningJob, retryPauseMs } from '../../src/features/jobs/run-jobs.ts'
import { claimJob, finishJob } from '../../src/features/jobs/settle-job.ts'
import { DATABASES, openTwice, silentLog } from './job-databases.ts'
import { addEffect, addJobInVain } from './job-effects.ts'

const HOUR_MS = 3_600_000

for (const { name, skip, url } of DATABASES) {
  describe(`jobs: ${name}`, { skip }, () => {
    let nowMs = Date.UTC(2026, 10, 22, 4)
    let opened: Awaited<ReturnType<typeof openTwice>>
    let database: Database
    let nodes: [Jobs, Jobs]
    const runs: RunningJob[] = []
    const behaviours = new Map<string, (job: RunningJob) => Promise<unknown>>()
    before(async () => {
      opened = await openTwice(url)
      database = opened.databases[0]
      const open = (one: Database) =>
        openJobs({
          database: one,
          kinds: [
            { kind: 'one-by-one', concurrency: 1 },
            { kind: 'for-people', isForUsers: true },
          ],
          hasFunction: () => false,
          runFunction: async () => undefined,
          ...{
            workers: 8,
            keptMs: HOUR_MS,
            leaseMs: 60_000,
            log: silentLog,
            now: () => nowMs,
            monotonicMs: () => nowMs,
          },
        })
      nodes = [open(opened.databases[0]), open(opened.databases[1])]
      for (const node of nodes) {
        for (const kind of ['any', 'one-by-one', 'for-people']) {
          const handler = async (job: RunningJob) => {
            runs.push(job)
            return behaviours.get((job.data as { as?: string }).as ?? '')?.(job)
          }
          node.handle(kind, handler, kind === 'any' ? 4 : 1)
        }
        node.start()
      }
    })
    after(async () => {
      for (const node of nodes ?? []) await node.close()
      await opened?.close()
    })

    const until = async (id: string, isReached: (job: JobStatus) => boolean) => {
      for (let waited = 0; waited < 2_000; waited += 1) {
        const job = await nodes[0].status(id)
        if (isReached(job)) return job
        await sleep(10)
      }
      throw new Error(`never reached: ${JSON.stringify(await nodes[0].status(id))}`)
    }
    const isEnded = ({ endedAtMs }: JobStatus) => endedAtMs !== undefined
    const runsOf = (id: string) => runs.filter((run) => run.id === id).length

    it('runs a job once and keeps what it returned', async () => {
      behaviours.set('sum', async ({ data }) => ({ sum: (data as { a: number }).a + 1 }))
      const { id, state } = await nodes[0].add({ kind: 'any', data: { as: 'sum', a: 41 } })
      assert.equal(state, 'waiting')
      const job = await until(id, isEnded)
      assert.deepEqual([job.state, job.progress, job.result, job.attempts], ['done', 100, { sum: 42 }, 1])
      assert.equal(runsOf(id), 1)
    })

    it('does not know kinds that nobody does', async () => {
      await assert.rejects(nodes[0].add({ kind: 'unheard-of' }), { code: 'job_kind_unknown' })
      const alice = { openId: 'alice', isUser: true }
      await assert.rejects(nodes[0].add({ kind: 'any' }, alice), { code: 'job_kind_unknown' })
      const { id } = await nodes[0].add({ kind: 'for-people' }, alice)
      await assert.rejects(nodes[0].status(id, 'bob'), { code: 'job_not_found' })
      assert.equal((await nodes[0].status(id, 'alice')).id, id)
    })

    it('shows how far a job is', async () => {
      const { promise: isAllowed, resolve: goOn } = Promise.withResolvers<void>()
      behaviours.set('slow', async ({ report }) => {
        await report(40, 'page 4 of 10')
        await isAllowed
      })
      const { id } = await nodes[0].add({ kind: 'any', data: { as: 'slow' } })
      const { progress, message, state } = await until(id, (job) => job.progress > 0)
      assert.deepEqual([progress, message, state], [40, 'page 4 of 10', 'running'])
      goOn()
      assert.equal((await until(id, isEnded)).state, 'done')
    })

    it('tries again after a pause that grows, then keeps it as a dead letter until a person decides', async () => {
      behaviours.set('broken', async () => {
        throw new Error('no such codec')
      })
      const { id } = await nodes[0].add({ kind: 'any', data: { as: 'broken' }, maxAttempts: 2 })
      const once = await until(id, (job) => job.error !== undefined)
      assert.deepEqual([once.state, once.attempts, once.error], ['waiting', 1, 'no such codec'])
      assert.ok((once.runAtMs ?? 0) > nowMs)
      nowMs += 10_000
      assert.equal((await until(id, isEnded)).state, 'dead')
      assert.equal(runsOf(id), 2)
      assert.equal((await nodes[1].counts()).dead, 1)
      assert.deepEqual(
        (await nodes[1].list('dead')).map((job) => job.id),
        [id],
      )
      await nodes[1].retry(id)
      await until(id, (job) => job.attempts === 3)
      nowMs += HOUR_MS
      assert.equal((await until(id, isEnded)).state, 'dead')
      await nodes[1].discard(id)
      await assert.rejects(nodes[0].status(id), { code: 'job_not_found' })
    })

    it('gives up at once what will not get better', async () => {
      behaviours.set('hopeless', async () => {
        throw new FinalJobError('the file is gone')
      })
      const { id } = await nodes[0].add({ kind: 'any', data: { as: 'hopeless' } })
      assert.deepEqual([(await until(id, isEnded)).state, runsOf(id)], ['dead', 1])
    })

    it('waits until its time has come', async () => {
      const { id } = await nodes[0].add({ kind: 'any', runAtMs: nowMs + HOUR_MS })
      await sleep(100)
      assert.equal((await nodes[0].status(id)).state, 'waiting')
      nowMs += HOUR_MS
      assert.equal((await until(id, isEnded)).state, 'done')
    })

    it('has one job for one key while that waits or runs, and a new one afterwards', async () => {
      const order = { kind: 'any', uniqueKey: 'report-of-november', runAtMs: nowMs + HOUR_MS }
      const added = await Promise.all(Array.from({ length: 10 }, (_, at) => (at % 2 ? nodes[0] : nodes[1]).add(order)))
      const ids = new Set(added.map(({ id }) => id))
      assert.equal(ids.size, 1)
      nowMs += HOUR_MS
      await until(added[0]?.id ?? '', isEnded)
      assert.ok(!ids.has((await nodes[0].add(order)).id))
    })

    it('runs no more of a kind at once than declared', async () => {
      let running = 0
      let most = 0
      behaviours.set('counted', async () => {
        running += 1
        most = Math.max(most, running)
        await sleep(5)
        running -= 1
      })
      const jobs = await Promise.all(
        Array.from({ length: 12 }, () => nodes[0].add({ kind: 'one-by-one', data: { as: 'counted' } })),
      )
      for (const { id } of jobs) await until(id, isEnded)
      assert.ok(most <= 2, `${most} at once in two processes that may run one each`)
    })

    it('stops a job that is cancelled, and refuses what it says afterwards', async () => {
      let seen: RunningJob | undefined
      let goOn = () => {}
      behaviours.set('endless', async (job) => {
        seen = job
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
        return 'too late'
      })
      const { id } = await nodes[0].add({ kind: 'any', data: { as: 'endless' } })
      await until(id, (job) => job.state === 'running')
      while (!seen) await sleep(5)
      assert.equal((await nodes[1].cancel(id)).state, 'cancelled')
      await assert.rejects(seen.report(50), { code: 'job_lease_lost' })
      goOn()
      await sleep(50)
      assert.deepEqual(
        [(await nodes[0].status(id)).state, (await nodes[0].status(id)).result],
        ['cancelled', undefined],
      )
    })

    it('is there exactly if the transaction that added it is', async () => {
      const id = newJobId(nowMs)
      await assert.rejects(database.transact(addJobInVain, { id, kind: 'any', data: {}, nowMs }))
      assert.equal(await findJob(database, id), undefined)
    })

    it('refuses a worker that comes back after another has taken over, with everything it did', async () => {
      const { id } = await nodes[0].add({ kind: 'any', runAtMs: nowMs + HOUR_MS })
      const job = await findJob(database, id)
      assert.ok(job)
      const stale = await database.transact(claimJob, { job, nowMs, untilMs: nowMs + 1 })
      assert.equal(stale?.attempts, 1)
      behaviours.set('', async ({ id: jobId, attempt }) => {
        await database.transact(addEffect, { id: jobId, attempt, result: undefined, nowMs })
        return COMPLETED
      })
      nowMs += 2
      assert.deepEqual([(await until(id, isEnded)).state, (await nodes[0].status(id)).attempts], ['done', 2])
      const claim = { id, attempt: 1, result: undefined, nowMs }
      await assert.rejects(database.transact(addEffect, claim), { code: 'job_lease_lost' })
      await assert.rejects(database.transact(finishJob, claim), (error) => error instanceof AppError)
      const effects = await database.read('SELECT attempt FROM effects WHERE job_id = ?', [id])
      assert.deepEqual(
        effects.map((row) => Number(row['attempt'])),
        [2],
      )
      behaviours.delete('')
    })

    it('gives up a job whose workers die in each attempt', async () => {
      const { id } = await nodes[0].add({ kind: 'any', runAtMs: nowMs + HOUR_MS, maxAttempts: 1 })
      const job = await findJob(database, id)
      assert.ok(job)
      await database.transact(claimJob, { job, nowMs, untilMs: nowMs + 1 })
      nowMs += 2
      assert.equal((await until(id, isEnded)).state, 'dead')
    })
  })
}

describe('the pause before a job is tried again', () => {
  it('grows from seconds to an hour, and differs between jobs', () => {
    const pauses = Array.from({ length: 20 }, (_, at) => retryPauseMs(at + 1))
    assert.ok((pauses[0] ?? 0) >= 4_000 && (pauses[0] ?? 0) <= 6_000)
    assert.ok(pauses.every((pause) => pause <= 1.2 * HOUR_MS))
    assert.ok(new Set(Array.from({ length: 20 }, () => retryPauseMs(5))).size > 10)
  })
})
