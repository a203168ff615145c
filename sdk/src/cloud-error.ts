import type { ErrorCode } from '@sampan/protocol/errors'

/** Failures that happen on the phone, before or instead of an answer of the server. */
export type ClientErrorCode =
  | 'not_initialised'
  | 'network_failed'
  | 'answer_not_understood'
  | 'invalid_argument'
  | 'not_supported'
  | 'too_many_requests'
  | 'login_refused'
  | 'offline_write_expired'

export type CloudErrorFacts = {
  /** For programs. */
  readonly code: ErrorCode | ClientErrorCode
  /** CloudBase's number for the same failure. */
  readonly errCode: number
  /** What happened this time. */
  readonly message: string
  /** What to do next. */
  readonly hint?: string | undefined
  /** Find this request in the server's log with it. */
  readonly requestId?: string | undefined
  /** HTTP status, if the server answered. */
  readonly statusCode?: number | undefined
  readonly details?: Record<string, unknown> | undefined
}

/** What every failed call rejects with, or hands to `fail`: CloudBase's `errCode` and `errMsg`, and more. */
export class CloudError extends Error implements CloudErrorFacts {
  declare readonly code: CloudErrorFacts['code']
  declare readonly errCode: number
  /** CloudBase's text, such as `collection.get:fail -502005 database collection not exists. …`. */
  declare readonly errMsg: string
  declare readonly hint: string | undefined
  declare readonly requestId: string | undefined
  declare readonly statusCode: number | undefined
  declare readonly details: Record<string, unknown> | undefined

  constructor(facts: CloudErrorFacts, errMsg: string = facts.message) {
    super(errMsg)
    Object.assign(this, facts, { name: 'CloudError', errMsg, message: errMsg })
  }
}

/** Numbers of failures on the phone, as CloudBase's own client uses them. */
const CLIENT_ERR_CODES: Partial<Record<CloudErrorFacts['code'], number>> = {
  invalid_argument: -401002,
  not_supported: -501021,
  login_refused: -401001,
}

export const clientError = (code: ClientErrorCode, message: string, hint?: string) =>
  new CloudError({ code, message, hint, errCode: CLIENT_ERR_CODES[code] || -1 })

/** The program passed something that cannot work. */
export const badArgument = (message: string) => clientError('invalid_argument', message)

/** Anything thrown as the facts of a failure; programmer mistakes such as a bad `orderBy` keep their message. */
export function factsOf(thrown: unknown): CloudErrorFacts {
  // Not by instanceof: DevTools' conversion to ES5 breaks it for subclasses of Error.
  if ((thrown as CloudErrorFacts).errCode) return thrown as CloudErrorFacts
  return badArgument(thrown instanceof Error ? thrown.message : String(thrown))
}

/** CloudBase's words for its numbers; programs in the field compare them. */
const TEXTS: Record<string, string> = {
  '-502001': 'database request fail',
  '-502003': 'database permission denied',
  '-502005': 'database collection not exists',
  '-503003': 'storage file not exists',
  '-504002': 'functions execute fail',
}

/** The text of a failed `cloud.*` call: `cloud.callFunction:fail Error: errCode: -504002 … | errMsg: …`. */
export function cloudErrMsg(api: string, { errCode, message, requestId }: CloudErrorFacts): string {
  const text = TEXTS[errCode]
  const call = requestId ? ` (callId: ${requestId})` : ''
  return `${api}:fail Error: errCode: ${errCode} ${text ? `${text} ` : ''}| errMsg: ${message}${call}`
}

/** The text of a failed database call. */
export function databaseErrMsg(api: string, facts: CloudErrorFacts, collection: string, id?: string | number): string {
  const { code, errCode, message } = facts
  if (code === 'document_not_found') {
    const advice = 'please make sure that the document exists and you have the corresponding access permission'
    return `${api}:fail ${api}:fail cannot find document with _id ${id}, ${advice}`
  }
  const what = code === 'collection_not_found' ? `[ResourceNotFound] Db or Table not exist: ${collection}` : message
  const text = TEXTS[errCode]
  return `${api}:fail ${errCode} ${text ? `${text}. ` : ''}${what}`
}
