import { createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'

const MODULES = 25
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/**
 * A valid PNG that looks like a code: black squares that follow from the text, the same ones every time.
 *
 * It is a stand-in and cannot be scanned: only WeChat can make codes that its app opens.
 */
export function drawCode(text: string, widthPx: number): Buffer {
  const cellPx = widthPx / MODULES
  const pattern = createHash('shake256', { outputLength: Math.ceil((MODULES * MODULES) / 8) })
    .update(text)
    .digest()
  const rows = Array.from({ length: widthPx }, (_, y) => {
    const row = Buffer.alloc(1 + widthPx) // the first byte chooses the filter: none
    for (let x = 0; x < widthPx; x++)
      row[1 + x] = isDark(pattern, Math.floor(x / cellPx), Math.floor(y / cellPx)) ? 0 : 255
    return row
  })

  const header = Buffer.alloc(13)
  header.writeUInt32BE(widthPx, 0)
  header.writeUInt32BE(widthPx, 4)
  header.writeUInt8(8, 8) // bits per sample; the zeros that follow mean grey, deflate, no interlacing
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** The border stays white, and the corners carry the three squares that everybody takes for a code. */
function isDark(pattern: Buffer, column: number, row: number) {
  const last = MODULES - 1
  if (Math.min(column, row, last - column, last - row) < 2) return false
  const nearX = Math.min(Math.abs(column - 5), Math.abs(column - (last - 5)))
  const nearY = Math.min(Math.abs(row - 5), Math.abs(row - (last - 5)))
  const isCorner = nearX <= 3 && nearY <= 3 && !(column > last / 2 && row > last / 2)
  if (isCorner) return Math.max(nearX, nearY) !== 2
  const at = row * MODULES + column
  return (((pattern[at >> 3] ?? 0) >> (at & 7)) & 1) === 1
}

function chunk(kind: string, data: Buffer) {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}
