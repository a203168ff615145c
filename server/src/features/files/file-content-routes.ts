/** Serving the bytes: `GET /cloud/<env>/<path>`, the address that a page puts into `<image src>`. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { isShownInline } from './content-type.ts'
import { UPLOAD_DEADLINE_MS } from './file-routes.ts'
import type { StoredFile } from './file-store.ts'
import type { Files, Signature } from './files.ts'

const Query = Type.Object({
  e: Type.Optional(Type.String({ maxLength: 16 })),
  s: Type.Optional(Type.String({ maxLength: 64 })),
})

/** Browsers and Nginx may keep a file this long before they ask again whether it changed. */
const CACHE_SECONDS = 3600

type Served = { Params: { env: string; '*': string }; Querystring: Static<typeof Query> }

export function fileContentRoutes(files: Files): FastifyPluginAsync {
  return async (app) => {
    app.get<Served>(
      '/:env/*',
      {
        schema: { summary: 'The content of a file', tags: ['files'], querystring: Query },
        config: { deadlineMs: UPLOAD_DEADLINE_MS },
      },
      async (request, reply) => {
        const file = await files.find(request.params['*'], signatureOf(request.query))
        const etag = `"${file.sha256.slice(0, 32)}"`
        reply
          .header('etag', etag)
          .header('cache-control', `public, max-age=${CACHE_SECONDS}`)
          .header('accept-ranges', 'bytes')
          .header('x-content-type-options', 'nosniff')
          .header('content-security-policy', "default-src 'none'; sandbox")
          .header('content-disposition', isShownInline(file.contentType) ? 'inline' : 'attachment')
          .type(file.contentType)
        if (request.headers['if-none-match'] === etag) return reply.code(304).send()
        return sendContent(file, files, request, reply)
      },
    )
  }
}

async function sendContent(file: StoredFile, files: Files, request: FastifyRequest, reply: FastifyReply) {
  const range = parseRange(request.headers.range, file.sizeBytes)
  if (!range) {
    reply.header('content-length', String(file.sizeBytes))
    return reply.send(await files.read(file))
  }
  reply
    .code(206)
    .header('content-range', `bytes ${range.start}-${range.end}/${file.sizeBytes}`)
    .header('content-length', String(range.end - range.start + 1))
  return reply.send(await files.read(file, range))
}

/** One byte range (RFC 9110 §14); several ranges, or none that fits, mean the whole file. */
function parseRange(header: string | undefined, sizeBytes: number) {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (from === '' && to === '') return undefined
  const start = from === '' ? Math.max(0, sizeBytes - Number(to)) : Number(from)
  const end = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1)
  return start <= end ? { start, end } : undefined
}

function signatureOf({ e, s }: Static<typeof Query>): Signature | undefined {
  if (e === undefined && s === undefined) return undefined
  const expiresAtSeconds = Number(e)
  if (!Number.isSafeInteger(expiresAtSeconds) || !s) {
    throw new AppError('file_link_expired', 'This link is missing its signature or has expired.')
  }
  return { expiresAtSeconds, signature: s }
}
