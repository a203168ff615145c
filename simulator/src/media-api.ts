import { Refusal } from './refusal.ts'
import { getApi, ok, postApi, type Route } from './route.ts'
import type { SeededRandom } from './seeded-random.ts'

const LIFETIME_MS = 3 * 86_400_000
const IMAGE_LIMIT_BYTES = 10 * 1024 * 1024
/** Files kept at once, at most 10 MB each. */
const MEDIA_LIMIT = 10

/** Images for customer service messages: kept for three days, then gone. */
export function mediaApi(random: SeededRandom, now: () => number): Route[] {
  const kept = new Map<string, { bytes: Buffer; contentType: string; expiresAtMs: number }>()

  return [
    {
      ...postApi('/cgi-bin/media/upload', ({ query, bytes: form }) => {
        if (query['type'] !== 'image') throw new Refusal(40004)
        const file = parseFile(form)
        if (!file) throw new Refusal(41005)
        if (file.bytes.length > IMAGE_LIMIT_BYTES) throw new Refusal(40006)
        const id = random.letters(64)
        kept.set(id, { ...file, expiresAtMs: now() + LIFETIME_MS })
        if (kept.size > MEDIA_LIMIT) kept.delete(kept.keys().next().value ?? '')
        return ok({ type: 'image', media_id: id, created_at: Math.floor(now() / 1000) })
      }),
      body: 'media',
    },
    getApi('/cgi-bin/media/get', ({ query }) => {
      const media = kept.get(query['media_id'] ?? '')
      if (!media || media.expiresAtMs <= now()) throw new Refusal(40007)
      return { bytes: media.bytes, contentType: media.contentType }
    }),
  ]
}

/** The part named `media` of a form, found by its boundaries; enough for the one file that these forms hold. */
function parseFile(form: Buffer) {
  const boundary = form.subarray(0, Math.max(form.indexOf('\r\n'), 0))
  const nameAt = form.indexOf('name="media"')
  const start = form.indexOf('\r\n\r\n', nameAt) + 4
  const end = form.indexOf(`\r\n${boundary}`, start)
  if (boundary.length === 0 || nameAt < 0 || end < start) return undefined
  const contentType = /content-type:\s*([^\r\n]+)/i.exec(form.subarray(nameAt, start).toString())?.[1]
  return { bytes: form.subarray(start, end), contentType: contentType ?? 'application/octet-stream' }
}
