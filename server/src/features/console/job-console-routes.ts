/** Jobs in the console: what waits, runs and lies dead; beginning again, stopping and forgetting. */
import type { JobState } from '@sampan/protocol/jobs'
import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from '../../http/json-schema.ts'
import { StateQuery } from '../jobs/job-routes.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { Audit } from './audit-log.ts'

const Params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 32 }) })

type Needs = { readonly jobs: Jobs; readonly audit: Audit }

export function jobConsoleRoutes({ jobs, audit }: Needs): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Querystring: { state?: JobState } }>(
      '/jobs',
      { schema: { querystring: StateQuery }, config: { role: 'viewer' } },
      async ({ query }) => ({ jobs: await jobs.list(query.state ?? 'dead'), counts: await jobs.counts() }),
    )
    app.post<{ Params: Static<typeof Params> }>('/jobs/:id/retry', { schema: { params: Params } }, async (request) => {
      await audit(request, 'job.retry', request.params.id)
      return jobs.retry(request.params.id)
    })
    app.post<{ Params: Static<typeof Params> }>('/jobs/:id/cancel', { schema: { params: Params } }, async (request) => {
      await audit(request, 'job.cancel', request.params.id)
      return jobs.cancel(request.params.id)
    })
    app.post<{ Params: Static<typeof Params> }>(
      '/jobs/:id/discard',
      { schema: { params: Params } },
      async (request) => {
        await audit(request, 'job.discard', request.params.id)
        await jobs.discard(request.params.id)
        return {}
      },
    )
  }
}
