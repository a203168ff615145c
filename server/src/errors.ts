import { ERRORS, type ErrorBody, type ErrorCode } from '@sampan/protocol/errors'

type ErrorExtras = {
  /** Public, JSON-safe facts, such as the name of the bad field. Never secrets. */
  details?: Record<string, unknown>
  /** What went wrong underneath. Logged, never sent. */
  cause?: unknown
}

/** An expected failure, safe to show. Anything else that is thrown reaches clients as `internal`. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, { details, cause }: ErrorExtras = {}) {
    super(message, { cause })
    this.code = code
    this.details = details
  }
}

/** The answer for anything that was thrown. The only place an error becomes a response body. */
export function toErrorResponse(thrown: unknown, requestId: string, lang: 'en' | 'zh' = 'en') {
  const { code, message, details } = asAppError(thrown)
  const { status, errCode, hint, hintZh } = ERRORS[code]
  const error = { code, message, hint: lang === 'zh' ? hintZh : hint, ...(details && { details }), requestId, errCode }
  return { status, body: { error } satisfies ErrorBody }
}

/** What was thrown, if it is an expected failure; otherwise `internal` with the thrown value as its cause. */
export function asAppError(thrown: unknown): AppError {
  return thrown instanceof AppError
    ? thrown
    : new AppError('internal', 'Something went wrong on the server.', { cause: thrown })
}
