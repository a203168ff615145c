import type { LoginRequest, LoginResponse } from '@sampan/protocol/sessions'
import { clientError } from './cloud-error.ts'
import { bodyOf, type Exchange } from './exchange.ts'
import { openPhoneStorage } from './phone-storage.ts'
import { type Clock, withRetries } from './retry.ts'
import { singleFlight } from './single-flight.ts'
import type { Weixin } from './weixin.ts'
import { JSON_TYPE } from './wire-headers.ts'

const LOGIN_TIMEOUT_MS = 15_000

export type Session = {
  /** The login token, other than the `refused` one; logs in first if there is none. */
  token(refused?: string): Promise<string>
}

type Needs = { wx: Weixin; exchange: Exchange; url: () => string; headers: () => Record<string, string>; clock: Clock }

/** Logs in with `wx.login()` before the first call, once for all that wait, and keeps the token in the phone's storage. */
export function openSession({ wx, exchange, url, headers, clock }: Needs): Session {
  const storage = openPhoneStorage(wx, () => `sampan:token:${url()}`)
  let current: string | undefined

  const sendCode = async () => {
    const data = JSON.stringify({ code: await freshCode(wx) } satisfies LoginRequest)
    const header = { ...headers(), ...JSON_TYPE }
    const options = { url: `${url()}/v1/login`, method: 'POST', data, header, timeout: LOGIN_TIMEOUT_MS } as const
    // The server answers a repeated code from memory for five minutes, so a lost answer may be asked for again.
    return withRetries(() => exchange.request(options), true, clock)
  }

  const logIn = singleFlight(async () => {
    let reply = await sendCode()
    // A code may be spent by an answer that got lost: worth one fresh code.
    if (reply.error && /^login_code/.test(reply.error.code)) reply = await sendCode()
    const { token } = bodyOf(reply) as LoginResponse // the server's own answer to /v1/login
    current = token
    storage.write(token)
    return token
  })

  return {
    async token(refused) {
      if (!current) current = (storage.read() as string | undefined) || '' // only logIn() writes there
      return current && current !== refused ? current : logIn()
    },
  }
}

const freshCode = (wx: Weixin) =>
  new Promise<string>((resolve, reject) => {
    const fail = (failure: { errMsg?: string }) => reject(clientError('login_refused', failure.errMsg || 'login:fail'))
    wx.login({ success: ({ code }) => (code ? resolve(code) : fail({})), fail })
  })
