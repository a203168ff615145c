/** Files: stored bytes under the paths that programs choose, with links that expire. */
import type { Database } from '../../database/database.ts'
import { AppError, asAppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Identity } from '../sessions/identity.ts'
import type { Seal } from '../sessions/seal.ts'
import { detectContentType, isAccepted } from './content-type.ts'
import { checkFilePath, type FileIdStyle, filePathname, formatFileId, parseFileId } from './file-id.ts'
import { deleteFile, findFile, listFiles, type StoredFile, saveFile } from './file-store.ts'

export type FileSettings = {
  readonly env: string
  readonly fileIdStyle: FileIdStyle
  readonly access: 'public' | 'private'
  readonly uploadLimitBytes: number
  readonly uploadTypes: string
  readonly linkTtlSeconds: number
}

export type FileUpload = { readonly path: string; readonly content: NodeJS.ReadableStream; readonly caller: Identity }
export type FileLink = {
  readonly fileId: string
  readonly url: string
  readonly maxAgeSeconds: number
  readonly error?: AppError
}
/** Paths or file ids. Whoever owned the file owns its copy, too. */
export type FileCopy = {
  readonly from: string
  readonly to: string
  readonly keepsExisting?: boolean
  readonly removesOriginal?: boolean
}
export type FileRemoval = { readonly fileId: string; readonly error?: AppError }
export type Signature = { readonly expiresAtSeconds: number; readonly signature: string }

export interface Files {
  /** @throws {AppError} `file_too_large`, `file_type_refused`, `file_forbidden`, `storage_full`, `invalid_request` */
  upload(upload: FileUpload): Promise<{ fileId: string; sizeBytes: number }>
  /** Allows whoever holds the ticket one upload to this path, for a quarter of an hour. */
  createUploadTicket(path: string, caller: Identity): { ticket: string; fileId: string }
  /** @throws {AppError} `file_link_expired` */
  openUploadTicket(ticket: string): { path: string; caller: Identity }
  links(files: readonly { fileId: string; maxAgeSeconds?: number }[]): Promise<FileLink[]>
  remove(fileIds: readonly string[], caller: Identity): Promise<FileRemoval[]>
  /** Whether this user may put bytes under this path or file id: it is free, or theirs. */
  mayWrite(fileIdOrPath: string, openId: string): Promise<boolean>
  /** Only for the owner's own code, which may put any bytes under any path. @throws {AppError} `file_not_found`, `file_exists` */
  copy(copy: FileCopy): Promise<{ fileId: string }>
  /** @throws {AppError} `file_not_found`, `file_link_expired` when access is private and the signature does not fit */
  find(path: string, signed: Signature | undefined): Promise<StoredFile>
  read(file: StoredFile, range?: { start: number; end: number }): Promise<NodeJS.ReadableStream>
  list(after: string, limit: number): Promise<StoredFile[]>
  /** The id under which programs know this path. */
  idOf(path: string): string
}

type Needs = {
  readonly database: Database
  readonly storage: Storage
  readonly seal: Seal
  readonly log: Log
  readonly now: () => number
  readonly settings: FileSettings
  /** Known only once the server listens. */
  readonly publicUrl: () => string
}

const TICKET_TTL_MS = 15 * 60 * 1000

export function openFiles({ database, storage, seal, log, now, settings, publicUrl }: Needs): Files {
  const { env } = settings
  const idOf = (path: string) => formatFileId(path, { style: settings.fileIdStyle, publicUrl: publicUrl(), env })
  const signedText = (path: string, expiresAtSeconds: number) => `file\n${path}\n${expiresAtSeconds}`

  const pathOf = (fileId: string) => {
    const path = parseFileId(fileId)
    if (path === undefined) throw new AppError('file_not_found', 'This is not a file id.')
    return path
  }
  const existing = async (path: string) => {
    const file = await findFile(database, path)
    if (!file) throw new AppError('file_not_found', 'There is no such file.')
    return file
  }
  const discard = (blobName: string) =>
    storage.remove(blobName).catch((err: unknown) => log.warn({ err, blobName }, 'stored bytes could not be removed'))

  return {
    idOf,
    async upload({ path, content, caller }) {
      checkFilePath(path)
      const blob = await storage.put(content, settings.uploadLimitBytes)
      try {
        const contentType = detectContentType(path, blob.head)
        if (!isAccepted(contentType, settings.uploadTypes)) {
          throw new AppError('file_type_refused', `Files of type ${contentType} are not accepted.`, {
            details: { contentType },
          })
        }
        const { name: blobName, sizeBytes, sha256 } = blob
        const file = {
          path,
          blobName,
          sizeBytes,
          contentType,
          sha256,
          ownerOpenId: ownerOf(caller),
          createdAtMs: now(),
        }
        const { refused, replacedBlob } = await database.transact(saveFile, { file, replaceOthers: !isUser(caller) })
        if (refused) throw new AppError('file_forbidden', 'This path belongs to another user.')
        if (replacedBlob) await discard(replacedBlob)
        return { fileId: idOf(path), sizeBytes }
      } catch (error) {
        await discard(blob.name)
        throw error
      }
    },

    createUploadTicket(path, caller) {
      checkFilePath(path)
      const text = seal.seal(JSON.stringify({ path, caller, expiresAtMs: now() + TICKET_TTL_MS }))
      return { ticket: text, fileId: idOf(path) }
    },
    openUploadTicket(ticket) {
      const { path, caller, expiresAtMs } = openTicket(ticket, seal)
      if (expiresAtMs < now()) throw new AppError('file_link_expired', 'This upload link has expired.')
      return { path, caller }
    },

    links: (files) =>
      Promise.all(
        files.map(async ({ fileId, maxAgeSeconds = settings.linkTtlSeconds }) => {
          try {
            const path = pathOf(fileId)
            await existing(path)
            const expires = Math.ceil(now() / 1000) + maxAgeSeconds
            const query = `?e=${expires}&s=${seal.sign(signedText(path, expires))}`
            return { fileId, url: `${publicUrl()}${filePathname(path, env)}${query}`, maxAgeSeconds }
          } catch (thrown) {
            return { fileId, url: '', maxAgeSeconds: 0, error: asAppError(thrown) }
          }
        }),
      ),

    remove: (fileIds, caller) =>
      Promise.all(
        fileIds.map(async (fileId) => {
          try {
            const file = await existing(pathOf(fileId))
            if (isUser(caller) && file.ownerOpenId !== ownerOf(caller)) {
              throw new AppError('file_forbidden', 'This file belongs to another user.')
            }
            await database.transact(deleteFile, file.path)
            await discard(file.blobName)
            return { fileId }
          } catch (thrown) {
            return { fileId, error: asAppError(thrown) }
          }
        }),
      ),

    async mayWrite(fileIdOrPath, openId) {
      const file = await findFile(database, anyPathOf(fileIdOrPath))
      return file === undefined || file.ownerOpenId === openId
    },
    async copy({ from, to, keepsExisting = false, removesOriginal = false }) {
      const file = await existing(anyPathOf(from))
      const path = anyPathOf(to)
      if (keepsExisting && (await findFile(database, path)))
        throw new AppError('file_exists', 'There is a file at this path already.')
      const blob = await storage.put(await storage.open(file.blobName), file.sizeBytes)
      const copied = { ...file, path, blobName: blob.name, createdAtMs: now() }
      const { replacedBlob } = await database.transact(saveFile, { file: copied, replaceOthers: true })
      if (replacedBlob) await discard(replacedBlob)
      if (removesOriginal && path !== file.path) {
        await database.transact(deleteFile, file.path)
        await discard(file.blobName)
      }
      return { fileId: idOf(path) }
    },

    async find(path, signed) {
      if (settings.access === 'private' || signed) {
        const isFresh = signed && signed.expiresAtSeconds * 1000 > now()
        if (!isFresh || !seal.isSigned(signedText(path, signed.expiresAtSeconds), signed.signature))
          throw new AppError('file_link_expired', 'This link is missing its signature or has expired.')
      }
      return existing(path)
    },
    read: (file, range) => storage.open(file.blobName, range),
    list: (after, limit) => listFiles(database, after, limit),
  }
}

const anyPathOf = (fileIdOrPath: string) => checkFilePath(parseFileId(fileIdOrPath) ?? fileIdOrPath)

const isUser = (caller: Identity) => caller.kind === 'user' || caller.kind === 'anonymous'

const ownerOf = (caller: Identity) => (caller.kind === 'user' ? caller.openId : '')

function openTicket(ticket: string, seal: Seal) {
  try {
    return JSON.parse(seal.open(ticket)) as { path: string; caller: Identity; expiresAtMs: number } // safe: we sealed it
  } catch (cause) {
    throw new AppError('file_link_expired', 'This upload link is not valid.', { cause })
  }
}
