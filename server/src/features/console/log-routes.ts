/** What happened: requests, the function calls they made, and slow queries. */
import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from '../../http/json-schema.ts'
import type { Functions } from '../functions/functions.ts'
import type { RecentRequests } from '../monitor/recent-requests.ts'
import type { SlowQueryBook } from '../monitor/slow-query-book.ts'
import type { Audit } from './audit-log.ts'

const REQUESTS_SHOWN = 200
const strict = { additionalProperties: false } as const
const RequestsQuery = Type.Object(
  {
    requestId: Type.Optional(Type.String({ maxLength: 64 })),
    route: Type.Optional(Type.String({ maxLength: 200 })),
    failed: Type.Optional(Type.Literal('yes')),
  },
  strict,
)
const TraceParams = Type.Object({ requestId: Type.String({ pattern: '^[\\w-]{1,64}$' }) })

type Needs = {
  readonly functions: Pick<Functions, 'calls'>
  readonly recentRequests: RecentRequests
  readonly slowQueries: SlowQueryBook
  readonly audit: Audit
}

export function logRoutes({ functions, recentRequests, slowQueries, audit }: Needs): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Querystring: Static<typeof RequestsQuery> }>(
      '/requests',
      { schema: { querystring: RequestsQuery }, config: { role: 'viewer' } },
      async ({ query }) => ({
        requests: recentRequests.list({
          requestId: query.requestId,
          route: query.route,
          isFailed: query.failed === 'yes',
          limit: REQUESTS_SHOWN,
        }),
      }),
    )

    // One id from the phone to the function: the SDK shows it in each error, functions pass it on.
    app.get<{ Params: Static<typeof TraceParams> }>(
      '/requests/:requestId',
      { schema: { params: TraceParams }, config: { role: 'viewer' } },
      async ({ params: { requestId } }) => ({
        requests: recentRequests.list({ requestId, limit: REQUESTS_SHOWN }),
        calls: await functions.calls({ requestId, limit: REQUESTS_SHOWN }),
      }),
    )

    app.get('/slow-queries', { config: { role: 'viewer' } }, async () => ({ statements: slowQueries.list() }))

    app.delete('/slow-queries', { config: { role: 'developer' } }, async (request) => {
      slowQueries.clear()
      await audit(request, 'slow-queries.clear', '')
      return {}
    })
  }
}
