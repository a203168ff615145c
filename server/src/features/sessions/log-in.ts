import { hash, randomBytes } from 'node:crypto'
import type { LoginResponse } from '@sampan/protocol/sessions'
import type { Database } from '../../database/database.ts'
import type { Seal } from './seal.ts'
import { findLoginAnswer, openSession } from './session-store.ts'

export type LoginNeeds = {
  readonly database: Database
  readonly wechat: { codeToSession(code: string): Promise<WeChatSession> }
  readonly seal: Seal
  readonly appId: string
  readonly sessionTtlSeconds: number
  readonly now: () => number
}

type WeChatSession = { readonly openId: string; readonly sessionKey: string; readonly unionId?: string | undefined }

/** How long the answer to one code is remembered: as long as WeChat accepts a code at all. */
const ANSWER_TTL_MS = 5 * 60 * 1000
/** 256 bits, as base64url. */
const TOKEN_BYTES = 32

/**
 * Turns a `wx.login()` code into a session, creating the user on first sight. The same code within five minutes gets
 * the same answer: the phone may have lost it, and WeChat takes a code only once.
 *
 * @throws {AppError} `login_code_used`, `login_code_invalid`, `user_blocked`, `wechat_unavailable`
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/login.html
 */
export async function logIn(code: string, needs: LoginNeeds): Promise<LoginResponse> {
  const { database, wechat, seal, appId, now } = needs
  const codeHash = hashToken(`${appId}:${code}`)
  const remembered = await findLoginAnswer(database, codeHash, now())
  if (remembered) return JSON.parse(seal.open(remembered)) as LoginResponse // safe: sealed below

  const { openId, sessionKey, unionId } = await wechat.codeToSession(code)
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const nowMs = now()
  const answer: LoginResponse = { token, expiresAtMs: nowMs + needs.sessionTtlSeconds * 1000, openId }
  await database.transact(openSession, {
    tokenHash: hashToken(token),
    openId,
    unionId,
    appId,
    // The session_key stays on the server: anyone holding it can forge this user's signed data.
    sealedSessionKey: seal.seal(sessionKey),
    nowMs,
    expiresAtMs: answer.expiresAtMs,
    answer: { codeHash, sealed: seal.seal(JSON.stringify(answer)), expiresAtMs: nowMs + ANSWER_TTL_MS },
  })
  return answer
}

/** Shares the work among requests that carry the same code at the same moment. */
export function createLogIn(needs: LoginNeeds): (code: string) => Promise<LoginResponse> {
  const running = new Map<string, Promise<LoginResponse>>()

  return (code) => {
    const earlier = running.get(code)
    if (earlier) return earlier
    const work = logIn(code, needs).finally(() => running.delete(code))
    running.set(code, work)
    return work
  }
}

/** What is stored in place of a token: SHA-256, base64url. */
export const hashToken = (token: string): string => hash('sha256', token, 'base64url')
