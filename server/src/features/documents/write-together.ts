/** Several writes in one transaction: documents under the same authoriser as ever, and SQL beside them. */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { isUnderRules } from '../sessions/identity.ts'
import { type PreparedWrite, prepareAdd, prepareRemove, prepareSet, prepareUpdate } from './change-documents.ts'
import type { DocumentCaller, SqlTogetherStep, TogetherOutcome, TogetherStep } from './document-request.ts'
import type { Engine } from './documents-needs.ts'
import { timeoutOf } from './read-documents.ts'
import { type ReadyStep, runTogether } from './together-script.ts'
import { claimOf } from './write-claim.ts'

type Prepared = { readonly step: ReadyStep; answer(result: unknown): TogetherOutcome }

export async function writeTogether(
  engine: Engine,
  steps: readonly TogetherStep[],
  caller: DocumentCaller,
): Promise<TogetherOutcome[]> {
  if (steps.length === 0 || steps.length > LIMITS.batchDocuments) {
    throw new AppError('invalid_request', `A transaction has 1 to ${LIMITS.batchDocuments} steps.`)
  }
  // One key stands for all of them.
  const { idempotencyKey: _key, ...asker } = caller
  const prepared: Prepared[] = []
  for (const step of steps) prepared.push(await prepareStep(engine, step, asker))
  const results = await engine.database.transact(
    runTogether,
    { steps: prepared.map(({ step }) => step), claim: claimOf(engine, caller, ['together', steps]) },
    { timeoutMs: timeoutOf(engine, caller) },
  )
  return prepared.map(({ answer }, place) => answer(results[place]))
}

async function prepareStep(engine: Engine, step: TogetherStep, caller: DocumentCaller): Promise<Prepared> {
  if ('add' in step) return ready(await prepareAdd(engine, step.add, caller))
  if ('set' in step) return ready(await prepareSet(engine, step.set, caller))
  if ('update' in step) return ready(await prepareUpdate(engine, step.update, caller, false))
  if ('remove' in step) return ready(await prepareRemove(engine, step.remove, caller))
  return prepareSql(step, caller)
}

function ready<Args, Result, Answer extends TogetherOutcome>({
  script,
  args,
  answer,
}: PreparedWrite<Args, Result, Answer>): Prepared {
  return { step: { script: script.name, args }, answer: (result) => answer(result as Result) } // safe: what this script returned
}

function prepareSql({ sql, params = [], changes }: SqlTogetherStep, { identity }: DocumentCaller): Prepared {
  if (isUnderRules(identity))
    throw new AppError('permission_denied', 'SQL is for functions and other server-side programs.')
  if (typeof sql !== 'string' || sql.trim() === '') {
    throw new AppError('invalid_request', 'A step is add, set, update, remove or sql.')
  }
  return {
    step: { sql, params, changes },
    answer: (result) => result as Extract<TogetherOutcome, { rows: unknown }>, // safe: what runStep returns for SQL
  }
}
