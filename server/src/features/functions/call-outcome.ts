/** How a call of a function can end, as the worker and the pool tell it. */

export type LogLine = { readonly atMs: number; readonly level: string; readonly text: string }

/** What a function threw. */
export type WorkerFault = {
  readonly name: string
  readonly message: string
  readonly code: string
  readonly stack: string
}

/** Why the server ended a worker on purpose. */
export type KillReason = 'timed-out' | 'out-of-memory' | 'too-many-processes' | 'retired'

export type Ending =
  | { readonly kind: 'done'; readonly result: string | undefined }
  | { readonly kind: 'failed'; readonly error: WorkerFault }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'exited'; readonly exitCode: number | null; readonly signal: string | null }
  | { readonly kind: Exclude<KillReason, 'retired'> }

export type Outcome = { readonly ending: Ending; readonly log: readonly LogLine[]; readonly memoryBytes: number }

/** The function's module could not be loaded; `fault` is what it threw, if it got that far. */
export class LoadError extends Error {
  readonly fault: WorkerFault | undefined
  readonly log: readonly LogLine[]

  constructor(message: string, fault: WorkerFault | undefined, log: readonly LogLine[]) {
    super(message)
    this.fault = fault
    this.log = log
  }
}
