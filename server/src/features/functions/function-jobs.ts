/** Cloud functions as jobs: in workers of their own, at the lowest priority. */

import { AppError } from '../../errors.ts'
import type { FunctionJob } from '../jobs/jobs.ts'
import { FinalJobError } from '../jobs/run-jobs.ts'
import type { Functions } from './functions.ts'

/** Trying again would meet the same. */
const FINAL_CODES: ReadonlySet<string> = new Set(['function_not_found', 'function_result_too_large'])

/** The function's event is the job's data, and `job`; it runs for the person who owns the job, if there is one. */
export async function runFunctionJob(functions: Functions, name: string, job: FunctionJob, appId: string) {
  const { id, attempt, kind, data, ownerOpenId } = job
  const event = { ...(data as object), job: { id, attempt, kind } } // safe: a job's data is an object
  try {
    const { result } = await functions.call(name, event, {
      identity: ownerOpenId
        ? { kind: 'user', openId: ownerOpenId, appId, sessionId: 'job' }
        : { kind: 'administrator', id: 'jobs', role: 'owner' },
      requestId: `job-${id}-${attempt}`,
      source: 'wx_trigger',
      isBackground: true,
    })
    return result === undefined ? undefined : (JSON.parse(result) as unknown) // safe: JSON text
  } catch (error) {
    if (error instanceof AppError && FINAL_CODES.has(error.code))
      throw new FinalJobError(error.message, { cause: error })
    throw error
  }
}
