import { openAccessTokens } from './access-tokens.ts'
import { type CallLog, openCallLog } from './call-log.ts'
import { codeImageApi } from './code-image-api.ts'
import { contentApi } from './content-api.ts'
import { controlApi, listControls } from './control-api.ts'
import { openDoor } from './door.ts'
import { encryptUserData } from './encrypted-user-data.ts'
import { type Knobs, openKnobs } from './faults.ts'
import { linkApi } from './link-api.ts'
import { loginApi } from './login-api.ts'
import { mediaApi } from './media-api.ts'
import { messageApi } from './message-api.ts'
import { type MessagePush, openMessagePush, type PushTarget } from './message-push.ts'
import { openPages } from './pages.ts'
import { openPay, type PayOptions, type PaySimulator } from './pay/pay.ts'
import { openPeople } from './people.ts'
import { openQuotas, type QuotaName } from './quotas.ts'
import { seededRandom } from './seeded-random.ts'
import { openSubscriptions } from './subscriptions.ts'
import { openTalks } from './talks.ts'
import { openTemplates, type Template, templatesApi } from './templates-api.ts'

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
  /** The account's message templates. Left out, any id of the right shape is one. */
  templates?: readonly Template[]
  /** The published pages. Left out, any well-formed path is one. */
  pages?: readonly string[]
  /** Words that the content check calls risky, instead of its own few. */
  riskyWords?: readonly string[]
  /** Opens WeChat Pay too, with a merchant whose keys are made up. Left out, there is no merchant. */
  merchant?: PayOptions
  /** Where events are reported to. Left out, there are none. */
  pushTarget?: PushTarget
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
  /** What the phone gives a page about this user: signed, and encrypted with the session_key. */
  encryptUserData(user: string, facts: Readonly<Record<string, unknown>>): EncryptedUserData
  /** The user allows `times` messages of this template. */
  grant(user: string, templateId: string, times?: number): void
  grantsLeft(user: string, templateId: string): number
  /** Events to the server, also those that a test sends by hand. */
  readonly push: MessagePush
  /** WeChat Pay. @throws if there is no `merchant` */
  readonly pay: PaySimulator
  /** From now on WeChat considers this user high-risk (40226). */
  block(user: string): void
  /** Makes every access token invalid, as another program does that shares the AppID. */
  revokeTokens(): void
  close(): Promise<void>
}

export type EncryptedUserData = ReturnType<typeof encryptUserData>

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

  const merchant =
    options.merchant && (await openPay({ appId, options: options.merchant, people, quotas, random, now }))
  const templates = openTemplates(options.templates)
  const pages = openPages(options.pages)
  const subscriptions = openSubscriptions()
  const talks = openTalks(now)
  const push = openMessagePush({ appId, target: options.pushTarget, now, random })

  const grant = (user: string, templateId: string, times = 1) => {
    const { openid } = people.get(user)
    subscriptions.grant(openid, templateId, times)
    const choice = { TemplateId: templateId, SubscribeStatusString: 'accept', PopupScene: '0' }
    push.send({ openid, event: 'subscribe_msg_popup_event', facts: { List: [choice] } })
  }
  const encryptFor = (user: string, facts: Readonly<Record<string, unknown>>) =>
    encryptUserData(facts, { person: people.get(user), appId, now, random })

  const routes = [
    ...loginApi({ appId, secret, hasUnionIds, now, people, tokens, quotas }),
    ...messageApi({ people, quotas, templates, subscriptions, pages, push, talks }),
    ...templatesApi(templates, random),
    ...contentApi({ appId, people, quotas, random, push, now, riskyWords: options.riskyWords }),
    ...codeImageApi(quotas, pages),
    ...mediaApi(random, now),
    ...linkApi({ appId, quotas, pages, random, now }),
    ...controlApi({ people, knobs, calls, subscriptions, talks, push, grant, encryptFor }),
    ...(merchant?.routes ?? []),
  ]
  const refusePay = (thrown: unknown) => merchant?.signature.refuse(thrown) ?? { status: 404, json: {} }
  const door = await openDoor(
    { routes: [...routes, listControls(routes)], tokens, knobs, calls, now, random, refusePay },
    host,
    port,
  )

  return {
    url: door.url,
    knobs,
    calls,
    loginCode: (user) => people.issueCode('login', user),
    phoneCode: (user) => people.issueCode('phone', user),
    openidOf: (user) => people.get(user).openid,
    sessionKeyOf: (user) => people.get(user).sessionKey,
    encryptUserData: encryptFor,
    grant,
    grantsLeft: (user, templateId) => subscriptions.left(people.get(user).openid, templateId),
    push,
    get pay() {
      if (!merchant) throw new Error('This simulator has no merchant: open it with `merchant: {}`.')
      return merchant.simulator
    },
    block(user) {
      people.get(user).isBlocked = true
    },
    revokeTokens: () => tokens.revokeAll(),
    async close() {
      merchant?.close()
      await door.close()
    },
  }
}
