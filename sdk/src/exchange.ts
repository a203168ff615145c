import type { ErrorBody } from '@sampan/protocol/errors'
import { CloudError, clientError } from './cloud-error.ts'
import type { RequestSlots } from './request-slots.ts'
import type { RequestOptions, TransferTask, UploadOptions, Weixin } from './weixin.ts'

/** What came back, whatever its status: `wx.request` calls every answer a success. */
export type Reply = {
  readonly httpStatus: number
  readonly header: Record<string, unknown>
  /** Of the body, where the server was asked for it. */
  readonly tag: string | undefined
  /** The body, parsed if it is JSON. */
  readonly data: unknown
  /** The server's own error, if this is one. */
  readonly error: ErrorBody['error'] | undefined
  /** What the server asks to wait, or 0. */
  readonly retryAfterMs: number
}

/** Handed WeChat's own task as soon as a transfer starts. */
export type OnTask = (task: TransferTask) => void

export type Exchange = {
  request(options: RequestOptions): Promise<Reply>
  upload(options: UploadOptions, onTask: OnTask): Promise<Reply>
  download(
    options: { url: string; timeout: number },
    onTask: OnTask,
  ): Promise<{ tempFilePath: string; statusCode: number }>
}

type RawReply = { statusCode: number; header?: Record<string, unknown>; data: unknown }

/** HTTP exchanges as promises, each in its slot. Rejects only with `network_failed`. */
export function openExchange(wx: Weixin, inSlot: RequestSlots): Exchange {
  const start = <Name extends 'request' | 'uploadFile' | 'downloadFile', Answer>(
    name: Name,
    options: object,
    onTask?: OnTask,
  ) =>
    inSlot(
      () =>
        new Promise<Answer>((success, reject) => {
          const fail = (failure?: { errMsg?: string }) => reject(networkFailed(failure))
          const task = wx[name]({ ...options, success, fail } as never) // each caller below passes what `name` takes
          if (onTask && task) onTask(task as TransferTask) // transfers return one
        }),
    )
  return {
    request: async (options) => readReply(await start('request', options)),
    upload: async (options, onTask) => readReply(await start('uploadFile', options, onTask)),
    download: (options, onTask) => start('downloadFile', options, onTask),
  }
}

const networkFailed = (failure: { errMsg?: string } = {}) =>
  clientError('network_failed', failure.errMsg || 'request:fail', '请检查网络和小程序后台的服务器域名')

function readReply({ statusCode, header = {}, data }: RawReply): Reply {
  const body = typeof data === 'string' ? parseJson(data) : data
  const { error } = (body || {}) as Partial<ErrorBody> // compared below
  const named: Record<string, unknown> = {}
  // Phones and DevTools do not agree about the case of header names.
  for (const name in header) named[name.toLowerCase()] = header[name]
  return {
    httpStatus: statusCode,
    header,
    tag: named['etag'] as string | undefined, // a header
    data: body,
    error: statusCode >= 400 && error && error.code ? error : undefined,
    retryAfterMs: Number(named['retry-after']) * 1_000 || 0,
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The body of a good answer. @throws {CloudError} for HTTP 4xx and 5xx, with the server's code and hint */
export function bodyOf({ httpStatus, data, error, requestId }: Reply & { readonly requestId?: string }): unknown {
  if (httpStatus < 400) return data
  const message = `HTTP ${httpStatus}`
  throw new CloudError({
    code: 'answer_not_understood',
    errCode: -1,
    message,
    requestId,
    ...error,
    statusCode: httpStatus,
  })
}
