/** Voice rooms: `wx.joinVoIPChat` lets a phone into one only with a signature that its server made. */
import { createHmac } from 'node:crypto'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { UserIdentity } from '../sessions/identity.ts'
import type { Seal } from '../sessions/seal.ts'
import { getSessionKey } from './session-key.ts'

export type VoiceRoom = { readonly groupId: string; readonly nonce: string; readonly timestampSeconds: number }

export interface VoiceRooms {
  /** @throws {AppError} `invalid_request` if nobody calls, `session_expired` */
  sign(room: VoiceRoom, user: UserIdentity | undefined): Promise<string>
}

export const openVoiceRooms = (needs: { readonly database: Database; readonly seal: Seal }): VoiceRooms => ({
  async sign(room, user) {
    if (!user) throw new AppError('invalid_request', 'A voice room can be signed only in a call by a user.')
    return signVoiceRoom(room, user.appId, await getSessionKey(user, needs))
  },
})

/**
 * The key is used as the text it is, not decoded from base64.
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/voip-chat.html
 */
export function signVoiceRoom(
  { groupId, nonce, timestampSeconds }: VoiceRoom,
  appId: string,
  sessionKey: string,
): string {
  const text = [appId, groupId, nonce, String(timestampSeconds)].sort().join('')
  return createHmac('sha256', sessionKey).update(text).digest('hex')
}
