/**
 * One HTTP/2 connection over TLS with one request in flight, in the shape of `http-connection.ts`: what a phone speaks
 * when `wx.request` is told `enableHttp2`. For lines, not for rates: it is Node's own client, and costs more CPU.
 */
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import type { HttpConnection, HttpConnectionNeeds } from './http-connection.ts'

/** They belong to a connection, which HTTP/2 shares among requests. */
const HTTP1_ONLY = new Set(['host', 'connection', 'keep-alive', 'content-length'])

export function openHttp2Connection({ host, port, onAnswer, onClose }: HttpConnectionNeeds): HttpConnection {
  const socket = connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  const session: ClientHttp2Session = connectHttp2(`https://${host}:${port}`, { createConnection: () => socket })
  let isBusy = false
  let isClosed = false
  let bytesBefore = 0

  const close = (error?: Error) => {
    if (isClosed) return
    isClosed = true
    session.destroy()
    socket.destroy()
    onClose(error ?? (isBusy ? new Error('connection closed before the answer was complete') : undefined))
  }
  session.on('error', close)
  session.on('close', () => close())

  return {
    send(request, wantsBody) {
      isBusy = true
      const { headers, body } = toHttp2(request)
      const stream = session.request(headers)
      let status = 0
      let retryAfter = ''
      let text = ''
      if (wantsBody) stream.setEncoding('utf8')
      stream.on('response', (answered) => {
        status = Number(answered[constants.HTTP2_HEADER_STATUS])
        retryAfter = String(answered['retry-after'] ?? '')
      })
      stream.on('data', (part: string | Buffer) => {
        if (wantsBody) text += String(part)
      })
      stream.on('error', close)
      stream.on('close', () => {
        if (!isBusy || isClosed) return
        isBusy = false
        // What crossed the line, with TLS and frames: the answers' own bytes cannot be told apart from their headers.
        const bytes = socket.bytesRead - bytesBefore
        bytesBefore = socket.bytesRead
        onAnswer({ status, bytes, body: text, retryAfter, closes: false })
      })
      stream.end(body)
    },
    close: () => close(),
  }
}

/** The generator writes requests as HTTP/1.1 text. */
function toHttp2(request: string) {
  const bodyStart = request.indexOf('\r\n\r\n')
  const [start = '', ...lines] = request.slice(0, bodyStart).split('\r\n')
  const [method = 'GET', path = '/'] = start.split(' ')
  const headers: Record<string, string> = { ':method': method, ':path': path }
  for (const line of lines) {
    const colon = line.indexOf(': ')
    const name = line.slice(0, colon)
    if (!HTTP1_ONLY.has(name)) headers[name] = line.slice(colon + 2)
  }
  return { headers, body: request.slice(bodyStart + 4) }
}
