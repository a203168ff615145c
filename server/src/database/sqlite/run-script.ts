import type { Script, SqlStep, StepResult } from '../database.ts'

/** Runs a script's steps one after the other on this thread. The caller has begun the transaction and ends it. */
export function runScript<Args, Result>(
  script: Script<Args, Result>,
  args: Args,
  execute: (step: SqlStep) => StepResult,
): Result {
  const steps = script(args)
  let next = steps.next()
  while (!next.done) {
    let result: StepResult
    try {
      result = execute(next.value)
    } catch (error) {
      steps.throw(error) // the script may throw a better error of its own
      throw error // it must not go on
    }
    next = steps.next(result)
  }
  return next.value
}
