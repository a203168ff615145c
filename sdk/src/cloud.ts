import { type Answered, type Callable, type Callbacks, report } from './call-style.ts'
import { clientError, cloudErrMsg } from './cloud-error.ts'
import {
  type CallContainerOptions,
  type CallContainerResult,
  type ConnectContainerOptions,
  createContainer,
} from './container.ts'
import { createDatabase } from './database/database.ts'
import type { Database } from './database/database-types.ts'
import { decodeValue } from './database/decode.ts'
import { createDocumentCalls } from './document-requests.ts'
import { type OnTask, openExchange } from './exchange.ts'
import { createFiles, type DownloadFileOptions, type FileListOptions, type UploadFileOptions } from './files.ts'
import {
  type CallFunctionOptions,
  type CallFunctionResult,
  type CdnContent,
  CdnMarker,
  CloudIdMarker,
  createCallFunction,
  type OpenData,
} from './functions.ts'
import { openOutbox } from './outbox.ts'
import { openPhoneStorage } from './phone-storage.ts'
import type { OpenWatchCall, RealtimeNeeds, WatchOptions, WatchRequest } from './realtime-types.ts'
import { openRequestSlots } from './request-slots.ts'
import type { Clock } from './retry.ts'
import { openSession } from './session.ts'
import { type CloudSettings, type CompleteSettings, DEFAULTS, serverUrl } from './settings.ts'
import { createTransferTask } from './transfer-task.ts'
import { openTransport } from './transport.ts'
import { globalWx, type TransferTask, type Weixin } from './weixin.ts'

type FileStatus = { fileID: string; status: number; errMsg: string }
type FileLink = FileStatus & { tempFileURL: string; maxAge: number }

/** A class that can be called with and without `new`. */
type Marker<Value, Made> = { new (value: Value): Made; (value: Value): Made }

/** What `wx.cloud` offers, served by Sampan. */
export type Cloud = {
  /** Sets the server's address and other settings; what was set before stays. */
  init(settings?: CloudSettings): void
  callFunction: Callable<CallFunctionOptions, CallFunctionResult>
  database(config?: Database['config']): Database
  uploadFile: Callable<UploadFileOptions, Answered<{ fileID: string; statusCode: number }>, Required<TransferTask>>
  downloadFile: Callable<
    DownloadFileOptions,
    Answered<{ tempFilePath: string; statusCode: number }>,
    Required<TransferTask>
  >
  getTempFileURL: Callable<FileListOptions, Answered<{ fileList: FileLink[] }>>
  deleteFile: Callable<{ fileList: readonly string[]; config?: unknown }, Answered<{ fileList: FileStatus[] }>>
  callContainer: Callable<CallContainerOptions, CallContainerResult>
  // biome-ignore lint/suspicious/noExplicitAny: WeChat's own SocketTask
  connectContainer: Callable<ConnectContainerOptions, Answered<{ socketTask: any }>>
  CloudID: Marker<OpenData, CloudIdMarker>
  CDN: Marker<CdnContent, CdnMarker>
  /** Another client with its own settings; `await new cloud.Cloud({…}).init()`. */
  Cloud: { new (settings?: CloudSettings): Cloud }
  /** Tencent's own services, which live only in its cloud; every use says so. */
  services: { Gateway(options: unknown): never }
  extend: { AI: { createModel(name: unknown): never } }
}

const CLOCK: Clock = {
  now: Date.now,
  random: Math.random,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}

/** A client of one server. Talks to nobody before the first call. */
export function createCloud(first: CloudSettings = {}, clock: Clock = CLOCK): Cloud {
  let settings = { ...DEFAULTS, ...first }
  let opened: Parts | undefined
  const parts = () => {
    if (!opened) opened = openParts(settings.wx || globalWx(), () => settings, clock)
    return opened
  }

  const members: Record<string, unknown> = {
    init(more?: CloudSettings) {
      settings = { ...settings, ...more }
      if (settings.isOffline) parts().sendKept()
    },
    database: (config: Database['config'] = {}) =>
      createDatabase(
        (verb, request) => parts().documents(verb, request),
        (request, options) => parts().watch(request, options),
        config,
      ),
    CloudID: callableWithoutNew((openData: OpenData) => new CloudIdMarker(openData)),
    CDN: callableWithoutNew((content: CdnContent) => new CdnMarker(content)),
    Cloud: callableWithoutNew((other?: CloudSettings) => createCloud({ ...settings, ...other }, clock)),
    callHTTPFunction: refuse,
    services: { Gateway: refuse },
    extend: { AI: { createModel: refuse } },
  }
  for (const name of CALLS) members[name] = styled(name, (options, attach) => parts()[name](options, attach))
  return members as Cloud // a test compares the result with WeChat's typings
}

const CALLS = [
  'callFunction',
  'uploadFile',
  'downloadFile',
  'getTempFileURL',
  'deleteFile',
  'callContainer',
  'connectContainer',
] as const

/** One call in CloudBase's style: answers a promise or, with callbacks, nothing or the task of a transfer. */
function styled(name: string, work: (options: never, attach: OnTask) => Promise<object>) {
  return (options: Callbacks<Answered<object>> = {}) => {
    const { task, attach } = createTransferTask()
    const outcome = report(options, {
      api: `cloud.${name}`,
      work: async () => work(options as never, attach), // each call checks its own options
      describe: cloudErrMsg,
    })
    return outcome || (/load/.test(name) ? task : undefined)
  }
}

type Parts = ReturnType<typeof openParts>

/** Everything behind the members, opened at the first call. */
function openParts(wx: Weixin, settings: () => CompleteSettings, clock: Clock) {
  const url = () => serverUrl(settings(), wx)
  const headers = () => ({ 'accept-language': settings().language })
  const exchange = openExchange(wx, openRequestSlots())
  const session = openSession({ wx, exchange, url, headers, clock })
  const usualMs = () => settings().timeoutMs
  const reportLoading = (isLoading: boolean) => settings().onLoading(isLoading)
  const transport = openTransport({ exchange, session, url, headers, usualMs, reportLoading, clock })
  const outbox = openOutbox({
    storage: openPhoneStorage(wx, () => `sampan:outbox:${url()}`),
    send: ({ verb, json, key }) => transport.post(`/v1/documents/${verb}`, json, 'write', { idempotencyKey: key }),
    onRefused: (error, write) => settings().onOfflineError(error, write),
    now: clock.now,
  })
  const files = createFiles({ wx, exchange, transport, url })
  let isListening = false
  let openWatch: OpenWatchCall | undefined

  return {
    ...files,
    ...createContainer({ wx, exchange, transport, session, url }),
    callFunction: createCallFunction({ transport, uploadContent: files.uploadContent }),
    documents: createDocumentCalls({ transport, outbox, isOffline: () => settings().isOffline }),
    watch: (request: WatchRequest, options: WatchOptions) => {
      const { realtime } = settings()
      if (!realtime) throw clientError('not_supported', 'watch() needs init({ realtime })')
      if (!openWatch) {
        openWatch = realtime({
          ticket: () => transport.post('/v1/realtime/ticket', '{}', 'read') as ReturnType<RealtimeNeeds['ticket']>, // the server's own
          connect: (url) => wx.connectSocket({ url }) as never, // WeChat's SocketTask
          decode: decodeValue,
        })
      }
      return openWatch(request, options)
    },
    /** Sends what waits for the network, now and whenever it comes back. */
    sendKept() {
      outbox.flush()
      if (!isListening && wx.onNetworkStatusChange)
        wx.onNetworkStatusChange(({ isConnected }) => isConnected && outbox.flush())
      isListening = true
    },
  }
}

function refuse(): never {
  throw clientError('not_supported', "exists only in Tencent's cloud")
}

/** A plain function returns what it makes whether it is called with `new` or without. */
function callableWithoutNew<Value, Made>(make: (value: Value) => Made) {
  return function made(value: Value) {
    return make(value)
  }
}
