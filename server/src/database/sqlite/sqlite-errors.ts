/** SQLite's error codes as AppErrors, and errors as messages that cross a thread. */
import type { ErrorCode } from '@sampan/protocol/errors'
import { AppError } from '../../errors.ts'

/** What the thrown value of better-sqlite3 means to a caller. AppErrors and mistakes in the program pass unchanged. */
export function toDatabaseError(thrown: unknown): unknown {
  if (thrown instanceof AppError) return thrown
  const code = sqliteCode(thrown)
  if (!code) return thrown
  const cause = { cause: thrown }

  if (code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY') {
    const index = violatedIndex(thrown instanceof Error ? thrown.message : '')
    return new AppError('document_exists', 'Another record has the same unique value.', {
      details: { index },
      ...cause,
    })
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code))
    return new AppError('transaction_conflict', 'The database is locked by another process.', cause)
  if (code === 'SQLITE_FULL') return new AppError('storage_full', 'The disk is full; nothing was written.', cause)
  if (isConnectionBroken(thrown)) {
    const reason = thrown instanceof Error ? thrown.message : ''
    return new AppError('database_unavailable', `The database file cannot be used: ${reason}.`, cause)
  }
  return thrown
}

/** After these the connection must not be used again: a failed fsync may have thrown away what it was to write. */
export function isConnectionBroken(thrown: unknown): boolean {
  return /^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY|NOMEM|PROTOCOL)/.test(sqliteCode(thrown))
}

/** '' for anything that SQLite did not report. */
function sqliteCode(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : ''
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : ''
}

/** `UNIQUE constraint failed: index 'by_email'` → by_email; `…: t.a, t.b` → t.a, t.b. */
function violatedIndex(message: string): string {
  const rest = message.replace(/^UNIQUE constraint failed: /, '')
  return /^index '(.*)'$/.exec(rest)?.[1] ?? rest
}

/** An error as data: a structured clone would lose the class, the code and the details. */
export type ErrorMessage = {
  readonly code: ErrorCode | undefined
  readonly message: string
  readonly details: Record<string, unknown> | undefined
  readonly stack: string
}

export function toErrorMessage(thrown: unknown): ErrorMessage {
  const error = toDatabaseError(thrown)
  const isApp = error instanceof AppError
  const cause = isApp && error.cause instanceof Error ? `\nCaused by: ${error.cause.stack}` : ''
  return {
    code: isApp ? error.code : undefined,
    message: error instanceof Error ? error.message : String(error),
    details: isApp ? error.details : undefined,
    stack: error instanceof Error ? `${error.stack}${cause}` : '',
  }
}

/** The error again, on the other side. The other thread's stack becomes the cause. */
export function fromErrorMessage({ code, message, details, stack }: ErrorMessage): Error {
  const cause = new Error(message)
  cause.stack = stack
  if (!code) return cause
  return new AppError(code, message, { cause, ...(details && { details }) })
}
