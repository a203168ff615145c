/** What a file is: by its first bytes where they tell, otherwise by the ending of its name. Never by what a client says. */
import mime from 'mime'

const OCTETS = 'application/octet-stream'

/** [content type, hex of the bytes at `offset`] (en.wikipedia.org/wiki/List_of_file_signatures) */
// biome-ignore format: a table keeps its columns
const SIGNATURES: readonly (readonly [type: string, hex: string, offset?: number])[] = [
  ['image/jpeg',      'ffd8ff'],
  ['image/png',       '89504e470d0a1a0a'],
  ['image/gif',       '47494638'],
  ['image/webp',      '57454250', 8],
  ['image/bmp',       '424d'],
  ['application/pdf', '255044462d'],
  ['video/mp4',       '66747970', 4],
  ['audio/mpeg',      '494433'],
]

/** Types whose signature is known: a file that only claims one of them by its name is served as plain bytes. */
const SIGNED = new Set(SIGNATURES.map(([type]) => type))

export function detectContentType(path: string, head: Buffer): string {
  for (const [type, hex, offset = 0] of SIGNATURES) {
    if (head.subarray(offset, offset + hex.length / 2).toString('hex') === hex) return type
  }
  const byName = mime.getType(path) ?? OCTETS
  // mp3 and mp4 files come with several signatures; images and PDF do not.
  return SIGNED.has(byName) && !byName.startsWith('audio/') && !byName.startsWith('video/') ? OCTETS : byName
}

/** @param accepted such as `image/*,application/pdf` */
export function isAccepted(type: string, accepted: string): boolean {
  return (
    accepted
      .split(',')
      .map((pattern) => pattern.trim())
      .some((pattern) => (pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern)) &&
    !CAN_RUN.has(type)
  )
}

/** Types in which a browser runs script; they would run with the console's origin. */
const CAN_RUN = new Set([
  'text/html',
  'image/svg+xml',
  'application/xhtml+xml',
  'text/xml',
  'application/xml',
  'text/javascript',
  'application/javascript',
])

/** Whether a browser may show it in place; anything else is offered as a download. */
export const isShownInline = (type: string) => /^(image|video|audio)\//.test(type) && !CAN_RUN.has(type)
