/**
 * The variables a worker process sees. They are the contract with the real `wx-server-sdk`, which learns from them where
 * the server is and on whose behalf it runs (@cloudbase/node-sdk `utils/tcbcontext.js`, wx-server-sdk `getWXContext`).
 */
import { mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { UserIdentity } from '../sessions/identity.ts'
import type { FunctionSpec } from './function-config.ts'

export type CallOrigin = {
  readonly user: UserIdentity | undefined
  readonly requestId: string
  /** Random; the SDK sends it back, so that the server knows for which call a request is made. */
  readonly callToken: string
  /** Chain of callers as CloudBase names them, such as `wx_client` or `wx_client,scf`. */
  readonly source: string
  readonly clientIp: string | undefined
}

/** What a worker may inherit from the server. Everything else stays out: the server's environment holds secrets. */
const INHERITED = [
  'PATH',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'NODE_EXTRA_CA_CERTS',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
] as const

export type WorkerPlace = {
  readonly envId: string
  readonly appId: string
  /** The server's own environment, of which only a few names pass. */
  readonly serverEnvironment: Readonly<Record<string, string | undefined>>
  /** Folder that functions may write to, as /tmp in CloudBase. */
  readonly tempFolder: string
}

export function workerPlace(
  needs: Pick<WorkerPlace, 'envId' | 'appId'> & { environment: WorkerPlace['serverEnvironment'] },
): WorkerPlace {
  const tempFolder = path.join(os.tmpdir(), `sampan-functions-${os.userInfo().uid}`)
  mkdirSync(tempFolder, { recursive: true })
  return { envId: needs.envId, appId: needs.appId, serverEnvironment: needs.environment, tempFolder }
}

/** Points the SDK at this server instead of Tencent's: read anew before each request. */
export const redirectTo = (adminUrl: string) => ({ TCB_CONTEXT_CNFG: JSON.stringify({ URL: adminUrl }) })

/** Variables of a fresh worker, the same for every call. `token` is what its requests to /admin carry. */
export function workerEnvironment(place: WorkerPlace, token: string): Record<string, string> {
  const inherited = INHERITED.map((name) => [name, place.serverEnvironment[name]] as const)
  return {
    ...Object.fromEntries(
      inherited.filter((pair): pair is [(typeof INHERITED)[number], string] => pair[1] !== undefined),
    ),
    // Functions in CloudBase run in UTC, and programs add eight hours by hand.
    TZ: 'UTC',
    HOME: place.tempFolder,
    TMPDIR: place.tempFolder,
    TENCENTCLOUD_RUNENV: 'SCF',
    TENCENTCLOUD_REGION: 'ap-shanghai',
    TENCENTCLOUD_SECRETID: 'sampan-worker',
    TENCENTCLOUD_SECRETKEY: token,
    TENCENTCLOUD_SESSIONTOKEN: token,
    SCF_NAMESPACE: place.envId,
    TCB_ENV: place.envId,
    TCB_CONTEXT_KEYS: 'TCB_ENV,TCB_SOURCE,TCB_SEQID',
  }
}

/** Variables of one call: who it runs for. The worker drops those of the call before. */
export function callEnvironment(place: WorkerPlace, origin: CallOrigin): Record<string, string> {
  const { user, clientIp } = origin
  const context: Record<string, string> = {
    WX_APPID: user?.appId ?? place.appId,
    ...(user && { WX_OPENID: user.openId }),
    ...(user?.unionId && { WX_UNIONID: user.unionId }),
    ...(clientIp && { [clientIp.includes(':') ? 'WX_CLIENTIPV6' : 'WX_CLIENTIP']: clientIp }),
    // Hidden by getWXContext().
    WX_API_TOKEN: origin.callToken,
  }
  return {
    ...context,
    WX_CONTEXT_KEYS: Object.keys(context).join(','),
    TCB_SOURCE: origin.source,
    TCB_SEQID: origin.requestId,
    ...(origin.source.startsWith('wx_trigger') && { TRIGGER_SRC: 'timer', WX_TRIGGER_API_TOKEN_V0: origin.callToken }),
  }
}

/** The second parameter of a function, as CloudBase fills it. The worker adds `environment`. */
export const callContext = (place: WorkerPlace, spec: FunctionSpec, requestId: string) => ({
  callbackWaitsForEmptyEventLoop: false,
  memory_limit_in_mb: spec.memoryMb,
  time_limit_in_ms: spec.timeoutMs,
  request_id: requestId,
  function_name: spec.name,
  function_version: '$LATEST',
  namespace: place.envId,
})
