import type { ErrorCode } from '@sampan/protocol/errors'
import { AppError } from '../errors.ts'

/** WeChat is busy; the only code that is worth repeating at once. */
export const BUSY = -1

/** The token is not, or no longer, the right one. */
const TOKEN_REFUSED = new Set([40001, 40014, 42001])

export const isTokenRefused = (errcode: number) => TOKEN_REFUSED.has(errcode)

type Meaning = {
  code: ErrorCode
  message: string
  retryAfterSeconds?: number
  /** Elsewhere the same number is about another kind of code, and no reason to log in again. */
  isLoginOnly?: boolean
}

/** WeChat's codes that mean something to our callers; all others are `wechat_refused`. */
// biome-ignore format: a table keeps its columns
const MEANINGS: Readonly<Record<number, Meaning>> = {
  [BUSY]: { code: 'wechat_unavailable', message: 'WeChat is busy.' },
  40029:  { code: 'login_code_invalid', message: 'WeChat does not know this code.', isLoginOnly: true },
  40163:  { code: 'login_code_used',    message: 'This code was used before.',      isLoginOnly: true },
  40226:  { code: 'user_blocked',       message: 'WeChat blocks this user.' },
  45009:  { code: 'rate_limited',       message: 'A quota of WeChat is used up.',   retryAfterSeconds: 60 },
  45011:  { code: 'rate_limited',       message: 'WeChat gets too many calls.',     retryAfterSeconds: 60 },
}

export const LOGIN_PATH = '/sns/jscode2session'

/** WeChat's answer `{errcode, errmsg}` as our error. The text is theirs and names no secret. */
export function toAppError(path: string, errcode: number, errmsg: string): AppError {
  const known = MEANINGS[errcode]
  const meaning = known?.isLoginOnly && path !== LOGIN_PATH ? undefined : known
  const { code, message, retryAfterSeconds } = meaning ?? {
    code: 'wechat_refused',
    message: `WeChat refused ${path}: ${errcode} ${errmsg}`,
  }
  const details = {
    api: path,
    errcode,
    errmsg,
    ...(retryAfterSeconds && { retryAfterSeconds }),
    ...(errcode === BUSY && { reason: 'busy', outcome: 'unknown' }),
  }
  return new AppError(code, message, { details })
}
