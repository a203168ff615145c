/**
 * One keep-alive HTTP/1.1 connection with one request in flight, as small as a client can be.
 *
 * The generator shares a small machine with the server under test: every microsecond it spends per request is taken
 * from the measurement. So it writes whole requests as one string, reads into one buffer per connection, and looks at
 * nothing of an answer but its status, its length and, if asked, its body.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export type HttpAnswer = {
  readonly status: number
  /** Header and body, as they crossed the wire. */
  readonly bytes: number
  /** Only if the request asked for it. */
  readonly body: string
  /** The value of `Retry-After` on a refusal, else ''. */
  readonly retryAfter: string
  /** The server ended the connection with this answer: open another one. */
  readonly closes: boolean
}

export type HttpConnection = {
  /** Sends a complete request. Never call it while another one is in flight. */
  send(request: string, wantsBody: boolean): void
  close(): void
}

export type HttpConnectionNeeds = {
  readonly host: string
  readonly port: number
  /** TLS without checking who answers: the certificate of a measurement is its own. */
  readonly isTls?: boolean
  onAnswer(answer: HttpAnswer): void
  /** The connection is gone; `error` is undefined if the server closed it between two requests. */
  onClose(error: Error | undefined): void
}

const READ_BUFFER_BYTES = 64 * 1024
const HEADER_END = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)

export function openHttpConnection({
  host,
  port,
  isTls = false,
  onAnswer,
  onClose,
}: HttpConnectionNeeds): HttpConnection {
  let isBusy = false
  let wantsBody = false
  let isClosed = false
  let unparsed: Buffer = NOTHING

  const close = (error?: Error) => {
    if (isClosed) return
    isClosed = true
    socket.destroy()
    onClose(error ?? (isBusy ? new Error('connection closed before the answer was complete') : undefined))
  }

  const read = (bytesRead: number, buffer: Uint8Array): boolean => {
    const fresh = Buffer.from(buffer.buffer, buffer.byteOffset, bytesRead)
    const received = unparsed.length ? Buffer.concat([unparsed, fresh]) : fresh
    const answer = parseAnswer(received, wantsBody)
    if (!answer) {
      // The read buffer is used again: what is kept must be copied.
      unparsed = unparsed.length ? received : Buffer.from(received)
      return true
    }
    unparsed = NOTHING
    isBusy = false
    if (answer.closes) {
      isClosed = true
      socket.destroy()
    }
    onAnswer(answer)
    return true
  }

  const socket: Socket = isTls
    ? connectTls({ host, port, rejectUnauthorized: false })
    : connect({
        host,
        port,
        noDelay: true,
        onread: { buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES), callback: read },
      })
  if (isTls) socket.setNoDelay(true).on('data', (chunk: Buffer) => read(chunk.length, chunk))
  socket.on('error', close)
  socket.on('close', () => close())

  return {
    send(request, wants) {
      isBusy = true
      wantsBody = wants
      socket.write(request)
    },
    close: () => close(),
  }
}

/** The answer that `received` begins with, or undefined while it is incomplete. */
export function parseAnswer(received: Buffer, wantsBody: boolean): HttpAnswer | undefined {
  const headerEnd = received.indexOf(HEADER_END)
  if (headerEnd < 0) return undefined
  const header = received.toString('latin1', 0, headerEnd).toLowerCase()
  const status = Number(header.slice(9, 12))
  const bodyStart = headerEnd + HEADER_END.length
  const end = answerEnd(received, header, status, bodyStart)
  if (end === undefined) return undefined
  return {
    status,
    bytes: end,
    body: wantsBody ? received.toString('utf8', bodyStart, end) : '',
    retryAfter: status === 429 || status === 503 ? headerValue(header, 'retry-after') : '',
    closes: header.includes('\r\nconnection: close'),
  }
}

function answerEnd(received: Buffer, header: string, status: number, bodyStart: number): number | undefined {
  if (status === 204 || status === 304) return bodyStart
  const length = headerValue(header, 'content-length')
  if (length === '') return header.includes('transfer-encoding: chunked') ? chunksEnd(received, bodyStart) : bodyStart
  const end = bodyStart + Number(length)
  return received.length >= end ? end : undefined
}

/** Position after the last chunk, or undefined while chunks are missing. */
function chunksEnd(received: Buffer, bodyStart: number): number | undefined {
  let position = bodyStart
  for (;;) {
    const lineEnd = received.indexOf('\r\n', position)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(received.toString('latin1', position, lineEnd), 16)
    position = lineEnd + 2 + size + 2
    if (position > received.length) return undefined
    if (size === 0) return position
  }
}

function headerValue(header: string, name: string): string {
  const start = header.indexOf(`\r\n${name}: `)
  if (start < 0) return ''
  const valueStart = start + name.length + 4
  const end = header.indexOf('\r\n', valueStart)
  return header.slice(valueStart, end < 0 ? undefined : end)
}
