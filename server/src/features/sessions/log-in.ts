import { hash } from 'node:crypto'
import type { LoginResponse } from '@sampan/protocol/sessions'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Seal } from './seal.ts'
import { findSession, openSession } from './session-store.ts'

export type LoginNeeds = {
  readonly database: Database
  readonly wechat: { codeToSession(code: string): Promise<WeChatSession> }
  readonly seal: Seal
  readonly appId: string
  readonly sessionTtlSeconds: number
  readonly now: () => number
}

type WeChatSession = { readonly openId: string; readonly sessionKey: string; readonly unionId?: string | undefined }

/** How long a repeated code gets the same answer: as long as WeChat accepts a code at all. */
const REPEAT_MS = 5 * 60 * 1000

/**
 * Turns a `wx.login()` code into a session, creating the user on first sight. The same code within five minutes gets
 * the same answer: the phone may have lost it, and WeChat takes a code only once. The token follows from the code and
 * the server's key (nobody else can compute it), so that nothing has to be kept to say it again.
 *
 * @throws {AppError} `login_code_used`, `login_code_invalid`, `user_blocked`, `wechat_unavailable`
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/login.html
 */
export async function logIn(code: string, needs: LoginNeeds): Promise<LoginResponse> {
  const { database, wechat, seal, appId, now } = needs
  const token = seal.derive(`login:${appId}:${code}`)
  const tokenHash = hashToken(token)
  const repeated = await repeatedAnswer(token, tokenHash, needs)
  if (repeated) return repeated

  try {
    const { openId, sessionKey, unionId } = await wechat.codeToSession(code)
    const nowMs = now()
    const answer: LoginResponse = { token, expiresAtMs: nowMs + needs.sessionTtlSeconds * 1000, openId }
    await database.transact(openSession, {
      tokenHash,
      openId,
      unionId,
      appId,
      // The session_key stays on the server: anyone holding it can forge this user's signed data.
      sealedSessionKey: seal.seal(sessionKey),
      nowMs,
      expiresAtMs: answer.expiresAtMs,
    })
    return answer
  } catch (error) {
    if (!isCodeUsed(error)) throw error
    // Another process of this server may have been asked for the same code a moment ago.
    const elsewhere = await repeatedAnswer(token, tokenHash, needs)
    if (elsewhere) return elsewhere
    throw error instanceof AppError && error.code === 'login_code_used' ? error : codeUsed(error)
  }
}

/** The answer that this code had less than five minutes ago, unless its session was ended since. */
async function repeatedAnswer(token: string, tokenHash: string, { database, now }: LoginNeeds) {
  const session = await findSession(database, tokenHash)
  if (!session || session.revokedAtMs !== undefined || session.createdAtMs <= now() - REPEAT_MS) return undefined
  return { token, expiresAtMs: session.expiresAtMs, openId: session.openId }
}

/** Either WeChat says so, or the session of this code is already there. */
const isCodeUsed = (error: unknown) =>
  error instanceof AppError && (error.code === 'login_code_used' || error.code === 'document_exists')

const codeUsed = (cause: unknown) => new AppError('login_code_used', 'This code was used before.', { cause })

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
