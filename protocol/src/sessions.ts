/** `POST /v1/login`, `POST /v1/logout`, `GET /v1/me`. */

export type LoginRequest = {
  /** From `wx.login()`: one use, five minutes. */
  code: string
}

export type LoginResponse = {
  /** Opaque; send it as `Authorization: Bearer <token>`. Only its hash is stored on the server. */
  token: string
  expiresAtMs: number
  openId: string
}

/** Header that names a retryable write; the same key answers the same result for 24 hours. */
export const IDEMPOTENCY_HEADER = 'idempotency-key'
/** Header with which the SDK and the server name one request, from the phone to the SQL statement. */
export const REQUEST_ID_HEADER = 'x-request-id'
