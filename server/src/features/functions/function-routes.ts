/** `POST /v1/functions/<name>`: calls a function as the session's user. */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import type { Identity } from '../sessions/identity.ts'
import type { Functions } from './functions.ts'
import type { OpenDataReader } from './open-data.ts'

/** The command line and holders of an access key name the user for whom they call with this header. */
const ACT_AS_HEADER = 'x-sampan-act-as'
const OPEN_ID = /^[\w-]{1,64}$/

const Params = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })
const Body = Type.Object(
  { data: Type.Optional(Type.Record(Type.String(), Type.Unknown())) },
  { additionalProperties: false },
)
const Answer = Type.Object({ result: Type.Optional(Type.Unknown()), requestId: Type.String() })

/** A function's own limit ends it; the request only has to outlast the longest that a phone waits (60 s). */
const DEADLINE_MS = 65_000

type Needs = { readonly functions: Functions; readonly openData: OpenDataReader; readonly appId: string }

export function functionRoutes({ functions, openData, appId }: Needs): FastifyPluginAsync {
  return async (app) => {
    app.post<{ Params: Static<typeof Params>; Body: Static<typeof Body> }>(
      '/:name',
      { schema: { params: Params, body: Body, response: { 200: Answer } }, config: { deadlineMs: DEADLINE_MS } },
      async (request, reply) => {
        const { identity, source } = callerOf(request, appId)
        const data = request.body.data ?? {}
        const event = identity.kind === 'user' ? await openData.expand(data, identity) : data
        const { result, requestId } = await functions.call(request.params.name, event, {
          identity,
          requestId: request.id,
          source,
          clientIp: request.ip,
          timeoutMs: Math.floor(request.timeLeftMs()),
        })
        // The result is JSON text already: parsing it only to write it again would double the cost of a large one.
        const id = `"requestId":${JSON.stringify(requestId)}`
        const text = result === undefined ? `{${id}}` : `{"result":${result},${id}}`
        return reply.type('application/json; charset=utf-8').send(text)
      },
    )
  }
}

/** Users call as themselves; the owner's tools as whom they name, or as nobody. */
function callerOf({ identity, headers }: FastifyRequest, appId: string): { identity: Identity; source: string } {
  const actAs = headers[ACT_AS_HEADER]
  if (identity.kind === 'user') return { identity, source: 'wx_client' }
  if (identity.kind === 'anonymous') {
    throw new AppError('unauthenticated', 'Calling a function needs a login.')
  }
  if (identity.kind === 'administrator' && identity.role === 'viewer') {
    throw new AppError('forbidden', 'A viewer may not call functions.')
  }
  if (actAs === undefined) return { identity, source: 'wx_devtools' }
  if (typeof actAs !== 'string' || !OPEN_ID.test(actAs)) {
    throw new AppError('invalid_request', `The header ${ACT_AS_HEADER} does not hold an openid.`)
  }
  return { identity: { kind: 'user', openId: actAs, appId, sessionId: 'acting' }, source: 'wx_devtools' }
}
