/** What differs between database servers: how to connect, run one statement, and read their errors. */
import { AppError } from '../../errors.ts'
import type { Dialect, SqlStep, StepResult } from '../database.ts'

export interface Driver {
  readonly dialect: Dialect
  /** Fails within `timeoutMs`. `onLost` is called when the connection ends without being asked to. */
  connect(timeoutMs: number, onLost: () => void): Promise<DriverConnection>
  /** Asks the server, over another connection, to stop what the connection with this id does. */
  cancel(serverId: number, timeoutMs: number): Promise<void>
  /** What the thrown value of the driver means to a caller; anything unknown passes unchanged. */
  toDatabaseError(thrown: unknown): unknown
  /** After DDL: statements may have been prepared for an older schema. */
  forgetStatements(): void
}

/** One connection. Its user sends one statement at a time. */
export interface DriverConnection {
  /** The server's own number for this connection. */
  readonly serverId: number
  run(step: SqlStep): Promise<StepResult>
  /** BEGIN, COMMIT, DDL: text without parameters or rows. */
  control(sql: string): Promise<void>
  /** Takes leave of the server. */
  end(): Promise<void>
  /** Drops the connection at once; the answer to a running statement may never come. */
  destroy(): void
}

const RETRY_AFTER_SECONDS = 1

export const unavailable = (message: string, cause?: unknown) =>
  new AppError('database_unavailable', message, { details: { retryAfterSeconds: RETRY_AFTER_SECONDS }, cause })

export const isAppError = (error: unknown, code: AppError['code']): error is AppError =>
  error instanceof AppError && error.code === code
