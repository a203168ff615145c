import type { SeenStatement } from './statement-trace.ts'

/** What is remembered of a request: enough to follow it, nothing of who asked or for what. */
export type SeenRequest = {
  readonly requestId: string
  readonly atMs: number
  readonly method: string
  readonly route: string
  readonly status: number
  readonly durationMs: number
  /** The request during which a function asked for this; its trace shows both. */
  readonly partOf?: string | undefined
  /** Kind of identity, never who. */
  readonly caller: string
  readonly statements: readonly SeenStatement[]
  /** How many more statements there were. */
  readonly statementsLeft: number
}
