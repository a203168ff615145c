/**
 * A text as one WebSocket frame (RFC 6455, 5.2), unmasked and whole, as servers send it. Written here and not by `ws`,
 * because one frame then serves everybody in a room: `ws` writes a header, and looks at options, for each receiver.
 */

const FINAL_TEXT = 0x81
const LONGEST_7_BITS = 125
const LONGEST_16_BITS = 0xffff

export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const headerBytes = length <= LONGEST_7_BITS ? 2 : length <= LONGEST_16_BITS ? 4 : 10
  const frame = Buffer.allocUnsafe(headerBytes + length)
  frame[0] = FINAL_TEXT
  if (headerBytes === 2) frame[1] = length
  else if (headerBytes === 4) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  frame.write(text, headerBytes)
  return frame
}
