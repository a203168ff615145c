/**
 * A WebSocket (RFC 6455) as small as a client can be, so that one generator process holds as many as the server does:
 * no library object per connection, and one read buffer for all of them.
 */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

export type WebSocketClient = {
  send(text: string): void
  close(): void
}

type Needs = {
  readonly host: string
  readonly port: number
  readonly path: string
  /** Each source address has 28,000 ports towards one server; loopback has many addresses. */
  readonly localAddress?: string | undefined
  onOpen(): void
  /** A text's bytes lie in `buffer` from `start` to `end`, only during the call. */
  onText(buffer: Buffer, start: number, end: number): void
  onClose(reason: string): void
}

const READ_BUFFER_BYTES = 64 * 1024
const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const
const FINAL = 0x80
const MASKED = 0x80
const NOTHING = Buffer.alloc(0)

/** Reads are handled at once, one after another: every connection may read into the same buffer. */
const sharedReadBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)

export function openWebSocket(needs: Needs): WebSocketClient {
  const { host, port, path, localAddress, onOpen, onText, onClose } = needs
  let isOpen = false
  let isClosed = false
  let unparsed: Buffer = NOTHING

  const close = (reason: string) => {
    if (isClosed) return
    isClosed = true
    socket.destroy()
    onClose(reason)
  }

  const read = (bytesRead: number): boolean => {
    const fresh = sharedReadBuffer.subarray(0, bytesRead)
    const received = unparsed.length ? Buffer.concat([unparsed, fresh]) : fresh
    const position = isOpen ? 0 : upgradeEnd(received)
    if (position < 0) {
      close(received.toString('latin1', 0, 40).split('\r\n')[0] ?? 'refused')
      return true
    }
    if (position > 0) {
      isOpen = true
      onOpen()
    }
    const consumed = isOpen ? readFrames(received, position) : 0
    unparsed = consumed === received.length ? NOTHING : Buffer.from(received.subarray(consumed))
    return true
  }

  const readFrames = (received: Buffer, from: number): number => {
    let position = from
    for (let frame = parseFrame(received, position); frame; frame = parseFrame(received, position)) {
      position = frame.end
      if (frame.opcode === OPCODE.text) onText(received, frame.start, frame.end)
      else if (frame.opcode === OPCODE.ping)
        socket.write(clientFrame(OPCODE.pong, received.subarray(frame.start, frame.end)))
      else if (frame.opcode === OPCODE.close) close('the server closed')
    }
    return position
  }

  const socket = connect({
    host,
    port,
    noDelay: true,
    ...(localAddress !== undefined && { localAddress }),
    onread: { buffer: sharedReadBuffer, callback: read },
  })
  socket.on('error', (error) => close(error.message))
  socket.on('close', () => close('the connection ended'))
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  )
  return { send: (text) => void socket.write(clientFrame(OPCODE.text, Buffer.from(text))), close: () => close('done') }
}

/** 0 while the answer is incomplete, -1 if it is no upgrade. */
function upgradeEnd(received: Buffer): number {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return 0
  return received.toString('latin1', 9, 12) === '101' ? end + 4 : -1
}

/** The frame at `position`, or undefined while it is incomplete. Servers do not mask. */
export function parseFrame(bytes: Buffer, position: number) {
  if (bytes.length < position + 2) return undefined
  const opcode = (bytes[position] ?? 0) & 0x0f
  const short = (bytes[position + 1] ?? 0) & 0x7f
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0
  const start = position + 2 + lengthBytes
  if (bytes.length < start) return undefined
  const length =
    lengthBytes === 8
      ? Number(bytes.readBigUInt64BE(position + 2))
      : lengthBytes === 2
        ? bytes.readUInt16BE(position + 2)
        : short
  return bytes.length < start + length ? undefined : { opcode, start, end: start + length }
}

/** Clients must mask; with a mask of zeros the payload stays as it is, which a generator may and a browser may not. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const lengthBytes = length < 126 ? 0 : 2
  const frame = Buffer.alloc(2 + lengthBytes + 4 + length)
  frame[0] = FINAL | opcode
  frame[1] = MASKED | (lengthBytes ? 126 : length)
  if (lengthBytes) frame.writeUInt16BE(length, 2)
  payload.copy(frame, 2 + lengthBytes + 4)
  return frame
}
