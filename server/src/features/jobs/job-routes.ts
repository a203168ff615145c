/** `/v1/jobs`: adding, watching and stopping jobs, as @sampan/protocol/jobs describes them. */
import type { JobState } from '@sampan/protocol/jobs'
import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from '../../http/json-schema.ts'
import { requireCaller, requireOwnerTool } from '../sessions/current-session.ts'
import type { Identity } from '../sessions/identity.ts'
import type { Jobs } from './jobs.ts'

const closed = { additionalProperties: false } as const
const { Optional } = Type
const Whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Body = Type.Object(
  {
    kind: Type.String({ minLength: 1, maxLength: 64 }),
    data: Optional(Type.Record(Type.String(), Type.Unknown())),
    runAtMs: Optional(Whole),
    uniqueKey: Optional(Type.String({ minLength: 1, maxLength: 255 })),
    priority: Optional(Type.Integer({ minimum: -1_000, maximum: 1_000 })),
    maxAttempts: Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  closed,
)
const Params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 32 }) })
const STATES = ['waiting', 'running', 'done', 'dead', 'cancelled'] as const satisfies readonly JobState[]
export const StateQuery = Type.Object(
  { state: Optional(Type.Union(STATES.map((state) => Type.Literal(state)))) },
  closed,
)

const tags = ['jobs']

export function jobRoutes({ jobs }: { readonly jobs: Jobs }): FastifyPluginAsync {
  return async (app) => {
    app.post<{ Body: Static<typeof Body> }>(
      '/',
      { schema: { tags, summary: 'Add a job; people only of kinds that are for them', body: Body } },
      async ({ body, identity }) => jobs.add(body, ownerOf(identity)),
    )
    app.get<{ Querystring: { state?: JobState } }>(
      '/',
      { schema: { tags, summary: 'Jobs of one state, for the owner; dead ones by default', querystring: StateQuery } },
      async ({ query, identity }) => {
        requireOwnerTool(identity)
        return { jobs: await jobs.list(query.state ?? 'dead'), counts: await jobs.counts() }
      },
    )
    app.get<{ Params: Static<typeof Params> }>(
      '/:id',
      { schema: { tags, summary: 'How far a job is; people see their own', params: Params } },
      async ({ params, identity }) => jobs.status(params.id, whose(identity)),
    )
    app.post<{ Params: Static<typeof Params> }>(
      '/:id/cancel',
      { schema: { tags, summary: 'Stop a job; people stop their own', params: Params } },
      async ({ params, identity }) => jobs.cancel(params.id, whose(identity)),
    )
    app.post<{ Params: Static<typeof Params> }>(
      '/:id/retry',
      { schema: { tags, summary: 'Begin a dead or cancelled job again, as the owner', params: Params } },
      async ({ params, identity }) => {
        requireOwnerTool(identity)
        return jobs.retry(params.id)
      },
    )
    app.post<{ Params: Static<typeof Params> }>(
      '/:id/discard',
      { schema: { tags, summary: 'Forget a dead letter, as the owner', params: Params } },
      async ({ params, identity }) => {
        requireOwnerTool(identity)
        await jobs.discard(params.id)
        return {}
      },
    )
  }
}

/** People's jobs are theirs; those of the owner's programs are nobody's in particular. */
function ownerOf(identity: Identity) {
  const caller = requireCaller(identity)
  if (caller.kind === 'user') return { openId: caller.openId, isUser: true }
  return caller.kind === 'function' && caller.user ? { openId: caller.user.openId, isUser: false } : undefined
}

function whose(identity: Identity): string | undefined {
  const caller = requireCaller(identity)
  return caller.kind === 'user' ? caller.openId : undefined
}
