import { openAccessTokens } from './access-tokens.ts'
import { type CallLog, openCallLog } from './call-log.ts'
import { controlApi } from './control-api.ts'
import { openDoor } from './door.ts'
import { type Knobs, openKnobs } from './faults.ts'
import { loginApi } from './login-api.ts'
import { openPeople } from './people.ts'
import { openQuotas, type QuotaName } from './quotas.ts'
import { seededRandom } from './seeded-random.ts'

const CALLS_KEPT = 5_000

export type SimulatorOptions = {
  appId: string
  secret: string
  host?: string
  /** 0, the default, takes a free one. */
  port?: number
  /** Milliseconds since the epoch; a test passes its own clock. */
  now?: () => number
  /** The same seed gives the same codes, keys and faults. By default each start differs, as WeChat's codes do. */
  seed?: number
  /** Whether logins tell a unionid, as for accounts bound to an open platform. */
  hasUnionIds?: boolean
  /**
   * Who logs in with a code that the simulator did not issue, such as the one WeChat DevTools makes. Left out, such a
   * code is refused, as WeChat refuses a stranger's.
   */
  guestUser?: string
  /** Smaller or larger quotas than WeChat's. */
  quotas?: Partial<Record<QuotaName, number>>
}

export type Simulator = {
  /** Takes the place of https://api.weixin.qq.com. */
  readonly url: string
  readonly knobs: Knobs
  readonly calls: CallLog
  /** A code as wx.login() would return it to this user. */
  loginCode(user: string): string
  /** A code as the phone number button would return it to this user. */
  phoneCode(user: string): string
  openidOf(user: string): string
  /** The key that encrypts this user's data; undefined before the first login. */
  sessionKeyOf(user: string): string | undefined
  /** From now on WeChat considers this user high-risk (40226). */
  block(user: string): void
  /** Makes every access token invalid, as another program does that shares the AppID. */
  revokeTokens(): void
  close(): Promise<void>
}

/** Starts WeChat's servers on this machine. Strict: what WeChat refuses is refused here, with the same codes. */
export async function openSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { appId, secret, host = '127.0.0.1', port = 0, hasUnionIds = false, guestUser } = options
  const random = seededRandom(options.seed ?? Math.floor(Math.random() * 0x1_0000_0000))
  const knobs = openKnobs(random)
  const trueNow = options.now ?? Date.now
  const now = () => trueNow() + knobs.clockSkewMs
  const calls = openCallLog(CALLS_KEPT)
  const quotas = openQuotas(now, options.quotas)
  const tokens = openAccessTokens(now, random, quotas)
  const people = openPeople({ appId, now, random, guestUser })

  const routes = [
    ...loginApi({ appId, secret, hasUnionIds, now, people, tokens, quotas }),
    ...controlApi({ people, knobs, calls }),
  ]
  const door = await openDoor({ routes, tokens, knobs, calls, now, random }, host, port)

  return {
    url: door.url,
    knobs,
    calls,
    loginCode: (user) => people.issueCode('login', user),
    phoneCode: (user) => people.issueCode('phone', user),
    openidOf: (user) => people.get(user).openid,
    sessionKeyOf: (user) => people.get(user).sessionKey,
    block(user) {
      people.get(user).isBlocked = true
    },
    revokeTokens: () => tokens.revokeAll(),
    close: () => door.close(),
  }
}
