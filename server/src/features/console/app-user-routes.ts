/** The mini program's users: who logs in, their sessions, and a person's right to a copy of their data, or none of it. */
import type { FastifyPluginAsync } from 'fastify'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import type { Documents, JsonObject } from '../documents/document-request.ts'
import type { Files } from '../files/files.ts'
import type { SessionLookup } from '../sessions/current-session.ts'
import { eraseUser, revokeUserSessions } from '../sessions/session-store.ts'
import type { Audit } from './audit-log.ts'
import { identityOf } from './console-access.ts'

const USERS_SHOWN = 100
const SESSIONS_SHOWN = 50
const RECORDS_PER_COLLECTION = 1_000
const ERASE_DEADLINE_MS = 120_000
const FILES_PAGE = 500
const strict = { additionalProperties: false } as const

const UserParams = Type.Object({ openId: Type.String({ pattern: '^[\\w-]{1,64}$' }) })
const ListQuery = Type.Object({ search: Type.Optional(Type.String({ maxLength: 64 })) }, strict)
const ConfirmBody = Type.Object({ confirm: Type.String({ maxLength: 64 }) }, strict)
type ByUser = { Params: Static<typeof UserParams> }

type Needs = {
  readonly database: Database
  readonly documents: Documents
  readonly files: Files
  readonly sessions: SessionLookup
  readonly audit: Audit
  readonly now?: () => number
}

export function appUserRoutes(needs: Needs): FastifyPluginAsync {
  const { database, documents, files, sessions, audit, now = Date.now } = needs

  return async (app) => {
    app.get<{ Querystring: Static<typeof ListQuery> }>(
      '/users',
      { schema: { querystring: ListQuery }, config: { role: 'viewer' } },
      async ({ query }) => ({ users: await listUsers(database, query.search ?? '', now()) }),
    )

    app.get<ByUser>(
      '/users/:openId/sessions',
      { schema: { params: UserParams }, config: { role: 'viewer' } },
      async ({ params }) => ({
        sessions: await listSessions(database, params.openId),
      }),
    )

    app.delete<ByUser>('/users/:openId/sessions', { schema: { params: UserParams } }, async (request) => {
      const { openId } = request.params
      const revoked = await database.transact(revokeUserSessions, { openId, nowMs: now() })
      sessions.forgetUser(openId)
      await audit(request, 'user.revoke', openId, { revoked })
      return { revoked }
    })

    app.get<ByUser>(
      '/users/:openId/data',
      { schema: { params: UserParams }, config: { role: 'developer', deadlineMs: ERASE_DEADLINE_MS } },
      async (request, reply) => {
        const { openId } = request.params
        await audit(request, 'user.export', openId)
        const collections: string[] = []
        for (const { name } of await documents.listCollections()) {
          const found = await documents.find(
            { collection: name, query: { _openid: openId }, limit: RECORDS_PER_COLLECTION },
            { identity: identityOf(request) },
          )
          if (found.documents.length) collections.push(`${JSON.stringify(name)}:[${found.documents.join(',')}]`)
        }
        const paths = (await filesOf(files, openId)).map(({ path }) => path)
        return reply
          .type('application/json')
          .header('content-disposition', `attachment; filename="${openId}.json"`)
          .send(`{"openId":"${openId}","collections":{${collections.join(',')}},"files":${JSON.stringify(paths)}}`)
      },
    )

    app.delete<ByUser & { Body: Static<typeof ConfirmBody> }>(
      '/users/:openId',
      { schema: { params: UserParams, body: ConfirmBody }, config: { role: 'owner', deadlineMs: ERASE_DEADLINE_MS } },
      async (request) => {
        const { openId } = request.params
        if (request.body.confirm !== openId) {
          throw new AppError('confirmation_missing', 'The openid that was typed is not the one of this user.')
        }
        const identity = identityOf(request)
        let records = 0
        for (const { name } of await documents.listCollections()) {
          const query: JsonObject = { _openid: openId }
          records += (await documents.remove({ collection: name, query, multi: true }, { identity })).removed
        }
        const own = await filesOf(files, openId)
        await files.remove(
          own.map(({ path }) => files.idOf(path)),
          identity,
        )
        await database.transact(eraseUser, openId)
        sessions.forgetUser(openId)
        await audit(request, 'user.erase', openId, { records, files: own.length })
        return { records, files: own.length }
      },
    )
  }
}

async function listUsers(database: Database, search: string, nowMs: number) {
  // % and _ are no wildcards for who types them.
  const pattern = `${search.replace(/[!%_]/g, '!$&')}%`
  const rows = await database.read(
    `SELECT u.open_id, u.union_id, u.created_at_ms, u.last_login_at_ms,
       (SELECT COUNT(*) FROM sessions s WHERE s.open_id = u.open_id AND s.revoked_at_ms IS NULL AND s.expires_at_ms > ?) AS open_sessions
     FROM users u WHERE u.open_id LIKE ? ESCAPE '!' ORDER BY u.last_login_at_ms DESC LIMIT ${USERS_SHOWN}`,
    [nowMs, pattern],
  )
  return rows.map((row) => ({
    openId: String(row['open_id']),
    unionId: row['union_id'] === null ? null : String(row['union_id']),
    createdAtMs: Number(row['created_at_ms']),
    lastLoginAtMs: Number(row['last_login_at_ms']),
    openSessions: Number(row['open_sessions']),
  }))
}

async function listSessions(database: Database, openId: string) {
  const rows = await database.read(
    `SELECT created_at_ms, expires_at_ms, last_seen_at_ms, revoked_at_ms FROM sessions
     WHERE open_id = ? ORDER BY created_at_ms DESC LIMIT ${SESSIONS_SHOWN}`,
    [openId],
  )
  return rows.map((row) => ({
    createdAtMs: Number(row['created_at_ms']),
    expiresAtMs: Number(row['expires_at_ms']),
    lastSeenAtMs: Number(row['last_seen_at_ms']),
    revokedAtMs: row['revoked_at_ms'] === null ? null : Number(row['revoked_at_ms']),
  }))
}

async function filesOf(files: Files, openId: string) {
  const own = []
  for (let after = ''; ; ) {
    const page = await files.list(after, FILES_PAGE)
    own.push(...page.filter(({ ownerOpenId }) => ownerOpenId === openId))
    const last = page.at(-1)
    if (!last || page.length < FILES_PAGE) return own
    after = last.path
  }
}
