/** Who did what. */
import type { FastifyPluginAsync } from 'fastify'
import type { Database } from '../../database/database.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { listAudit } from './audit-log.ts'

const ENTRIES_MAX = 200
const AuditQuery = Type.Object(
  { beforeMs: Type.Optional(Type.String({ pattern: '^\\d{1,16}$' })) },
  { additionalProperties: false },
)

export function auditRoutes({ database }: { readonly database: Database }): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Querystring: Static<typeof AuditQuery> }>(
      '/audit',
      { schema: { querystring: AuditQuery }, config: { role: 'developer' } },
      async ({ query }) => ({
        entries: await listAudit(database, {
          beforeMs: Number(query.beforeMs ?? Number.MAX_SAFE_INTEGER),
          limit: ENTRIES_MAX,
        }),
      }),
    )
  }
}
