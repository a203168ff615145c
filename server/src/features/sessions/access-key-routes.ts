/** `/v1/keys`: the owner creates, lists and revokes keys for server-to-server access. */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import type { AccessKeys } from './access-keys.ts'

const NewKey = Type.Object({ label: Type.String({ maxLength: 200, default: '' }) }, { additionalProperties: false })
const Params = Type.Object({ secretId: Type.String({ minLength: 1, maxLength: 64 }) })

export function accessKeyRoutes({ accessKeys }: { readonly accessKeys: AccessKeys }): FastifyPluginAsync {
  return async (app) => {
    app.addHook('preHandler', async ({ identity }: FastifyRequest) => {
      if (identity.kind === 'administrator' && identity.role === 'owner') return
      throw new AppError('forbidden', 'Only the owner handles access keys.')
    })
    app.post<{ Body: Static<typeof NewKey> }>(
      '/',
      { schema: { summary: 'Create an access key', tags: ['keys'], body: NewKey } },
      ({ body }) => accessKeys.create(body.label),
    )
    app.get('/', { schema: { summary: 'All access keys, without their secrets', tags: ['keys'] } }, async () => ({
      keys: await accessKeys.list(),
    }))
    app.delete<{ Params: Static<typeof Params> }>(
      '/:secretId',
      { schema: { summary: 'Revoke an access key', tags: ['keys'], params: Params } },
      async ({ params }) => {
        const isRevoked = await accessKeys.revoke(params.secretId)
        if (!isRevoked) throw new AppError('invalid_request', 'There is no such key, or it is revoked already.')
        return { isRevoked }
      },
    )
  }
}
