import { setTimeout as sleep } from 'node:timers/promises'
import type { Cache } from '../cache/cache.ts'
import { AppError } from '../errors.ts'
import { openAccessToken } from './access-token.ts'
import type { ApiAnswer, ApiRequest, TextCheck, TextVerdict, WeChat } from './wechat.ts'
import { openWeChatHttp } from './wechat-http.ts'
import { BUSY, isTokenRefused, LOGIN_PATH, toAppError } from './wechat-refusal.ts'

const RETRY_LIMIT = 3
/** First pause; it doubles. Short, because a person waits: all attempts together must fit into `timeoutMs`. */
const RETRY_PAUSE_MS = 250
const TIMEOUT_MS = 3_000

type Log = { warn(fields: Record<string, unknown>, message: string): void }

export type WeChatOptions = {
  /** https://api.weixin.qq.com or the simulator's address. */
  baseUrl: string
  /** Empty: every call throws `wechat_not_configured`. */
  appId: string
  secret: string
  cache: Pick<Cache, 'get' | 'set' | 'claim'>
  now?: () => number
  log?: Log
  /** Told about each attempt, for metrics. `errcode` undefined: no usable answer. */
  onCall?: (call: { api: string; durationMs: number; errcode: number | undefined }) => void
  /** For one call with all its attempts. */
  timeoutMs?: number
  retryPauseMs?: number
}

/** When a call may be made again: after a plain "busy", after any lost answer as well, or never. */
type Repeat = 'busy' | 'lost' | 'never'

export function openWeChat(options: WeChatOptions): WeChat {
  const { baseUrl, appId, secret, cache, now = Date.now, log } = options
  const { timeoutMs = TIMEOUT_MS, retryPauseMs = RETRY_PAUSE_MS } = options
  const http = openWeChatHttp(baseUrl)

  const token = openAccessToken({
    appId,
    cache,
    now,
    async fetchToken() {
      const body = { grant_type: 'client_credential', appid: appId, secret }
      const { json } = await repeatedly('/cgi-bin/stable_token', { method: 'POST', body }, 'lost', newDeadline())
      const { access_token: value, expires_in: lifetimeSeconds } = json ?? {}
      if (typeof value !== 'string' || typeof lifetimeSeconds !== 'number') throw incomplete('/cgi-bin/stable_token')
      return { value, lifetimeSeconds }
    },
    onRefreshFailed: (error) => log?.warn({ err: error }, 'access token not renewed, the old one still works'),
  })

  const newDeadline = () => performance.now() + timeoutMs

  /** One attempt; WeChat's refusals become errors. */
  async function once(path: string, request: ApiRequest, deadlineMs: number): Promise<ApiAnswer> {
    const startedAtMs = performance.now()
    const tell = (errcode: number | undefined) =>
      options.onCall?.({ api: path, durationMs: performance.now() - startedAtMs, errcode })
    const answer = await http.send(path, request, Math.max(1, deadlineMs - startedAtMs)).catch((error: unknown) => {
      tell(undefined)
      throw error
    })
    const { errcode, errmsg } = answer.json ?? {}
    tell(typeof errcode === 'number' ? errcode : 0)
    if (typeof errcode === 'number' && errcode !== 0) throw toAppError(path, errcode, String(errmsg ?? ''))
    return answer
  }

  /** Attempts until one succeeds, the reason is not worth repeating, or the time is up. */
  async function repeatedly(path: string, request: ApiRequest, repeat: Repeat, deadlineMs: number): Promise<ApiAnswer> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await once(path, request, deadlineMs)
      } catch (error) {
        const pauseMs = retryPauseMs * 2 ** attempt * (1 + Math.random() / 2)
        const isLast = attempt === RETRY_LIMIT || performance.now() + pauseMs >= deadlineMs
        if (isLast || !isWorthRepeating(error, repeat)) throw error
        await sleep(pauseMs)
      }
    }
  }

  /** A call with the access token. A refused token is replaced once and the call made again: it had no effect. */
  async function withToken(path: string, request: ApiRequest, repeat: Repeat): Promise<ApiAnswer> {
    if (!appId || !secret) throw new AppError('wechat_not_configured', 'AppID and AppSecret are not set.')
    const deadlineMs = newDeadline()
    const used = await token.get()
    const signed = (value: string) => ({ ...request, query: { ...request.query, access_token: value } })
    try {
      return await repeatedly(path, signed(used), repeat, deadlineMs)
    } catch (error) {
      if (!isTokenRefused(errcodeOf(error))) throw error
      log?.warn({ api: path, errcode: errcodeOf(error) }, 'access token refused, asking for another')
      return await repeatedly(path, signed(await token.replace(used)), repeat, deadlineMs)
    }
  }

  return {
    async codeToSession(code) {
      if (!appId || !secret) throw new AppError('wechat_not_configured', 'AppID and AppSecret are not set.')
      const query = { appid: appId, secret, js_code: code, grant_type: 'authorization_code' }
      // Not repeated after a lost answer: the code may be spent, and the SDK then fetches a new one.
      const { json = {} } = await repeatedly(LOGIN_PATH, { method: 'GET', query }, 'busy', newDeadline())
      const { openid: openId, session_key: sessionKey, unionid: unionId } = json
      if (typeof openId !== 'string' || typeof sessionKey !== 'string') throw incomplete(LOGIN_PATH)
      return typeof unionId === 'string' ? { openId, sessionKey, unionId } : { openId, sessionKey }
    },

    async phoneNumber(code) {
      const path = '/wxa/business/getuserphonenumber'
      const { json } = await withToken(path, { method: 'POST', body: { code } }, 'never')
      const info = asRecord(json?.['phone_info'])
      const { phoneNumber, purePhoneNumber, countryCode } = info
      if (typeof phoneNumber !== 'string' || typeof purePhoneNumber !== 'string') throw incomplete(path)
      if (asRecord(info['watermark'])['appid'] !== appId) throw incomplete(path)
      return { phoneNumber, purePhoneNumber, countryCode: String(countryCode) } // documented as text, seen as a number
    },

    async checkText(check) {
      const path = '/wxa/msg_sec_check'
      const { json } = await withToken(path, { method: 'POST', body: textCheckBody(check) }, 'lost')
      return readVerdict(path, json)
    },

    async sendSubscribeMessage({ toOpenId, templateId, data, page, state, lang }) {
      const values = Object.entries(data).map(([key, value]) => [key, { value: String(value) }])
      const body = {
        touser: toOpenId,
        template_id: templateId,
        data: Object.fromEntries(values),
        ...(page !== undefined && { page }),
        ...(state && { miniprogram_state: state }),
        ...(lang && { lang }),
      }
      await withToken('/cgi-bin/message/subscribe/send', { method: 'POST', body }, 'never')
    },

    async qrCode({ scene, page, widthPx, version, mustPageExist }) {
      const path = '/wxa/getwxacodeunlimit'
      const body = {
        scene,
        ...(page !== undefined && { page }),
        ...(widthPx !== undefined && { width: widthPx }),
        ...(version && { env_version: version }),
        ...(mustPageExist !== undefined && { check_path: mustPageExist }),
      }
      const { contentType, bytes } = await withToken(path, { method: 'POST', body }, 'lost')
      if (!bytes) throw incomplete(path)
      return { contentType, bytes }
    },

    callApi: (path, request) => withToken(path, request, HAS_OUTSIDE_EFFECT.test(path) ? 'never' : 'busy'),
    close: () => http.close(),
  }
}

/** Paths whose second call a person would notice or the account would pay for. */
const HAS_OUTSIDE_EFFECT = /message|getuserphonenumber|addtemplate|uploadshippinginfo|delivery|order|intracity/i

// biome-ignore format: a table keeps its columns
const SCENES = { profile: 1, comment: 2, forum: 3, social: 4 } as const

function textCheckBody({ openId, content, scene, nickname, title }: TextCheck) {
  return {
    version: 2,
    openid: openId,
    scene: SCENES[scene],
    content,
    ...(nickname !== undefined && { nickname }),
    ...(title !== undefined && { title }),
  }
}

function readVerdict(path: string, json: Record<string, unknown> | undefined): TextVerdict {
  const { suggest, label } = asRecord(json?.['result'])
  if (suggest !== 'pass' && suggest !== 'review' && suggest !== 'risky') throw incomplete(path)
  return { suggest, label: Number(label), traceId: String(json?.['trace_id'] ?? '') }
}

function isWorthRepeating(error: unknown, repeat: Repeat) {
  if (!(error instanceof AppError) || error.code !== 'wechat_unavailable' || repeat === 'never') return false
  return repeat === 'lost' || error.details?.['errcode'] === BUSY || error.details?.['outcome'] === 'none'
}

function errcodeOf(error: unknown) {
  return error instanceof AppError ? Number(error.details?.['errcode'] ?? 0) : 0
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function incomplete(path: string) {
  const details = { api: path, reason: 'bad_answer', outcome: 'unknown' }
  return new AppError('wechat_unavailable', `WeChat's answer to ${path} lacks what it should hold.`, { details })
}
