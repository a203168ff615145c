import type { FastifyPluginAsync } from 'fastify'
import type { Database } from '../../database/database.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { requireUser, type SessionLookup } from './current-session.ts'
import { createLogIn, hashToken, type LoginNeeds } from './log-in.ts'
import { revokeSession } from './session-store.ts'

const MAX_CODE_CHARACTERS = 256

const LoginBody = Type.Object(
  {
    code: Type.String({
      minLength: 1,
      maxLength: MAX_CODE_CHARACTERS,
      description: 'From wx.login(): one use, five minutes.',
    }),
  },
  { additionalProperties: false },
)
const LoginAnswer = Type.Object({ token: Type.String(), expiresAtMs: Type.Integer(), openId: Type.String() })
const MeAnswer = Type.Object({ openId: Type.String(), appId: Type.String(), unionId: Type.Optional(Type.String()) })

type Needs = LoginNeeds & { readonly database: Database; readonly sessions: SessionLookup }

/** `POST /v1/login`, `POST /v1/logout`, `GET /v1/me`. */
export function sessionRoutes(needs: Needs): FastifyPluginAsync {
  const logIn = createLogIn(needs)

  return async (app) => {
    app.post<{ Body: Static<typeof LoginBody> }>(
      '/login',
      {
        schema: {
          summary: 'Exchange a wx.login() code for a session',
          tags: ['sessions'],
          body: LoginBody,
          response: { 200: LoginAnswer },
        },
        config: { priority: 'first' },
      },
      ({ body }) => logIn(body.code),
    )

    app.post(
      '/logout',
      { schema: { summary: 'End this session', tags: ['sessions'], response: { 200: Type.Object({}) } } },
      async (request) => {
        requireUser(request.identity)
        const tokenHash = hashToken(request.headers.authorization?.slice('Bearer '.length) ?? '')
        await needs.database.transact(revokeSession, { tokenHash, nowMs: needs.now() })
        needs.sessions.forget(tokenHash)
        return {}
      },
    )

    app.get(
      '/me',
      { schema: { summary: 'Who this session belongs to', tags: ['sessions'], response: { 200: MeAnswer } } },
      async (request) => {
        const { openId, appId, unionId } = requireUser(request.identity)
        return { openId, appId, ...(unionId && { unionId }) }
      },
    )
  }
}
