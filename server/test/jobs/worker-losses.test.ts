/**
 * E-13: many jobs, four workers; one is killed again and again, one is frozen for two leases and wakes up. The effect of
 * each job happens exactly once, no job is lost, and what the frozen one says after its sleep is refused.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../src/database/database.ts'
import { newJobId } from '../../src/features/jobs/enqueue-job.ts'
import { countJobs } from '../../src/features/jobs/job-store.ts'
import { DATABASES, openTwice } from './job-databases.ts'
import { addJobs } from './job-effects.ts'

const WORKERS = 4
const LEASE_MS = 1_000
const KILL_EVERY_MS = 2_000
const JOBS: Record<string, number> = { SQLite: 10_000, MariaDB: 3_000, PostgreSQL: 3_000 }
const PATIENCE_MS = 150_000
const START_MS = 10_000

type Worker = { child: ChildProcess; output: string }

function startWorker(url: string, isUnfenced: boolean, stopsItself: boolean): Worker {
  const file = path.join(import.meta.dirname, 'job-worker.ts')
  const child = spawn(process.execPath, [file, JSON.stringify({ url, leaseMs: LEASE_MS, isUnfenced, stopsItself })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const worker: Worker = { child, output: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    worker.output += text
  })
  return worker
}

/** Until it has its first job; one that starts when all is done never has. */
const isWorking = async (worker: Worker) => {
  const giveUpMs = performance.now() + START_MS
  while (!worker.output.includes('working') && performance.now() < giveUpMs) await sleep(10)
}

async function addMany(database: Database, count: number) {
  const nowMs = Date.now()
  const order = () => ({ id: newJobId(nowMs), kind: 'effect', data: {}, nowMs, maxAttempts: 100 })
  for (let added = 0; added < count; added += 100)
    await database.transact(addJobs, Array.from({ length: Math.min(100, count - added) }, order))
}

async function kill({ child }: Worker) {
  const isGone = once(child, 'exit')
  child.kill('SIGKILL')
  await isGone
}

/** Until nothing waits or runs: kills one worker regularly, wakes the frozen one after two leases. */
async function disturb(database: Database, workers: Worker[], start: () => Worker): Promise<number> {
  const giveUpMs = performance.now() + PATIENCE_MS
  let kills = 0
  for (let round = 0; ; round += 1) {
    const { waiting, running } = await countJobs(database)
    if (waiting + running === 0) return kills
    if (performance.now() > giveUpMs) throw new Error(`stuck: ${waiting} wait, ${running} run`)
    if (round === 0) await wakeLate(workers[1])
    const victim = workers[0]
    if (!victim) continue
    await isWorking(victim)
    await sleep(Math.random() * KILL_EVERY_MS)
    await kill(victim)
    kills += 1
    workers[0] = start()
  }
}

/** It has frozen itself with a job in its hands; by now that job is another's. */
async function wakeLate(worker: Worker | undefined) {
  const giveUpMs = performance.now() + START_MS
  while (!worker?.output.includes('stopping') && performance.now() < giveUpMs) await sleep(10)
  await sleep(2 * LEASE_MS + 500)
  worker?.child.kill('SIGCONT')
}

async function run(url: (dir: string) => Promise<string>, count: number, isUnfenced: boolean) {
  const opened = await openTwice(url)
  const [database] = opened.databases
  const start = (stopsItself = false) => startWorker(opened.address, isUnfenced, stopsItself)
  await addMany(database, count)
  const workers = Array.from({ length: WORKERS }, (_, at) => start(at === 1))
  try {
    await Promise.all(workers.map(isWorking))
    const kills = await disturb(database, workers, start)
    await sleep(LEASE_MS) // whoever still has an old job says so now
    const effects = await database.read('SELECT job_id, COUNT(*) AS times FROM effects GROUP BY job_id')
    const runs = await database.read('SELECT SUM(attempts) AS runs FROM jobs')
    return {
      kills,
      runs: Number(runs[0]?.['runs']),
      done: (await countJobs(database)).done,
      effects: effects.length,
      repeated: effects.filter((row) => Number(row['times']) > 1).length,
      refused: workers[1]?.output.split('taken over').length ?? 0,
    }
  } finally {
    for (const worker of workers) await kill(worker)
    await opened.close()
  }
}

for (const { name, skip, url } of DATABASES) {
  describe(`E-13 workers that are lost: ${name}`, { skip }, () => {
    it('do each job’s effect exactly once', async (test) => {
      const count = JOBS[name] ?? 1_000
      const { done, effects, repeated, refused, runs, kills } = await run(url, count, false)
      assert.deepEqual({ done, effects, repeated }, { done: count, effects: count, repeated: 0 })
      assert.ok(runs > count, 'no claim was lost: nothing was disturbed')
      assert.ok(refused > 1, 'the frozen worker was not refused')
      test.diagnostic(`${count} jobs, ${runs} runs, ${kills} workers killed, ${refused - 1} stale completions refused`)
    })
  })
}

describe('E-13, made wrong on purpose', () => {
  it('sees effects that do not depend on whose job it is', async () => {
    const { effects, repeated } = await run(async (dir) => `sqlite:${dir}/app.db`, 2_000, true)
    assert.equal(effects, 2_000)
    assert.ok(repeated > 0, 'a mistake that this test must see went unseen')
  })
})
