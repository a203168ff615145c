import { type CloudError, clientError } from './cloud-error.ts'
import type { Realtime } from './realtime-types.ts'
import type { Weixin } from './weixin.ts'

/** Where the server is: one address, or one per version of the mini program (development, trial, released). */
export type ServerUrl = string | { readonly develop?: string; readonly trial?: string; readonly release: string }

export type CloudSettings = {
  /** WeChat's `wx`, or `Taro` or `uni`. Without it, the global `wx`. */
  wx?: Weixin
  url?: ServerUrl
  /** Kept for CloudBase's sake; one server is one environment. */
  env?: string | { database?: string; functions?: string; storage?: string }
  traceUser?: boolean
  /** How long a request may take; functions and files have WeChat's full minute. */
  timeoutMs?: number
  /** Lets the database watch: `require('./realtime.js')`. */
  realtime?: Realtime
  /** Of the hints in errors. */
  language?: 'zh-CN' | 'en'
  /** Told when the first request begins and when the last one ends, such as for `wx.showLoading`. */
  onLoading?: (isLoading: boolean) => void
  /** Keep writes of records on the phone while there is no network, and send them later. */
  isOffline?: boolean
  /** Told when a kept write was refused in the end. */
  onOfflineError?: (error: CloudError, write: { verb: string; collection: string }) => void
}

export const DEFAULTS = {
  timeoutMs: 20_000,
  language: 'zh-CN' as 'zh-CN' | 'en',
  isOffline: false,
  onLoading: () => {},
  onOfflineError: () => {},
} satisfies CloudSettings

export type CompleteSettings = CloudSettings & Required<Pick<CloudSettings, keyof typeof DEFAULTS>>

/** The address for the version of the mini program that runs. @throws {CloudError} `not_initialised` */
export function serverUrl({ url }: CloudSettings, wx: Weixin): string {
  const chosen = typeof url === 'object' ? url[versionOf(wx)] || url.release : url
  if (chosen) return chosen.replace(/\/+$/, '')
  throw clientError('not_initialised', "Cloud API isn't enabled, please call cloud.init({ url }) first")
}

function versionOf(wx: Weixin) {
  const version = wx.getAccountInfoSync ? wx.getAccountInfoSync().miniProgram.envVersion : ''
  return version === 'develop' || version === 'trial' ? version : 'release'
}
