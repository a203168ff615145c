import type { DocumentCaller } from './document-request.ts'
import type { Engine } from './documents-needs.ts'

/** What all stages of one aggregation share. */
export type Aggregation = {
  readonly engine: Engine
  readonly caller: DocumentCaller
  readonly nowMs: number
  readonly deadlineMs: number
}

export const timeLeft = ({ deadlineMs }: Aggregation) => Math.max(1, deadlineMs - performance.now())
