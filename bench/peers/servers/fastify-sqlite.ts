/** Peer: bare Fastify over the hand-written store. The ceiling for a server that uses Fastify. */
import fastify from 'fastify'
import { openHandWrittenStore } from './hand-written-store.ts'
import { signToken, verifyToken } from './signed-token.ts'

const [file = ''] = process.argv.slice(2)
const store = openHandWrittenStore(file)
const app = fastify()

const JSON_TYPE = 'application/json; charset=utf-8'
const FORM = {
  type: 'object',
  required: ['postId', 'name', 'phone', 'content'],
  additionalProperties: false,
  properties: {
    postId: { type: 'integer' },
    name: { type: 'string', maxLength: 50 },
    phone: { type: 'string', maxLength: 20 },
    content: { type: 'string', maxLength: 2000 },
  },
} as const
const ID_ANSWER = { 200: { type: 'object', properties: { id: { type: 'integer' } } } } as const

type Form = { postId: number; name: string; phone: string; content: string }

app.post<{ Body: { openId: string } }>('/login', async (request, reply) => {
  const userId = store.findUserId(request.body.openId)
  if (userId === undefined) return reply.code(401).send({ error: 'unknown user' })
  return { token: signToken(userId) }
})

app.get<{ Querystring: { category: string } }>('/posts', (request, reply) => {
  if (verifyToken(request.headers.authorization) === undefined) return reply.code(401).send()
  return reply.type(JSON_TYPE).send(store.list(Number(request.query.category)))
})

app.get<{ Params: { id: string } }>('/posts/:id', (request, reply) => {
  if (verifyToken(request.headers.authorization) === undefined) return reply.code(401).send()
  return reply.type(JSON_TYPE).send(store.detail(Number(request.params.id)))
})

app.post<{ Body: Form }>('/forms', { schema: { body: FORM, response: ID_ANSWER } }, async (request, reply) => {
  const userId = verifyToken(request.headers.authorization)
  if (userId === undefined) return reply.code(401).send()
  return { id: await store.insertForm({ userId, createdAt: Date.now(), ...request.body }) }
})

await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
console.log(`ready ${typeof address === 'object' ? address?.port : ''}`)
