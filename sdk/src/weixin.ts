/**
 * The part of WeChat's `wx` that the client uses. `Taro` and `uni` offer the same calls under the same names.
 *
 * Optional members are missing in old base libraries or outside WeChat; what needs them says so or does without.
 */

import { clientError } from './cloud-error.ts'

type Failure = { errMsg?: string }

export type RequestOptions = {
  url: string
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD' | 'OPTIONS'
  data?: string | ArrayBuffer | Record<string, unknown>
  header?: Record<string, string>
  timeout?: number
  responseType?: 'text' | 'arraybuffer'
  success?(result: { data: unknown; statusCode: number; header: Record<string, unknown> }): void
  fail?(failure: Failure): void
}

export type UploadOptions = {
  url: string
  filePath: string
  name: string
  formData?: Record<string, string>
  header?: Record<string, string>
  timeout?: number
  success?(result: { data: string; statusCode: number; header?: Record<string, unknown> }): void
  fail?(failure: Failure): void
}

export type DownloadOptions = {
  url: string
  header?: Record<string, string>
  timeout?: number
  success?(result: { tempFilePath: string; statusCode: number }): void
  fail?(failure: Failure): void
}

// biome-ignore lint/suspicious/noExplicitAny: WeChat's events, handed through
type Listener = (event: any) => void

/** What `wx.uploadFile` and `wx.downloadFile` return. */
export type TransferTask = {
  abort(): void
  onProgressUpdate(listener: Listener): void
  offProgressUpdate?(listener?: Listener): void
  onHeadersReceived?(listener: Listener): void
  offHeadersReceived?(listener?: Listener): void
}

export interface Weixin {
  request(options: RequestOptions): unknown
  uploadFile(options: UploadOptions): TransferTask
  downloadFile(options: DownloadOptions): TransferTask
  login(options: { success?(result: { code: string }): void; fail?(failure: Failure): void }): unknown
  connectSocket(options: { url: string; header?: Record<string, string>; protocols?: string[] }): unknown
  getStorageSync(key: string): unknown
  setStorageSync(key: string, value: unknown): void
  getAccountInfoSync?(): { miniProgram: { envVersion?: string } }
  onNetworkStatusChange?(listener: (status: { isConnected: boolean }) => unknown): void
  getFileSystemManager(): { writeFileSync(filePath: string, data: string | ArrayBuffer): void }
  readonly env: { USER_DATA_PATH?: string }
  cloud?: unknown
}

declare const wx: Weixin | undefined

/** Read late: some frameworks define it after this file runs. @throws {CloudError} outside WeChat */
export function globalWx(): Weixin {
  if (typeof wx === 'undefined') throw clientError('not_supported', 'no global wx: init({ wx })')
  return wx
}
