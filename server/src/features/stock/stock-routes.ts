/** `/v1/stock`: sales and reservations, as @sampan/protocol/stock describes them. */
import { LIMITS } from '@sampan/protocol/limits'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { requireCaller, requireOwnerTool, requireUser } from '../sessions/current-session.ts'
import type { Identity } from '../sessions/identity.ts'
import type { Stock } from './stock.ts'

const closed = { additionalProperties: false } as const
const Name = Type.String({ minLength: 1, maxLength: 64 })
const Title = Type.Optional(Type.String({ maxLength: 200 }))
const Whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Sale = Type.Object({ sale: Name })
const Reserve = Type.Object(
  {
    item: Name,
    quantity: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    openId: Type.Optional(Name),
    key: Type.Optional(Type.String({ minLength: 1, maxLength: LIMITS.idempotencyKeyCharacters })),
  },
  closed,
)
const Release = Type.Object({ reservation: Type.String({ minLength: 1, maxLength: 32 }) }, closed)
const OfWhom = Type.Object({ openId: Type.Optional(Name) }, closed)
export const SaleBody = Type.Object(
  {
    title: Title,
    items: Type.Array(Type.Object({ id: Name, title: Title, total: Whole }, closed), { minItems: 1, maxItems: 1_000 }),
    startsAtMs: Whole,
    endsAtMs: Whole,
    limitPerUser: Type.Optional(Whole),
    holdSeconds: Type.Optional(Whole),
    isRefundRestocked: Type.Optional(Type.Boolean()),
  },
  closed,
)

const tags = ['stock']

export function stockRoutes({ stock }: { readonly stock: Stock }): FastifyPluginAsync {
  return async (app) => {
    app.get('/', { schema: { tags, summary: 'All sales, for the owner' } }, async ({ identity }) => {
      requireOwnerTool(identity)
      return { sales: await stock.list() }
    })
    app.get<{ Params: Static<typeof Sale> }>(
      '/:sale',
      { schema: { tags, summary: 'What is left, at most a second old', params: Sale } },
      async ({ params }) => stock.status(params.sale),
    )
    app.put<{ Params: Static<typeof Sale>; Body: Static<typeof SaleBody> }>(
      '/:sale',
      { schema: { tags, summary: 'Create or change a sale, as the owner', params: Sale, body: SaleBody } },
      async ({ params, body, identity, log }) => {
        requireOwnerTool(identity)
        const status = await stock.define(params.sale, body)
        log.info({ sale: params.sale, by: identity.kind }, 'sale defined')
        return status
      },
    )
    app.post<{ Params: Static<typeof Sale>; Body: Static<typeof Reserve> }>(
      '/:sale/reserve',
      { schema: { tags, summary: 'Reserve units for the caller', params: Sale, body: Reserve } },
      async (request) => {
        const { item, quantity = 1, openId, key = keyOf(request) } = request.body
        const wish = { sale: request.params.sale, item, quantity, openId: buyerOf(request.identity, openId) }
        return stock.reserve({ ...wish, idempotencyKey: key })
      },
    )
    app.get<{ Params: Static<typeof Sale>; Querystring: Static<typeof OfWhom> }>(
      '/:sale/reservations',
      { schema: { tags, summary: 'Reservations of the caller', params: Sale, querystring: OfWhom } },
      async ({ params, query, identity }) => ({
        reservations: await stock.reservationsOf(params.sale, buyerOf(identity, query.openId)),
      }),
    )
    app.post<{ Params: Static<typeof Sale>; Body: Static<typeof Release> }>(
      '/:sale/release',
      { schema: { tags, summary: 'Give a reservation back', params: Sale, body: Release } },
      async ({ body, identity }) => {
        const caller = requireCaller(identity)
        return stock.release(body.reservation, caller.kind === 'user' ? caller.openId : undefined)
      },
    )
    app.post<{ Params: Static<typeof Sale>; Body: Static<typeof Release> }>(
      '/:sale/confirm',
      { schema: { tags, summary: 'Paid by other means than WeChat Pay, says the owner', params: Sale, body: Release } },
      async ({ body, identity }) => {
        requireOwnerTool(identity)
        return stock.confirm(body.reservation)
      },
    )
  }
}

/** People buy for themselves; the owner's programs say for whom. */
function buyerOf(identity: Identity, openId: string | undefined): string {
  const caller = requireCaller(identity)
  if (caller.kind === 'user') {
    if (openId === undefined || openId === caller.openId) return caller.openId
    throw new AppError('forbidden', 'Only the owner’s programs may reserve for somebody else.')
  }
  if (caller.kind === 'function' && openId === undefined && caller.user) return requireUser(caller.user).openId
  if (openId !== undefined) return openId
  throw new AppError('invalid_request', 'Say for whom: openId.', { details: { field: 'openId' } })
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key === 'string' && key !== '' && key.length <= LIMITS.idempotencyKeyCharacters) return key
  throw new AppError('invalid_request', `Idempotency-Key must have 1 to ${LIMITS.idempotencyKeyCharacters} characters.`)
}
