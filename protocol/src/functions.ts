/** `POST /v1/functions/<name>`: calls a cloud function as the session's user. */

export type CallFunctionRequest = {
  /** The function's `event`; the server adds `userInfo: { appId, openId }`. */
  data?: Record<string, unknown>
}

export type CallFunctionResponse = {
  /** What the function returned, as JSON; absent if it returned undefined. */
  result?: unknown
  requestId: string
}
