import type { CallFunctionResponse } from '@sampan/protocol/functions'
import type { Answered } from './call-style.ts'
import { badArgument } from './cloud-error.ts'
import { isPlainObject } from './plain-object.ts'
import type { Transport } from './transport.ts'

export type CallFunctionOptions = { name: string; data?: Record<string, unknown>; slow?: boolean; config?: unknown }
// biome-ignore lint/suspicious/noExplicitAny: what a function returns is known only to the program, as with wx.cloud
export type CallFunctionResult = Answered<{ result: any; requestID: string }>

/** A function may run as long as WeChat lets a request wait. */
const FUNCTION_TIMEOUT_MS = 60_000

type Needs = { transport: Transport; uploadContent: (content: CdnContent) => Promise<string> }

export function createCallFunction({ transport, uploadContent }: Needs) {
  return async function callFunction({ name, data = {} }: CallFunctionOptions) {
    if (!name) throw badArgument('name is needed')
    const json = JSON.stringify({ data: await withUploads(data, uploadContent) })
    const path = `/v1/functions/${encodeURIComponent(name)}`
    const answer = await transport.post(path, json, 'call', { longestMs: FUNCTION_TIMEOUT_MS })
    const { result, requestId } = answer as CallFunctionResponse // the server's own answer
    return { result, requestID: requestId }
  }
}

export type OpenData = string | { encryptedData: string; iv: string } | { code: string }

/**
 * Marks open data inside a function's `data`; the server replaces it by what it decrypts for this user.
 *
 * WeChat issues a `cloudID` only where its own cloud is switched on, so `{ encryptedData, iv }` and `{ code }`, which are
 * always there, are accepted too.
 */
export class CloudIdMarker {
  private readonly openData: OpenData

  constructor(openData: OpenData) {
    this.openData = openData
  }
  toJSON() {
    return { $cloudID: this.openData }
  }
}

export type CdnContent = string | ArrayBuffer | { type: 'filePath'; filePath: string }

/** Marks bulky content inside a function's `data`: it is uploaded first, and the function receives its address. */
export class CdnMarker {
  readonly target: CdnContent

  constructor(target: CdnContent) {
    this.target = target
  }
}

async function withUploads(value: unknown, upload: Needs['uploadContent']): Promise<unknown> {
  if (value instanceof CdnMarker) return upload(value.target)
  if (Array.isArray(value)) return Promise.all(value.map((item) => withUploads(item, upload)))
  if (!isPlainObject(value) || 'toJSON' in value) return value
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) copy[key] = await withUploads(value[key], upload)
  return copy
}
