/** The network of a headless phone: `wx.request`, `wx.uploadFile`, `wx.downloadFile`, `wx.connectSocket`. */
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Callbacks, Wx } from './phone.ts'

/** WeChat refuses the eleventh request that runs at once. */
const MAX_IN_FLIGHT = 10
const DEFAULT_TIMEOUT_MS = 60_000

type Options = Record<string, unknown> & Callbacks
type Init = { method: string; headers: Record<string, string>; body?: string | ArrayBuffer }

export function openPhoneNetwork(folder: string) {
  let isOnline = true
  let inFlight = 0
  const sockets = new Set<WebSocket>()
  const listeners: ((status: { isConnected: boolean; networkType: string }) => void)[] = []

  /** Runs one transfer as WeChat does: the task at once, the outcome by callback. */
  const start = (name: string, options: Options, work: (signal: AbortSignal) => Promise<object>) => {
    const aborter = new AbortController()
    const timeoutMs = Number(options['timeout'] ?? DEFAULT_TIMEOUT_MS)
    const run = async () => {
      if (!isOnline) throw new Error('net::ERR_INTERNET_DISCONNECTED')
      if (inFlight >= MAX_IN_FLIGHT) throw new Error(`exceed max concurrent requests ${MAX_IN_FLIGHT}`)
      inFlight++
      try {
        return {
          errMsg: `${name}:ok`,
          ...(await work(AbortSignal.any([aborter.signal, AbortSignal.timeout(timeoutMs)]))),
        }
      } finally {
        inFlight--
      }
    }
    run().then(
      (result) => {
        options.success?.(result as never)
        options.complete?.(result as never)
      },
      (error: Error) => {
        const failure = { errMsg: `${name}:fail ${error.name === 'AbortError' ? 'abort' : error.message}` }
        options.fail?.(failure)
        options.complete?.(failure as never)
      },
    )
    const progress: ((event: object) => void)[] = []
    const task = {
      abort: () => aborter.abort(),
      onProgressUpdate: (listener: (event: object) => void) => void progress.push(listener),
      offProgressUpdate() {},
      onHeadersReceived() {},
      offHeadersReceived() {},
    }
    const report = (event: object) => {
      for (const listener of progress) listener(event)
    }
    return { task, report }
  }

  const api: Wx = {
    request: (options: Options) =>
      start('request', options, async (signal) => {
        const { url, init } = requestOf(options)
        const response = await fetch(url, { ...init, signal })
        const bytes = await response.arrayBuffer()
        const data =
          options['responseType'] === 'arraybuffer' ? bytes : parsed(Buffer.from(bytes).toString(), options['dataType'])
        return { data, statusCode: response.status, header: Object.fromEntries(response.headers), cookies: [] }
      }).task,

    uploadFile: (options: Options) => {
      const { task, report } = start('uploadFile', options, async (signal) => {
        const bytes = await readFile(String(options['filePath']))
        const form = new FormData()
        form.append(String(options['name']), new Blob([bytes]), path.basename(String(options['filePath'])))
        // After the file, the harder order: WeChat promises none.
        for (const [name, value] of Object.entries(options['formData'] ?? {})) form.append(name, String(value))
        // Written out first: a form that is still being read cannot be aborted cleanly.
        const encoded = new Response(form)
        const headers = { ...headersOf(options), 'content-type': encoded.headers.get('content-type') ?? '' }
        const body = await encoded.arrayBuffer()
        const response = await fetch(String(options['url']), { method: 'POST', headers, body, signal })
        report({ progress: 100, totalBytesSent: bytes.length, totalBytesExpectedToSend: bytes.length })
        return { data: await response.text(), statusCode: response.status }
      })
      return task
    },

    downloadFile: (options: Options) => {
      const { task, report } = start('downloadFile', options, async (signal) => {
        const response = await fetch(String(options['url']), { headers: headersOf(options), signal })
        const bytes = Buffer.from(await response.arrayBuffer())
        const tempFilePath = path.join(folder, `tmp_${randomUUID()}`)
        await writeFile(tempFilePath, bytes)
        report({ progress: 100, totalBytesWritten: bytes.length, totalBytesExpectedToWrite: bytes.length })
        return { tempFilePath, statusCode: response.status }
      })
      return task
    },

    connectSocket: ({ url, protocols }: Options) => {
      const socket = new WebSocket(String(url), (protocols as string[]) ?? [])
      sockets.add(socket)
      socket.addEventListener('close', () => sockets.delete(socket))
      return socketTask(socket)
    },
    onNetworkStatusChange: (listener: (typeof listeners)[number]) => void listeners.push(listener),
    offNetworkStatusChange() {},
    getNetworkType: (options: Options = {}) => options.success?.({ networkType: isOnline ? 'wifi' : 'none' } as never),
  }

  return {
    api,
    setOnline(online: boolean) {
      isOnline = online
      for (const listener of listeners) listener({ isConnected: online, networkType: online ? 'wifi' : 'none' })
    },
    dropSockets() {
      for (const socket of sockets) socket.close()
    },
    async settle() {
      for (let quietTurns = 0; quietTurns < 5; quietTurns++) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        if (inFlight) quietTurns = 0
      }
    },
  }
}

const headersOf = (options: Options): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(options['header'] ?? {})) headers[name.toLowerCase()] = String(value)
  return headers
}

/** As WeChat sends `data`: in the query of a GET, as a form if the header says so, otherwise as JSON. */
function requestOf(options: Options): { url: string; init: Init } {
  const { url, data } = options
  const method = String(options['method'] ?? 'GET').toUpperCase()
  const headers = headersOf(options)
  if (data === undefined) return { url: String(url), init: { method, headers } }
  if (method === 'GET') {
    const target = new URL(String(url))
    if (typeof data === 'object')
      for (const [key, value] of Object.entries(data as object)) target.searchParams.set(key, String(value))
    return { url: target.href, init: { method, headers } }
  }
  headers['content-type'] ??= 'application/json'
  const isText = typeof data === 'string' || data instanceof ArrayBuffer
  const isForm = headers['content-type'].includes('urlencoded')
  const body = isText
    ? data
    : isForm
      ? new URLSearchParams(data as Record<string, string>).toString()
      : JSON.stringify(data)
  return { url: String(url), init: { method, headers, body } }
}

function parsed(text: string, dataType: unknown): unknown {
  if (dataType !== undefined && dataType !== 'json') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function socketTask(socket: WebSocket) {
  type Handler = (event: unknown) => void
  const on = (type: string) => (handler: Handler) =>
    socket.addEventListener(type, (event) =>
      handler(type === 'message' ? { data: (event as MessageEvent).data } : event),
    )
  return {
    send: ({ data }: { data: string }) => socket.send(data),
    close: ({ code }: { code?: number } = {}) => socket.close(code),
    onOpen: on('open'),
    onMessage: on('message'),
    onClose: on('close'),
    onError: on('error'),
  }
}
