/** File ids: `https://<host>/cloud/<env>/<path>` or `cloud://<env>.<bucket>/<path>`; inside, only the path counts. */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'

export type FileIdStyle = 'https' | 'cloud'

/**
 * The path that a program gave, checked: what CloudBase accepts, and nothing that could leave a folder or a URL.
 * @throws {AppError} `invalid_request`
 */
export function checkFilePath(path: string): string {
  const refuse = (reason: string) => {
    throw new AppError('invalid_request', `cloudPath ${reason}.`, { details: { field: 'cloudPath', reason } })
  }
  if (path.length === 0) refuse('is empty')
  if (path.length > LIMITS.filePathCharacters) refuse(`is longer than ${LIMITS.filePathCharacters} characters`)
  if (path.startsWith('/')) refuse('must not start with a slash')
  if (/[\u0000-\u001f\u007f\\?#]/.test(path)) refuse('has a control character, backslash, ? or #')
  if (!path.isWellFormed()) refuse('is not valid Unicode')
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) refuse('has an empty, . or .. part')
  return path
}

/** The path inside a file id of either style; undefined if it is none of ours. */
export function parseFileId(fileId: string): string | undefined {
  const cloud = /^cloud:\/\/[^/]+\/(.+)$/.exec(fileId)
  if (cloud?.[1]) return cloud[1]
  const https = /^https?:\/\/[^/]+\/cloud\/[^/]+\/([^?#]+)/.exec(fileId)
  if (!https?.[1]) return undefined
  try {
    return decodeURIComponent(https[1])
  } catch {
    return undefined // a broken percent-encoding is no id of ours
  }
}

type FileIdSettings = { readonly style: FileIdStyle; readonly publicUrl: string; readonly env: string }

export function formatFileId(path: string, { style, publicUrl, env }: FileIdSettings): string {
  return style === 'cloud' ? `cloud://${env}.${env}/${path}` : `${publicUrl}${filePathname(path, env)}`
}

/** The path part of the address at which the server serves the file. */
export const filePathname = (path: string, env: string): string =>
  `/cloud/${encodeURIComponent(env)}/${path.split('/').map(encodeURIComponent).join('/')}`
