/** A request as the server's log of the last ones has it. */
export type SeenRequest = {
  requestId: string
  atMs: number
  method: string
  route: string
  status: number
  durationMs: number
  partOf?: string
  caller: string
  statements: { sql: string; durationMs: number; isFailed: boolean }[]
  statementsLeft: number
}
