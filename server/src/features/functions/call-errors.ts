/** Turns the ways a call can end into the error table's codes. */
import path from 'node:path'
import { AppError } from '../../errors.ts'
import type { Ending, WorkerFault } from './call-outcome.ts'
import type { FunctionSpec } from './function-config.ts'

/** Stack lines that a client is shown: enough to find the place. */
const STACK_LINES = 8
const MESSAGE_CHARACTERS = 2_000

/** The error for a call that ended without a result. `requestId` finds its log. */
export function callError(spec: FunctionSpec, ending: Exclude<Ending, { kind: 'done' }>, requestId: string): AppError {
  const { name } = spec
  const details = { function: name, requestId }
  switch (ending.kind) {
    case 'failed':
      return faultError(spec, ending.error, requestId)
    case 'too-large':
      return new AppError('function_result_too_large', `${name} returned ${ending.bytes} bytes.`, {
        details: { ...details, bytes: ending.bytes },
      })
    case 'timed-out':
      return new AppError('function_timed_out', `${name} did not finish within ${spec.timeoutMs / 1000} s.`, {
        details: { ...details, timeoutMs: spec.timeoutMs },
      })
    case 'out-of-memory':
      return new AppError('function_out_of_memory', `${name} used more than its ${spec.memoryMb} MB.`, {
        details: { ...details, memoryMb: spec.memoryMb },
      })
    case 'too-many-processes':
      return new AppError('function_exited', `${name} was ended because it started too many processes.`, { details })
    case 'exited': {
      const how = ending.signal ?? `exit code ${ending.exitCode}`
      return new AppError('function_exited', `${name} ended its process (${how}).`, { details })
    }
  }
}

/** The error for what a function, or loading it, threw. */
export function faultError(
  spec: FunctionSpec,
  fault: WorkerFault | undefined,
  requestId: string,
  message = '',
): AppError {
  const details = { function: spec.name, requestId }
  if (!fault) return new AppError('function_failed', `${spec.name}: ${message}`, { details })
  const text = `${fault.name}: ${fault.message}`.slice(0, MESSAGE_CHARACTERS)
  if (/(MODULE|PROGRAM)_NOT_FOUND$/.test(fault.code)) {
    return new AppError('function_not_installed', `${spec.name}: ${text.split('\n')[0]}`, { details })
  }
  return new AppError('function_failed', `${spec.name}: ${text}`, {
    details: { ...details, stack: publicStack(spec, fault.stack) },
  })
}

/** Without the folders of this machine: `index.js:12:5` says as much to the author and nothing to anybody else. */
function publicStack(spec: FunctionSpec, stack: string): string {
  return stack
    .split('\n')
    .slice(0, STACK_LINES)
    .map((line) => line.replaceAll(spec.folder + path.sep, '').replace(/(file:\/\/)?\/[^():\s]*\//g, ''))
    .join('\n')
}
