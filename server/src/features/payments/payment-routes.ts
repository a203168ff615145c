/** `/v1/payments`: where WeChat Pay reports, and the owner's report of differences. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import type { Payments } from './payments.ts'

/** WeChat Pay's notifications have about a kilobyte. */
const BODY_LIMIT_BYTES = 64 * 1024
/** WeChat Pay counts an answer after five seconds as none. */
const DEADLINE_MS = 4_500

export function paymentRoutes({ payments }: { readonly payments: Payments }): FastifyPluginAsync {
  return async (app) => {
    // The signature is over the bytes as they came.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

    const take = async (request: FastifyRequest, reply: FastifyReply) => {
      const { headers, body } = request
      await payments.takeNotification(headers, Buffer.isBuffer(body) ? body : Buffer.alloc(0))
      return reply.code(204).send()
    }
    const options = {
      schema: { hide: true },
      bodyLimit: BODY_LIMIT_BYTES,
      config: { priority: 'first', deadlineMs: DEADLINE_MS },
    } as const
    app.post('/notify', options, take)
    app.post('/refund-notify', options, take)

    app.get('/report', { schema: { hide: true } }, async ({ identity }) => {
      const isOwner = identity.kind === 'administrator' || identity.kind === 'key'
      if (!isOwner) throw new AppError('forbidden', 'The report is for the owner.')
      return { findings: await payments.findings(), refusedNotifications: payments.refusals() }
    })
  }
}
