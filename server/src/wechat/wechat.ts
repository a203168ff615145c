/**
 * What this server asks of WeChat. One implementation speaks to two back ends: api.weixin.qq.com and the simulator.
 *
 * Every method throws `AppError`: `wechat_unavailable` if WeChat could not be reached or did not answer sensibly (then
 * `details.outcome` says whether the call may have had its effect), `rate_limited` if a quota is used up, `wechat_refused`
 * with `details.errcode` for everything else that WeChat says no to, `wechat_not_configured` without AppID or secret.
 */
export interface WeChat {
  /** @throws {AppError} also `login_code_used`, `login_code_invalid`, `user_blocked` */
  codeToSession(code: string): Promise<LoginSession>
  /** Spends a code of the phone number button. WeChat charges for each call, so it is never repeated. */
  phoneNumber(code: string): Promise<PhoneNumber>
  /** Asks whether a text may be shown. The user must have used the mini program within two hours. */
  checkText(check: TextCheck): Promise<TextVerdict>
  /** Sends once. There is no way to find out later whether a message with an unknown outcome was sent. */
  sendSubscribeMessage(message: SubscribeMessage): Promise<void>
  /** A mini program code (the round one), of which there may be any number. */
  qrCode(code: QrCode): Promise<{ contentType: string; bytes: Buffer }>
  /** Any other API of WeChat; the access_token is added. */
  callApi(path: string, request: ApiRequest): Promise<ApiAnswer>
  close(): Promise<void>
}

export type LoginSession = {
  openId: string
  /** Signs and encrypts this user's data: never leaves the server, never in a log. */
  sessionKey: string
  unionId?: string
}

export type PhoneNumber = {
  /** With country code if it is not a Chinese number. */
  phoneNumber: string
  purePhoneNumber: string
  countryCode: string
}

export type TextCheck = {
  openId: string
  /** At most 2,500 characters. */
  content: string
  scene: 'profile' | 'comment' | 'forum' | 'social'
  nickname?: string
  title?: string
}

export type TextVerdict = { suggest: 'pass' | 'review' | 'risky'; label: number; traceId: string }

export type SubscribeMessage = {
  toOpenId: string
  templateId: string
  /** By key of the template, such as `{ thing1: 'Haircut', time2: '15:01' }`. */
  data: Readonly<Record<string, string | number>>
  /** Page that a tap opens, with its query. */
  page?: string
  state?: 'developer' | 'trial' | 'formal'
  lang?: 'zh_CN' | 'en_US' | 'zh_HK' | 'zh_TW'
}

export type QrCode = {
  /** At most 32 of `0-9A-Za-z!#$&'()*+,/:;=?@-._~`; the page reads it as `options.scene`. */
  scene: string
  page?: string
  /** 280–1280. */
  widthPx?: number
  version?: 'release' | 'trial' | 'develop'
  mustPageExist?: boolean
}

export type ApiRequest = {
  method: 'GET' | 'POST'
  query?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  body?: Readonly<Record<string, unknown>>
  /** Sent as a form. The texts of `body` then go into the query, where WeChat's upload APIs look for them. */
  media?: { field: string; fileName: string; contentType: string; bytes: Uint8Array }
}

/** JSON (then without a failure code) or a file. */
export type ApiAnswer = { contentType: string; json?: Record<string, unknown>; bytes?: Buffer }
