/** Set-up, signing in and out, and the console's administrators. */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import {
  changeRole,
  listAdministrators,
  listConsoleSessions,
  removeAdministrator,
  removeSessions,
} from './administrator-store.ts'
import { type Administrators, invitePath } from './administrators.ts'
import { recordAudit } from './audit-log.ts'
import { clearCookie, readCookie, setCookie, signedIn } from './console-access.ts'

const NAME_CHARACTERS_MAX = 64
const PASSWORD_CHARACTERS_MIN = 10
const PASSWORD_CHARACTERS_MAX = 256
const TOKEN_CHARACTERS_MAX = 128

const Name = Type.String({
  minLength: 1,
  maxLength: NAME_CHARACTERS_MAX,
  pattern: '^[^\\s\\u0000-\\u001f][^\\u0000-\\u001f]*$',
})
const NewPassword = Type.String({ minLength: PASSWORD_CHARACTERS_MIN, maxLength: PASSWORD_CHARACTERS_MAX })
const GivenPassword = Type.String({ minLength: 1, maxLength: PASSWORD_CHARACTERS_MAX })
const RoleName = Type.Union([Type.Literal('owner'), Type.Literal('developer'), Type.Literal('viewer')])
const strict = { additionalProperties: false }

const SetupBody = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: TOKEN_CHARACTERS_MAX }), name: Name, password: NewPassword },
  strict,
)
const SignInBody = Type.Object({ name: Name, password: GivenPassword }, strict)
const PasswordBody = Type.Object({ current: GivenPassword, next: NewPassword }, strict)
const RoleBody = Type.Object({ role: RoleName }, strict)
const ConfirmBody = Type.Object({ confirm: Type.String({ maxLength: NAME_CHARACTERS_MAX }) }, strict)
const IdParams = Type.Object({ id: Type.String({ maxLength: 64 }) })
const Me = Type.Object({ id: Type.String(), name: Type.String(), role: RoleName })

type Needs = { readonly database: Database; readonly administrators: Administrators; readonly now?: () => number }

const visitor = (request: FastifyRequest) => ({ ip: request.ip, userAgent: request.headers['user-agent'] ?? '' })

export function peopleRoutes({ database, administrators, now = Date.now }: Needs): FastifyPluginAsync {
  const audit = (request: FastifyRequest, actor: string, action: string, target: string, details = {}) =>
    recordAudit(database, { atMs: now(), actor, action, target, details, ip: request.ip })

  return async (app) => {
    app.get('/setup', { config: { role: 'nobody' } }, async () => ({ needsSetup: await administrators.needsSetup() }))

    app.post<{ Body: Static<typeof SetupBody> }>(
      '/setup',
      { schema: { body: SetupBody, response: { 200: Me } }, config: { role: 'nobody' } },
      async (request, reply) => {
        const { token, administrator } = await administrators.accept(request.body, visitor(request))
        await audit(request, administrator.name, 'account.create', administrator.name, { role: administrator.role })
        setCookie(request, reply, token)
        return administrator
      },
    )

    app.get('/session', { schema: { response: { 200: Me } }, config: { role: 'viewer' } }, async (request) =>
      signedIn(request),
    )

    app.post<{ Body: Static<typeof SignInBody> }>(
      '/session',
      { schema: { body: SignInBody, response: { 200: Me } }, config: { role: 'nobody' } },
      async (request, reply) => {
        const { name, password } = request.body
        try {
          const { token, administrator } = await administrators.signIn(name, password, visitor(request))
          await audit(request, administrator.name, 'session.open', administrator.name)
          setCookie(request, reply, token)
          return administrator
        } catch (error) {
          if (error instanceof AppError && error.code === 'sign_in_failed') {
            await audit(request, name, 'session.refused', name)
          }
          throw error
        }
      },
    )

    app.delete('/session', { config: { role: 'viewer' } }, async (request, reply) => {
      const { id, name } = signedIn(request)
      await administrators.signOut(id, readCookie(request) ?? '')
      await audit(request, name, 'session.close', name)
      clearCookie(request, reply)
      return {}
    })

    app.post<{ Body: Static<typeof PasswordBody> }>(
      '/session/password',
      { schema: { body: PasswordBody }, config: { role: 'viewer' } },
      async (request, reply) => {
        const administrator = signedIn(request)
        await administrators.changePassword(administrator, request.body.current, request.body.next, visitor(request))
        await audit(request, administrator.name, 'password.change', administrator.name)
        clearCookie(request, reply)
        return {}
      },
    )

    app.get('/administrators', { config: { role: 'owner' } }, async () => {
      const people = await listAdministrators(database)
      return Promise.all(
        people.map(async (person) => ({ ...person, sessions: await listConsoleSessions(database, person.id) })),
      )
    })

    app.post<{ Body: Static<typeof RoleBody> }>(
      '/administrators/invites',
      { schema: { body: RoleBody }, config: { role: 'owner' } },
      async (request) => {
        const { role } = request.body
        const token = await administrators.invite(role)
        await audit(request, signedIn(request).name, 'account.invite', role)
        return { path: invitePath(token) }
      },
    )

    app.put<{ Body: Static<typeof RoleBody>; Params: Static<typeof IdParams> }>(
      '/administrators/:id/role',
      { schema: { body: RoleBody, params: IdParams }, config: { role: 'owner' } },
      async (request) => {
        const { id } = request.params
        await database.transact(changeRole, { id, role: request.body.role })
        await audit(request, signedIn(request).name, 'account.role', id, request.body)
        return {}
      },
    )

    app.delete<{ Params: Static<typeof IdParams> }>(
      '/administrators/:id/sessions',
      { schema: { params: IdParams }, config: { role: 'owner' } },
      async (request) => {
        const removed = await database.transact(removeSessions, { administratorId: request.params.id })
        await audit(request, signedIn(request).name, 'account.sign-out', request.params.id, { removed })
        return { removed }
      },
    )

    app.delete<{ Params: Static<typeof IdParams>; Body: Static<typeof ConfirmBody> }>(
      '/administrators/:id',
      { schema: { params: IdParams, body: ConfirmBody }, config: { role: 'owner' } },
      async (request) => {
        const { id } = request.params
        const person = (await listAdministrators(database)).find((candidate) => candidate.id === id)
        if (person?.name !== request.body.confirm) {
          throw new AppError('confirmation_missing', 'The name that was typed is not the name of this account.')
        }
        await database.transact(removeAdministrator, id)
        await audit(request, signedIn(request).name, 'account.remove', person.name)
        return {}
      },
    )
  }
}
