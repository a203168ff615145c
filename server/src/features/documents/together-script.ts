/** The transaction script of several writes together. SQLite's writer thread loads it: what it imports stays light. */
import { type SqlStep, type SqlValue, type StepResult, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { insertDocuments, putDocument, removeDocuments, updateDocuments } from './document-writes.ts'
import { type IdempotencyClaim, once } from './write-idempotency.ts'

/** A statement, or one of the scripts that change documents, by name. */
export type ReadyStep =
  | { readonly sql: string; readonly params: readonly SqlValue[]; readonly changes: number | undefined }
  | { readonly script: string; readonly args: unknown }

/** Rows that one statement may answer. */
const ROWS_MAX = 10_000

type AnyScript = (args: unknown) => Generator<SqlStep, unknown, StepResult>

const SCRIPTS = new Map(
  [insertDocuments, putDocument, removeDocuments, updateDocuments].map(({ name, run }) => [name, run as AnyScript]), // safe: called with the arguments that were prepared for it
)

export const runTogether = transactionScript(
  import.meta.url,
  'runTogether',
  ({ steps, claim }: { steps: readonly ReadyStep[]; claim: IdempotencyClaim | undefined }) =>
    once(claim, function* () {
      const results: unknown[] = []
      for (const [place, step] of steps.entries()) results.push(yield* runStep(step, place))
      return results
    }),
)

function* runStep(step: ReadyStep, place: number): Generator<SqlStep, unknown, StepResult> {
  if ('script' in step) {
    const run = SCRIPTS.get(step.script)
    if (!run) throw new Error(`no script is called ${step.script}`)
    return yield* run(step.args)
  }
  const { sql, params, changes: wanted } = step
  const isReturning = /^\s*(select|with)\b|\breturning\b/i.test(sql)
  const { rows, changes } = yield { sql, params, ...(isReturning && { want: 'rows' as const }) }
  if (wanted !== undefined && changes !== wanted) {
    const what = `Step ${place + 1} changed ${changes} rows instead of ${wanted}: nothing was written.`
    throw new AppError('transaction_conflict', what, { details: { step: place + 1, changes } })
  }
  return { changes, rows: rows.slice(0, ROWS_MAX) }
}
