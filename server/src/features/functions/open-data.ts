/**
 * Open data: what WeChat hands to the phone in a form that only this server can read. The mini program marks it with
 * `wx.cloud.CloudID()`; the function finds the facts in its event, or asks for them with `cloud.getOpenData()`.
 */
import type { Database } from '../../database/database.ts'
import { AppError, asAppError } from '../../errors.ts'
import { decryptUserData } from '../../wechat/encrypted-data.ts'
import type { WeChat } from '../../wechat/wechat.ts'
import type { UserIdentity } from '../sessions/identity.ts'
import type { Seal } from '../sessions/seal.ts'
import { getSessionKey } from './session-key.ts'

/** What stands in a function's `data` in place of a CloudID: the phone's own forms, or a CloudID of ours. */
type Source = string | { readonly encryptedData: string; readonly iv: string } | { readonly code: string }

export type OpenData = { readonly cloudID: string; readonly data: Readonly<Record<string, unknown>> }

export interface OpenDataReader {
  /** What a CloudID of ours stands for. @throws {AppError} `session_expired`, `invalid_request`, WeChat's */
  read(cloudId: string, user: UserIdentity | undefined): Promise<OpenData>
  /** Replaces each `{ $cloudID: … }` in a function's data; one that cannot be read gets an errCode instead. */
  expand(data: unknown, user: UserIdentity): Promise<unknown>
}

type Needs = { readonly database: Database; readonly seal: Seal; readonly wechat: WeChat }

const MARK = '$cloudID'
const DEPTH_MAX = 32
/** CloudBase's own number for a CloudID that has expired. */
const CLOUD_ID_EXPIRED = -601006

export function openOpenData({ database, seal, wechat }: Needs): OpenDataReader {
  const reveal = async (source: Source, user: UserIdentity): Promise<OpenData['data']> => {
    if (typeof source === 'string') throw new AppError('invalid_request', 'This CloudID is not one of this server.')
    if ('code' in source) return { ...(await wechat.phoneNumber(source.code)) }
    return decryptUserData({ ...source, appId: user.appId, sessionKey: await getSessionKey(user, { database, seal }) })
  }

  const read = async (cloudId: string, user: UserIdentity | undefined): Promise<OpenData> => {
    if (!user) throw new AppError('invalid_request', 'Open data can be read only in a call by a user.')
    return { cloudID: cloudId, data: await reveal(sourceOf(cloudId), user) }
  }

  const expand = async (value: unknown, user: UserIdentity, depth: number): Promise<unknown> => {
    if (value === null || typeof value !== 'object' || depth > DEPTH_MAX) return value
    if (Array.isArray(value)) return Promise.all(value.map((item) => expand(item, user, depth + 1)))
    if (MARK in value) {
      const cloudId = cloudIdFor(value[MARK])
      return read(cloudId, user).catch((thrown: unknown) => ({
        cloudID: cloudId,
        errCode: CLOUD_ID_EXPIRED,
        errMsg: asAppError(thrown).message,
      }))
    }
    const entries = Object.entries(value).map(
      async ([key, item]) => [key, await expand(item, user, depth + 1)] as const,
    )
    return Object.fromEntries(await Promise.all(entries))
  }

  return {
    read,
    expand: async (data, user) => (hasMark(data) ? expand(data, user, 0) : data),
  }
}

/** Almost no call carries open data: looking at the text is cheaper than walking through every event. */
const hasMark = (data: unknown) => JSON.stringify(data ?? null).includes(`"${MARK}"`)

/** A CloudID of ours is the phone's encrypted data itself, so that nothing has to be kept. */
const cloudIdFor = (source: unknown) =>
  typeof source === 'string' ? source : Buffer.from(JSON.stringify(source)).toString('base64url')

function sourceOf(cloudId: string): Source {
  try {
    const source: unknown = JSON.parse(Buffer.from(cloudId, 'base64url').toString('utf8'))
    if (source === null || typeof source !== 'object') return cloudId
    if ('code' in source && typeof source.code === 'string') return { code: source.code }
    if (!('encryptedData' in source) || !('iv' in source)) return cloudId
    return { encryptedData: String(source.encryptedData), iv: String(source.iv) }
  } catch {
    return cloudId // one of WeChat's own, which only its servers can read
  }
}
