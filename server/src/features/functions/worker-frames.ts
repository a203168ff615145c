/**
 * What server and worker say to each other: frames of two lengths, a JSON header and a body. The body is a function's
 * event or result as JSON text, which neither the frame nor the server parses again.
 */

export type Frame = { readonly header: Readonly<Record<string, unknown>>; readonly body: Buffer }

const LENGTHS_BYTES = 8
/** A frame beyond this size is an accident or an attack; the worker is given up. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024

export function encodeFrame(header: Readonly<Record<string, unknown>>, body: string | Buffer = ''): Buffer {
  const head = Buffer.from(JSON.stringify(header))
  const payload = Buffer.isBuffer(body) ? body : Buffer.from(body)
  const lengths = Buffer.allocUnsafe(LENGTHS_BYTES)
  lengths.writeUInt32LE(head.length, 0)
  lengths.writeUInt32LE(payload.length, 4)
  return Buffer.concat([lengths, head, payload])
}

/** Cuts a byte stream back into frames. @throws {RangeError} on a frame that is too large. */
export function frameReader(onFrame: (frame: Frame) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let bytes = 0
  let wantedBytes = LENGTHS_BYTES

  return (chunk) => {
    chunks.push(chunk)
    bytes += chunk.length
    while (bytes >= wantedBytes) {
      const all = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
      const headBytes = all.readUInt32LE(0)
      const totalBytes = LENGTHS_BYTES + headBytes + all.readUInt32LE(4)
      if (totalBytes > FRAME_BYTES_MAX) throw new RangeError(`A worker sent a frame of ${totalBytes} bytes.`)
      const isComplete = all.length >= totalBytes
      const rest = isComplete ? all.subarray(totalBytes) : all
      chunks = [rest]
      bytes = rest.length
      wantedBytes = isComplete ? LENGTHS_BYTES : totalBytes
      if (!isComplete) return
      const bodyStart = LENGTHS_BYTES + headBytes
      const header = JSON.parse(all.toString('utf8', LENGTHS_BYTES, bodyStart)) as Frame['header'] // safe: see below
      onFrame({ header, body: all.subarray(bodyStart, totalBytes) })
    }
  }
}
// The header is what worker-main.cjs wrote with JSON.stringify of an object. A function that writes into that pipe by
// itself makes JSON.parse throw, which ends the worker like any other broken frame.
