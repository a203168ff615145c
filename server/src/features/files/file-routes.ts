import multipart from '@fastify/multipart'
import { ERRORS } from '@sampan/protocol/errors'
import type { DeleteFilesResponse, FileLinksResponse, UploadFileResponse } from '@sampan/protocol/files'
import { LIMITS } from '@sampan/protocol/limits'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { requireCaller, requireOwnerTool } from '../sessions/current-session.ts'
import type { Files } from './files.ts'

const FileId = Type.String({ minLength: 1, maxLength: 2_048 })
const LinksBody = Type.Object(
  {
    fileList: Type.Array(
      Type.Object(
        { fileID: FileId, maxAgeSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 30 * 24 * 3600 })) },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: LIMITS.fileListLength },
    ),
  },
  { additionalProperties: false },
)
const DeleteBody = Type.Object(
  { fileList: Type.Array(FileId, { minItems: 1, maxItems: LIMITS.fileListLength }) },
  { additionalProperties: false },
)

const ListBody = Type.Object(
  { after: Type.String({ maxLength: LIMITS.filePathCharacters }), limit: Type.Integer({ minimum: 1, maximum: 1_000 }) },
  { additionalProperties: false },
)

/** WeChat does not promise that a form's fields come before its file, so the client names the path here too. */
const UploadQuery = Type.Object({ cloudPath: Type.Optional(Type.String({ maxLength: LIMITS.filePathCharacters })) })

/** A 20 MB upload over a slow phone network. */
export const UPLOAD_DEADLINE_MS = 120_000
const MAX_FIELDS = 10
const MAX_FIELD_BYTES = 4_096

type Needs = { readonly files: Files; readonly uploadLimitBytes: number }

/** `POST /v1/files`, `/v1/files/links`, `/v1/files/delete`: for people in the mini program. */
export function fileRoutes({ files, uploadLimitBytes }: Needs): FastifyPluginAsync {
  return async (app) => {
    await app.register(multipart, { limits: multipartLimits(uploadLimitBytes) })

    app.post<{ Querystring: Static<typeof UploadQuery> }>(
      '/',
      {
        schema: {
          querystring: UploadQuery,
          summary: 'Upload one file: field cloudPath, then the part file',
          tags: ['files'],
          consumes: ['multipart/form-data'],
        },
        config: { deadlineMs: UPLOAD_DEADLINE_MS },
        bodyLimit: uploadLimitBytes + MAX_FIELDS * MAX_FIELD_BYTES,
      },
      async (request): Promise<UploadFileResponse> => {
        const caller = requireCaller(request.identity)
        const { content, fields } = await readUpload(request)
        const path = fields['cloudPath'] ?? request.query.cloudPath
        if (!path) {
          content.resume()
          throw new AppError('invalid_request', 'The field cloudPath is missing or comes after the file.', {
            details: { field: 'cloudPath' },
          })
        }
        const { fileId } = await files.upload({ path, content, caller })
        return { fileID: fileId }
      },
    )

    app.post<{ Body: Static<typeof LinksBody> }>(
      '/links',
      {
        schema: { summary: 'Temporary addresses of files', tags: ['files'], body: LinksBody },
        config: { priority: 'read' },
      },
      async ({ body, identity }): Promise<FileLinksResponse> => {
        requireCaller(identity)
        const asked = body.fileList.map(({ fileID, maxAgeSeconds }) => ({
          fileId: fileID,
          ...(maxAgeSeconds && { maxAgeSeconds }),
        }))
        const links = await files.links(asked)
        return {
          fileList: links.map(({ fileId, url, maxAgeSeconds, error }) => ({
            fileID: fileId,
            tempFileURL: url,
            maxAge: maxAgeSeconds,
            ...statusOf(error),
          })),
        }
      },
    )

    app.post<{ Body: Static<typeof ListBody> }>(
      '/list',
      { schema: { summary: 'All files in order of their path, for the owner', tags: ['files'], body: ListBody } },
      async ({ body, identity }) => {
        requireOwnerTool(identity)
        const found = await files.list(body.after, body.limit)
        const links = await files.links(found.map(({ path }) => ({ fileId: files.idOf(path) })))
        return {
          files: found.map(({ path, sizeBytes, contentType }, at) => ({
            path,
            sizeBytes,
            contentType,
            url: links[at]?.url ?? '',
          })),
        }
      },
    )

    app.post<{ Body: Static<typeof DeleteBody> }>(
      '/delete',
      { schema: { summary: 'Delete files', tags: ['files'], body: DeleteBody } },
      async ({ body, identity }): Promise<DeleteFilesResponse> => {
        const removed = await files.remove(body.fileList, requireCaller(identity))
        return { fileList: removed.map(({ fileId, error }) => ({ fileID: fileId, ...statusOf(error) })) }
      },
    )
  }
}

export const multipartLimits = (uploadLimitBytes: number) => ({
  files: 1,
  fields: MAX_FIELDS,
  parts: MAX_FIELDS + 1,
  fieldSize: MAX_FIELD_BYTES,
  // One more byte than allowed reaches the storage, which then refuses with our own error.
  fileSize: uploadLimitBytes + 1,
  headerPairs: 100,
})

/** The file part as a stream, and the text fields that came before it. @throws {AppError} `invalid_request` */
export async function readUpload(request: FastifyRequest) {
  const part = await request.file()
  if (!part) throw new AppError('invalid_request', 'The part with the file is missing.', { details: { field: 'file' } })
  const fields: Record<string, string> = {}
  for (const [name, field] of Object.entries(part.fields)) {
    const [first] = [field].flat()
    if (first?.type === 'field' && typeof first.value === 'string') fields[name] = first.value
  }
  return { content: part.file, fields }
}

const statusOf = (error: AppError | undefined) =>
  error ? { status: ERRORS[error.code].errCode, errMsg: error.message } : { status: 0, errMsg: 'ok' }
