/**
 * A ZIP archive without compression, for a handful of text files: 22 + 76 bytes of frame per file instead of a library.
 *
 * @see https://pkware.cachefly.net/webdocs/APPNOTE/APPNOTE-6.3.9.TXT
 */
const LOCAL_HEADER = 0x04034b50
const CENTRAL_HEADER = 0x02014b50
const END_OF_ARCHIVE = 0x06054b50
const VERSION_NEEDED = 20
const MADE_ON_UNIX = (3 << 8) | VERSION_NEEDED
const REGULAR_FILE = 0o100000
const UTF8_NAMES = 0x0800
/** 1 January 1980: archives of the same plan are the same bytes. */
const FIXED_DATE = 0x0021
const CRC_POLYNOMIAL = 0xedb88320

/** `mode`: Unix permissions, so that scripts stay executable. */
export type ZippedFile = { readonly path: string; readonly content: string; readonly mode: number }

export function zipFiles(files: readonly ZippedFile[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder()
  const locals: Uint8Array[] = []
  const centrals: Uint8Array[] = []
  let offset = 0

  for (const { path, content, mode } of files) {
    const name = encoder.encode(path)
    const data = encoder.encode(content)
    // What the local header and the central directory say alike.
    const facts = [
      ['u16', VERSION_NEEDED],
      ['u16', UTF8_NAMES],
      ['u16', 0], // stored
      ['u16', 0],
      ['u16', FIXED_DATE],
      ['u32', crc32(data)],
      ['u32', data.length],
      ['u32', data.length],
      ['u16', name.length],
      ['u16', 0],
    ] as const
    const local = [pack([['u32', LOCAL_HEADER], ...facts]), name, data]
    const central = pack([
      ['u32', CENTRAL_HEADER],
      ['u16', MADE_ON_UNIX],
      ...facts,
      ['u16', 0],
      ['u16', 0],
      ['u16', 0],
      ['u32', (REGULAR_FILE | mode) * 0x10000],
      ['u32', offset],
    ])
    locals.push(...local)
    centrals.push(central, name)
    offset += sizeOf(local)
  }
  const count = files.length
  const end = pack([
    ['u32', END_OF_ARCHIVE],
    ['u16', 0],
    ['u16', 0],
    ['u16', count],
    ['u16', count],
    ['u32', sizeOf(centrals)],
    ['u32', offset],
    ['u16', 0],
  ])
  return join([...locals, ...centrals, end])
}

function pack(fields: readonly (readonly ['u16' | 'u32', number])[]): Uint8Array {
  const size = fields.reduce((sum, [kind]) => sum + (kind === 'u16' ? 2 : 4), 0)
  const view = new DataView(new ArrayBuffer(size))
  let at = 0
  for (const [kind, value] of fields) {
    if (kind === 'u16') view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
    at += kind === 'u16' ? 2 : 4
  }
  return new Uint8Array(view.buffer)
}

const sizeOf = (parts: readonly Uint8Array[]) => parts.reduce((sum, part) => sum + part.length, 0)

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(sizeOf(parts))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function crc32(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? CRC_POLYNOMIAL : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
