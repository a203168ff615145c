/**
 * The process that E-13 kills and freezes: takes jobs as fast as it can and does their effect.
 * Argument: settings as JSON; `stopsItself` freezes it once, between claiming a job and ending it; `isUnfenced` makes the deliberate mistake of doing the effect beside the job's end.
 */
import { openDatabase } from '../../src/database/open-database.ts'
import { openJobs } from '../../src/features/jobs/jobs.ts'
import { COMPLETED } from '../../src/features/jobs/run-jobs.ts'
import { openLog } from '../../src/log.ts'
import { addEffect, addEffectUnfenced } from './job-effects.ts'

const { url, leaseMs, isUnfenced, stopsItself } = JSON.parse(process.argv[2] ?? '{}')
const WORK_MS_MAX = 5
const STOPS_AT = 20
/** A line for each refused completion, so that the test sees that there were some. */
const log = openLog({ level: 'warn', destination: process.stdout, isPretty: false })
const database = await openDatabase({ url, timeoutMs: 20_000, log })
const jobs = openJobs({
  database,
  kinds: [],
  hasFunction: () => false,
  runFunction: async () => undefined,
  ...{ workers: 16, keptMs: 86_400_000, leaseMs, log, now: Date.now },
})
let begun = 0
jobs.handle(
  'effect',
  async ({ id, attempt }) => {
    begun += 1
    if (begun === 1) process.stdout.write('working\n')
    if (stopsItself && begun === STOPS_AT) {
      process.stdout.write('stopping\n')
      process.kill(process.pid, 'SIGSTOP')
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * WORK_MS_MAX))
    const completion = { id, attempt, result: undefined, nowMs: Date.now() }
    if (isUnfenced) {
      await database.transact(addEffectUnfenced, completion)
      return undefined
    }
    await database.transact(addEffect, completion)
    return COMPLETED
  },
  16,
)
jobs.start()
