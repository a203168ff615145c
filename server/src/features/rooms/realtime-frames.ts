/**
 * Frames of the realtime socket: JSON text, as CloudBase's SDKs write and read them for watches, and our own for rooms
 * (`JOIN_ROOM`, `LEAVE_ROOM`, `SAY`, `ROOM_EVENT`).
 */

import { ERRORS, type ErrorCode } from '@sampan/protocol/errors'
import { AppError, asAppError } from '../../errors.ts'
import type { JsonObject } from '../documents/document-request.ts'
import type { WatchChange } from './watched-query.ts'

/** Longest `watchId` and `requestId`. */
const ID_CHARACTERS_MAX = 128
const TYPE_CHARACTERS_MAX = 32

export type ClientFrame = {
  readonly watchId?: string
  readonly requestId?: string
  readonly msgType: string
  readonly msgData?: unknown
  readonly exMsgData?: unknown
}

function isFrame(value: unknown): value is ClientFrame {
  if (typeof value !== 'object' || value === null) return false
  const { watchId, requestId, msgType } = value as Record<string, unknown> // safe: an object
  const isId = (id: unknown) => id === undefined || isText(id, ID_CHARACTERS_MAX)
  return isText(msgType, TYPE_CHARACTERS_MAX) && isId(watchId) && isId(requestId)
}

const isText = (value: unknown, maxLength: number) => typeof value === 'string' && value.length <= maxLength

/** @throws {AppError} `invalid_json`, `invalid_request` */
export function readFrame(text: string): ClientFrame {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new AppError('invalid_json', 'The frame is not valid JSON.', { cause })
  }
  if (!isFrame(value)) throw new AppError('invalid_request', 'The frame needs a msgType.')
  return value
}

/** The fields of `msgData`, of which each reader checks those it needs. */
export const dataOf = ({ msgData }: ClientFrame): Record<string, unknown> =>
  typeof msgData === 'object' && msgData !== null ? (msgData as Record<string, unknown>) : {} // safe: just checked

/** @throws {AppError} `invalid_request` */
export function textField(data: Record<string, unknown>, name: string, maxLength: number): string {
  const value = data[name]
  if (typeof value === 'string' && value.length > 0 && value.length <= maxLength) return value
  throw new AppError('invalid_request', `${name} must be a text of at most ${maxLength} characters.`, {
    details: { field: name },
  })
}

/** Queries travel as JSON text inside the frame. @throws {AppError} `invalid_query` */
export function queryField(value: unknown): JsonObject {
  try {
    const query: unknown = typeof value === 'string' && value !== '' ? JSON.parse(value) : (value ?? {})
    if (typeof query === 'object' && query !== null && !Array.isArray(query)) return query as JsonObject // safe: parsed JSON
  } catch {
    // the error below says it
  }
  throw new AppError('invalid_query', 'The query of a watch must be a JSON object.')
}

/** `[{ field, direction }]` of CloudBase's clients. */
export function orderField(value: unknown): JsonObject | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  const entries = value as { field?: unknown; direction?: unknown }[] // safe: fields are only turned into text
  return Object.fromEntries(entries.map(({ field, direction }) => [String(field), direction === 'desc' ? -1 : 1]))
}

export type ServerFrame = {
  readonly watchId?: string | undefined
  readonly requestId?: string | undefined
  readonly msgType: string
  readonly msgData?: unknown
}

/** One event of a watch; `id` rises by exactly one with each picture. */
export const watchEvent = (id: number, { queueType, dataType, docId, doc }: WatchChange) => ({
  ID: id,
  DataType: dataType,
  QueueType: queueType,
  DocID: docId,
  ...(doc !== undefined && { Doc: doc }),
})

/** Codes that CloudBase's clients act on; everything else is final for them. */
const REALTIME_CODES: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'CHECK_LOGIN_FAILED',
  session_invalid: 'SIGN_INVALID_ERROR',
  session_expired: 'SIGN_EXPIRED_ERROR',
  permission_denied: 'COLLECTION_PERMISSION_DENIED',
}

export function errorFrame(request: Pick<ClientFrame, 'watchId' | 'requestId'>, thrown: unknown): ServerFrame {
  const { code, message } = asAppError(thrown)
  const msgData = { code: REALTIME_CODES[code] ?? 'SYS_ERR', message, sampanCode: code, hint: ERRORS[code].hint }
  return { watchId: request.watchId, requestId: request.requestId, msgType: 'ERROR', msgData }
}
