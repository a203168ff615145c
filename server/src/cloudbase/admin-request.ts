/** What every action of the /admin door gets and gives. */
import type { Database } from '../database/database.ts'
import { AppError } from '../errors.ts'
import type { Documents, Json, JsonObject } from '../features/documents/document-request.ts'
import type { Files } from '../features/files/files.ts'
import type { Functions } from '../features/functions/functions.ts'
import type { OpenDataReader } from '../features/functions/open-data.ts'
import type { RunningCall } from '../features/functions/running-calls.ts'
import type { VoiceRooms } from '../features/functions/voice-rooms.ts'
import type { Jobs } from '../features/jobs/jobs.ts'
import type { Identity, UserIdentity } from '../features/sessions/identity.ts'
import type { Stock } from '../features/stock/stock.ts'
import type { WeChat } from '../wechat/wechat.ts'

export type AdminServices = {
  readonly documents: Documents
  readonly database: Database
  readonly files: Files
  readonly functions: Functions
  readonly wechat: WeChat
  readonly openData: OpenDataReader
  readonly voiceRooms: VoiceRooms
  readonly stock: Stock
  readonly jobs: Jobs
  readonly appId: string
  readonly findUser: (openId: string) => Promise<{ openId: string; unionId: string | undefined } | undefined>
  /** `cloudPay.<name>` with its parameters in snake_case; absent while payments are not set up. */
  readonly pay?: (name: string, parameters: JsonObject, user: UserIdentity | undefined) => Promise<JsonObject>
}

export type AdminRequest = {
  readonly fields: Readonly<Record<string, unknown>>
  readonly identity: Identity
  /** The function call on whose behalf a worker asks. */
  readonly call: RunningCall | undefined
  readonly requestId: string
  readonly timeLeftMs: number
  /** Address under which the caller reached this server, such as http://127.0.0.1:8080. */
  readonly origin: string
}

/** JSON that is sent together with the requestId, or bytes that are sent as they are. */
export type AdminAnswer = JsonObject | Buffer
export type AdminAction = (request: AdminRequest, services: AdminServices) => Promise<AdminAnswer>

/** A field that must be a text. @throws {AppError} `invalid_request` */
export function textField({ fields }: AdminRequest, name: string): string {
  const value = fields[name]
  if (typeof value === 'string' && value !== '') return value
  throw new AppError('invalid_request', `The field ${name} is missing.`, { details: { field: name } })
}

export function optionalText({ fields }: AdminRequest, name: string): string | undefined {
  const value = fields[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function numberField({ fields }: AdminRequest, name: string): number | undefined {
  const value = fields[name]
  return typeof value === 'number' ? value : undefined
}

/** A field that is an object, either as JSON or as a text of JSON. @throws {AppError} `invalid_request` */
export function objectField(request: AdminRequest, name: string): JsonObject | undefined {
  const value = request.fields[name]
  if (value === undefined || value === null || value === '') return undefined
  return asObject(typeof value === 'string' ? parseJson(value, name) : (value as Json), name) // safe: JSON from the body
}

/** @throws {AppError} `invalid_request` */
export function parseJson(text: string, name: string): Json {
  try {
    return JSON.parse(text) as Json // safe: JSON.parse gives JSON
  } catch {
    throw new AppError('invalid_request', `The field ${name} is not valid JSON.`, { details: { field: name } })
  }
}

/** @throws {AppError} `invalid_request` */
export function asObject(value: Json, name: string): JsonObject {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as JsonObject // safe: checked
  throw new AppError('invalid_request', `The field ${name} is not an object.`, { details: { field: name } })
}

/** @throws {AppError} `invalid_request` */
export function listField({ fields }: AdminRequest, name: string, itemsMax: number): readonly unknown[] {
  const value = fields[name]
  if (Array.isArray(value) && value.length <= itemsMax) return value
  throw new AppError('invalid_request', `The field ${name} is not a list of at most ${itemsMax} items.`, {
    details: { field: name },
  })
}
