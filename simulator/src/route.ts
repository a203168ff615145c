import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from './refusal.ts'

/** One API call as the door understood it. */
export type Input = {
  readonly method: string
  /** Path and query exactly as sent: WeChat Pay signs them. */
  readonly url: string
  readonly query: Readonly<Record<string, string>>
  /** Values of `:name` in the path. */
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  /** The JSON body; an empty object for routes that take none. */
  readonly json: Readonly<Record<string, unknown>>
}

export type Answer =
  | { readonly json: unknown; readonly status?: number; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly bytes: Buffer
      readonly contentType: string
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
    }

/** One API of WeChat. What is in this table is checked by the door before `handle` runs. */
export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** `control` is ours, `api` follows api.weixin.qq.com's habits, `pay` those of WeChat Pay. */
  readonly family: 'control' | 'api' | 'pay'
  /** Refuse calls without a valid access_token in the query string. */
  readonly needsToken: boolean
  readonly body: 'none' | 'json' | 'media'
  /** One line for the list at `/simulator`; only the `control` family has it. */
  readonly about?: string
  handle(input: Input): Answer | Promise<Answer>
}

/** An API that needs a token and takes JSON, as nearly all do. */
export const postApi = (path: string, handle: (input: Input) => Answer): Route => ({
  method: 'POST',
  path,
  family: 'api',
  needsToken: true,
  body: 'json',
  handle,
})

export const getApi = (path: string, handle: (input: Input) => Answer): Route => ({
  method: 'GET',
  path,
  family: 'api',
  needsToken: true,
  body: 'none',
  handle,
})

/** Success in the form that most APIs use. */
export const ok = (facts: Record<string, unknown> = {}): Answer => ({ json: { errcode: 0, errmsg: 'ok', ...facts } })

/** A text field of the body. @throws {Refusal} 47001 if it has another type, 40097 if it is required and missing */
export function textOf(json: Readonly<Record<string, unknown>>, name: string): string {
  const value = json[name]
  if (value === undefined || value === '') throw new Refusal(40097, `invalid args: ${name}`)
  if (typeof value !== 'string') throw new Refusal(47001)
  return value
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
