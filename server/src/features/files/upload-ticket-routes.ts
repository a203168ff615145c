/**
 * Uploads as CloudBase's server SDKs make them: the metadata call gives a URL with a ticket, then the bytes come by PUT
 * (node-sdk 3.x) or as a form (2.x). Failures are COS XML, the only form these SDKs read.
 */
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from 'fastify'
import { asAppError } from '../../errors.ts'
import { multipartLimits, readUpload, UPLOAD_DEADLINE_MS } from './file-routes.ts'
import type { Files } from './files.ts'

const MAX_TICKET_CHARACTERS = 8_192

type Needs = { readonly files: Files; readonly uploadLimitBytes: number }
type Ticketed = { Querystring: { ticket: string } }

const schema = {
  hide: true,
  querystring: {
    type: 'object',
    required: ['ticket'],
    properties: { ticket: { type: 'string', maxLength: MAX_TICKET_CHARACTERS } },
  },
} as const

export function uploadTicketRoutes({ files, uploadLimitBytes }: Needs): FastifyPluginAsync {
  return async (app: FastifyInstance) => {
    await app.register(multipart, { limits: multipartLimits(uploadLimitBytes) })
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

    const store = async (ticket: string, content: NodeJS.ReadableStream, reply: FastifyReply) => {
      try {
        await files.upload({ ...files.openUploadTicket(ticket), content })
        return reply.code(204).send()
      } catch (thrown) {
        const { code, message } = asAppError(thrown)
        const text = message.replace(/[<>&]/g, ' ')
        // node-sdk 3.x takes all four apart and fails on its own if one is missing.
        const ids = `<RequestId>${reply.request.id}</RequestId><TraceId>${reply.request.id}</TraceId>`
        return reply
          .code(403)
          .type('application/xml')
          .send(`<Error><Code>${code}</Code><Message>${text}</Message>${ids}</Error>`)
      }
    }

    const options = {
      schema,
      config: { deadlineMs: UPLOAD_DEADLINE_MS, priority: 'first' },
      bodyLimit: uploadLimitBytes * 2,
    } as const
    app.put<Ticketed & { Body: NodeJS.ReadableStream }>('/', options, ({ query, body }, reply) =>
      store(query.ticket, body, reply),
    )
    app.post<Ticketed>('/', options, async (request, reply) => {
      const { content } = await readUpload(request)
      return store(request.query.ticket, content, reply)
    })
  }
}
