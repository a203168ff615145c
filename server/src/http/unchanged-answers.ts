/**
 * Spares a phone what it holds already: who asks with `If-None-Match` is told a tag of the answer, and gets 304 without a
 * body while the tag stays the same. Who does not ask pays nothing, and neither does the database less.
 *
 * Reads of records are POSTs, for which HTTP knows no 304; the client that asks for it is ours.
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

/** Shorter ones cost a phone no more than the tag; longer ones it should not keep in memory. */
const TAGGED_BYTES_MIN = 200
const TAGGED_BYTES_MAX = 64 * 1024

/** For the routes of this plugin. */
export function answerUnchanged(app: FastifyInstance): void {
  // A list that the server remembers is the same bytes again.
  const tags = new WeakMap<Buffer, string>()
  const tagOf = (payload: string | Buffer) => {
    const known = Buffer.isBuffer(payload) ? tags.get(payload) : undefined
    const tag = known ?? `W/"${createHash('sha1').update(payload).digest('base64url')}"`
    if (Buffer.isBuffer(payload)) tags.set(payload, tag)
    return tag
  }
  app.addHook('onSend', (request, reply, payload, done) => {
    const held = request.headers['if-none-match']
    if (held === undefined || reply.statusCode !== 200 || !isTagged(payload)) return done(null, payload)
    const tag = tagOf(payload)
    reply.header('etag', tag)
    if (held !== tag) return done(null, payload)
    reply.code(304).removeHeader('content-type')
    done(null, '')
  })
}

const isTagged = (payload: unknown): payload is string | Buffer =>
  (typeof payload === 'string' || Buffer.isBuffer(payload)) &&
  payload.length >= TAGGED_BYTES_MIN &&
  payload.length <= TAGGED_BYTES_MAX
