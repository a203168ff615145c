import type {
  DeleteFilesResponse,
  FileLinksRequest,
  FileLinksResponse,
  UploadFileResponse,
} from '@sampan/protocol/files'
import { badArgument, CloudError } from './cloud-error.ts'
import { bodyOf, type Exchange, type OnTask } from './exchange.ts'
import type { CdnContent } from './functions.ts'
import type { Kind, Transport } from './transport.ts'
import type { Weixin } from './weixin.ts'

export type UploadFileOptions = {
  cloudPath: string
  filePath: string
  header?: Record<string, string>
  config?: unknown
}
export type DownloadFileOptions = { fileID: string; cloudPath?: string; config?: unknown }
export type FileListOptions = { fileList: readonly (string | { fileID: string; maxAge?: number })[]; config?: unknown }

type Needs = { wx: Weixin; exchange: Exchange; transport: Transport; url: () => string }

/** The most files that the server takes in one request; longer lists are sent in parts. */
const FILES_PER_REQUEST = 50
const TRANSFER_TIMEOUT_MS = 60_000

export function createFiles({ wx, exchange, transport, url }: Needs) {
  async function uploadFile({ cloudPath, filePath, header }: UploadFileOptions, onTask: OnTask) {
    if (!cloudPath || !filePath) throw badArgument('cloudPath and filePath are needed')
    const formData = { cloudPath }
    // WeChat does not promise that the field comes before the file, so the address names the path too.
    const address = `${url()}/v1/files?cloudPath=${encodeURIComponent(cloudPath)}`
    const options = { url: address, filePath, name: 'file', formData, timeout: TRANSFER_TIMEOUT_MS }
    const reply = await transport.perform('call', (ours) =>
      exchange.upload({ ...options, header: { ...header, ...ours } }, onTask),
    )
    const { fileID } = bodyOf(reply) as UploadFileResponse // the server's own answer
    return { fileID, statusCode: reply.httpStatus }
  }

  /** Posts a list of files, in parts if it is long, and answers the list that comes back. */
  async function postList(verb: string, kind: Kind, fileList: readonly unknown[]): Promise<unknown[]> {
    const answers: unknown[] = []
    for (let from = 0; from < fileList.length; from += FILES_PER_REQUEST) {
      const json = JSON.stringify({ fileList: fileList.slice(from, from + FILES_PER_REQUEST) })
      const { fileList: part } = (await transport.post(`/v1/files/${verb}`, json, kind)) as { fileList: unknown[] } // both verbs
      answers.push(...part)
    }
    return answers
  }

  async function getTempFileURL({ fileList }: FileListOptions) {
    const wanted: FileLinksRequest['fileList'] = checkList(fileList).map((file) => {
      if (typeof file === 'string') return { fileID: file }
      return { fileID: file.fileID, ...(file.maxAge && { maxAgeSeconds: file.maxAge }) }
    })
    return { fileList: (await postList('links', 'read', wanted)) as FileLinksResponse['fileList'] }
  }

  async function deleteFile({ fileList }: { fileList: readonly string[] }) {
    return { fileList: (await postList('delete', 'write', checkList(fileList))) as DeleteFilesResponse['fileList'] }
  }

  async function linkOf(fileID: string) {
    const [link = { status: -503003, errMsg: fileID, tempFileURL: '' }] = (await getTempFileURL({ fileList: [fileID] }))
      .fileList
    if (link.status) throw fileError(link.status, link.errMsg)
    return link.tempFileURL
  }

  async function downloadFile({ fileID }: DownloadFileOptions, onTask: OnTask) {
    if (!fileID) throw badArgument('fileID is needed')
    const options = { url: await linkOf(fileID), timeout: TRANSFER_TIMEOUT_MS }
    const { tempFilePath, statusCode } = await exchange.download(options, onTask)
    if (statusCode >= 400) throw fileError(statusCode === 404 ? -503003 : -503001, `HTTP ${statusCode}`)
    return { tempFilePath, statusCode }
  }

  /** For `cloud.CDN`: puts content into storage and answers its temporary address. */
  async function uploadContent(content: CdnContent): Promise<string> {
    const name = transport.newKey()
    let filePath = (content as { filePath?: string }).filePath // undefined for text and bytes
    if (!filePath) {
      filePath = `${wx.env.USER_DATA_PATH}/sampan-${name}`
      wx.getFileSystemManager().writeFileSync(filePath, content as string | ArrayBuffer)
    }
    const cloudPath = `cdn/${name}${/\.\w*$/.exec(filePath) || ''}`
    return linkOf((await uploadFile({ cloudPath, filePath }, () => {})).fileID)
  }

  return { uploadFile, downloadFile, getTempFileURL, deleteFile, uploadContent }
}

const fileError = (errCode: number, message: string) =>
  new CloudError({ code: errCode === -503003 ? 'file_not_found' : 'file_forbidden', errCode, message })

function checkList<Item>(fileList: readonly Item[]): readonly Item[] {
  if (!Array.isArray(fileList)) throw badArgument('fileList must be an array')
  return fileList
}
