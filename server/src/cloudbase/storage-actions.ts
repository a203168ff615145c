/** Dialect A's storage actions. Uploads go to an address with a ticket, as to COS. */
import { LIMITS } from '@sampan/protocol/limits'
import { type AppError, asAppError } from '../errors.ts'
import type { Json } from '../features/documents/document-request.ts'
import { type AdminAction, asObject, listField, optionalText, textField } from './admin-request.ts'
import { serverCode } from './cloudbase-errors.ts'

// biome-ignore format: a table keeps its columns
export const STORAGE_ACTIONS: Readonly<Record<string, AdminAction>> = {
  'storage.getUploadMetadata':   getUploadMetadata,
  'storage.batchGetDownloadUrl': batchGetDownloadUrl,
  'storage.batchDeleteFile':     batchDeleteFile,
  'storage.batchCopyFile':       batchCopyFile,
  'storage.getFileAuthority':    getFileAuthority,
}

async function getUploadMetadata(...[request, { files }]: Parameters<AdminAction>): ReturnType<AdminAction> {
  const { ticket, fileId } = files.createUploadTicket(textField(request, 'path'), request.identity)
  const url = `${request.origin}/cloud-upload?ticket=${encodeURIComponent(ticket)}`
  // The SDK sends the last three back as headers, which must hold nothing but ASCII; the ticket says it all.
  return { data: { url, fileId, token: 'ticket', authorization: 'ticket', cosFileId: 'ticket' } }
}

async function batchGetDownloadUrl(...[request, { files }]: Parameters<AdminAction>): ReturnType<AdminAction> {
  const asked = listField(request, 'file_list', LIMITS.fileListLength).map((item) => {
    const { fileid, max_age } = asObject(item as Json, 'file_list') // safe: JSON from the body
    return { fileId: String(fileid), ...(typeof max_age === 'number' && max_age > 0 && { maxAgeSeconds: max_age }) }
  })
  const links = await files.links(asked)
  const list = links.map(({ fileId, url, maxAgeSeconds, error }) => ({
    fileid: fileId,
    fileID: fileId,
    code: codeOf(error),
    // The SDK encodes it when it downloads; encoded twice, no path with Chinese in it would be found.
    tempFileURL: decodeURI(url),
    download_url: decodeURI(url),
    maxAge: maxAgeSeconds,
  }))
  return { data: { download_list: list } }
}

async function batchDeleteFile(...[request, { files }]: Parameters<AdminAction>): ReturnType<AdminAction> {
  const fileIds = listField(request, 'fileid_list', LIMITS.fileListLength).map(String)
  const removed = await files.remove(fileIds, request.identity)
  return { data: { delete_list: removed.map(({ fileId, error }) => ({ fileID: fileId, code: codeOf(error) })) } }
}

/** One after the other: a later copy may begin where an earlier one ended. */
async function batchCopyFile(...[request, { files }]: Parameters<AdminAction>): ReturnType<AdminAction> {
  const list: { fileId?: string; code?: string; message?: string }[] = []
  for (const item of listField(request, 'file_list', LIMITS.fileListLength)) {
    const { src_path: from, dst_path: to, overwrite, remove_original } = asObject(item as Json, 'file_list') // safe: JSON from the body
    const copy = { from: String(from), to: String(to), keepsExisting: overwrite === false }
    try {
      list.push(await files.copy({ ...copy, removesOriginal: remove_original === true }))
    } catch (thrown) {
      const error = asAppError(thrown)
      list.push({ code: serverCode(error), message: error.message })
    }
  }
  return { data: { copy_list: list } }
}

/** Whether a user may do this to a file: everybody may read one by its address, its owner may write it. */
async function getFileAuthority(...[request, { files }]: Parameters<AdminAction>): ReturnType<AdminAction> {
  const openId = optionalText(request, 'openId') ?? optionalText(request, 'uid') ?? ''
  const asked = listField(request, 'fileList', LIMITS.fileListLength).map((item) => {
    const { path, type } = asObject(item as Json, 'fileList') // safe: JSON from the body
    return { path: String(path), wantsToWrite: type !== 'READ' }
  })
  const data = await Promise.all(
    asked.map(async ({ path, wantsToWrite }) => {
      const mayWrite = await files.mayWrite(path, openId)
      return { path, cosFileId: '', read: !wantsToWrite || mayWrite }
    }),
  )
  return { data }
}

const codeOf = (error: AppError | undefined) => (error ? serverCode(error) : 'SUCCESS')
