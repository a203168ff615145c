/** Uploaded files in the console. */
import type { FastifyPluginAsync } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import type { Files } from '../files/files.ts'
import type { Audit } from './audit-log.ts'
import { identityOf } from './console-access.ts'

const FILES_SHOWN = 100
const LINK_SECONDS = 600
const PATH_CHARACTERS_MAX = 850
const strict = { additionalProperties: false } as const
const ListQuery = Type.Object({ after: Type.Optional(Type.String({ maxLength: PATH_CHARACTERS_MAX })) }, strict)
const PathBody = Type.Object({ path: Type.String({ minLength: 1, maxLength: PATH_CHARACTERS_MAX }) }, strict)
const RemoveBody = Type.Object(
  {
    path: Type.String({ minLength: 1, maxLength: PATH_CHARACTERS_MAX }),
    confirm: Type.String({ maxLength: PATH_CHARACTERS_MAX }),
  },
  strict,
)

type Needs = { readonly files: Files; readonly audit: Audit }

export function fileConsoleRoutes({ files, audit }: Needs): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Querystring: Static<typeof ListQuery> }>(
      '/files',
      { schema: { querystring: ListQuery }, config: { role: 'viewer' } },
      async ({ query }) => {
        const page = await files.list(query.after ?? '', FILES_SHOWN)
        return {
          files: page.map(({ path, sizeBytes, contentType, ownerOpenId, createdAtMs }) => ({
            path,
            fileId: files.idOf(path),
            sizeBytes,
            contentType,
            ownerOpenId,
            createdAtMs,
          })),
          next: page.length === FILES_SHOWN ? (page.at(-1)?.path ?? null) : null,
        }
      },
    )

    app.post<{ Body: Static<typeof PathBody> }>(
      '/files/link',
      { schema: { body: PathBody }, config: { role: 'viewer' } },
      async ({ body }) => {
        const [link] = await files.links([{ fileId: files.idOf(body.path), maxAgeSeconds: LINK_SECONDS }])
        if (!link || link.error) throw link?.error ?? new AppError('file_not_found', 'There is no such file.')
        return { url: link.url }
      },
    )

    app.post<{ Body: Static<typeof RemoveBody> }>(
      '/files/remove',
      { schema: { body: RemoveBody } },
      async (request) => {
        const { path, confirm } = request.body
        if (confirm !== path.split('/').at(-1)) {
          throw new AppError('confirmation_missing', 'The name that was typed is not the name of this file.')
        }
        const [removal] = await files.remove([files.idOf(path)], identityOf(request))
        if (removal?.error) throw removal.error
        await audit(request, 'file.remove', path)
        return {}
      },
    )
  }
}
