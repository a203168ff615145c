/** WeChat: reachable, clock, AppID and secret, with the official codes in plain words. */
import { both, type Finding } from './finding.ts'

export type WeChatFacts = {
  readonly baseUrl: string
  readonly appId: string
  readonly secret: string
  readonly nowMs: () => number
}

const TIMEOUT_MS = 5_000
const SKEW_WARN_MS = 10_000
const SKEW_BAD_MS = 60_000

// biome-ignore format: a table keeps its columns
const EXPLAINED: Record<number, { en: string; zh: string; fix: string }> = {
  40013: { en: 'The AppID is wrong.', zh: 'AppID 错误。', fix: 'compare WECHAT_APP_ID with mp.weixin.qq.com → 开发管理' },
  40125: { en: 'The secret is wrong.', zh: 'AppSecret 错误。', fix: 'reset it at mp.weixin.qq.com → 开发管理, then set WECHAT_SECRET' },
  41004: { en: 'The secret is missing.', zh: '缺少 AppSecret。', fix: 'set WECHAT_SECRET' },
  40164: { en: 'This machine is not on the IP allow-list.', zh: '本机 IP 不在白名单中。', fix: 'add the address in errmsg at mp.weixin.qq.com → 开发管理 → IP 白名单' },
  40243: { en: 'The secret is frozen.', zh: 'AppSecret 已被冻结。', fix: 'unfreeze it at mp.weixin.qq.com → 开发管理' },
  50004: { en: 'This account may not use the API.', zh: '该账号被禁止使用接口。', fix: 'see the notices at mp.weixin.qq.com' },
  45009: { en: 'The daily quota of this API is used.', zh: '该接口当日调用次数已用尽。', fix: 'wait until midnight, or clear_quota' },
}

export async function checkWeChat(facts: WeChatFacts): Promise<Finding[]> {
  const shape = shapeFindings(facts)
  const response = await fetch(`${facts.baseUrl}/cgi-bin/stable_token`, {
    method: 'POST',
    // Not forced: WeChat answers the token that is in use, so nothing that runs is disturbed.
    body: JSON.stringify({ grant_type: 'client_credential', appid: facts.appId, secret: facts.secret }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => undefined)
  if (!response) {
    const host = URL.parse(facts.baseUrl)?.host ?? facts.baseUrl
    const unreachable: Finding = {
      id: 'wechat-reachable',
      level: 'bad',
      title: both('WeChat’s servers cannot be reached', '无法访问微信服务器'),
      fix: `curl -sv https://${host}/ -o /dev/null`,
    }
    return [...shape, unreachable]
  }
  const reachable: Finding = {
    id: 'wechat-reachable',
    level: 'good',
    title: both('WeChat’s servers answer', '可访问微信服务器'),
  }
  return [...shape, reachable, clockFinding(response, facts.nowMs()), await tokenFinding(response, facts)]
}

function shapeFindings({ appId, secret }: WeChatFacts): Finding[] {
  const isAppId = /^wx[0-9a-f]{16}$/.test(appId)
  return [
    {
      id: 'appid',
      level: isAppId ? 'good' : 'bad',
      title: isAppId
        ? both('AppID has the right shape', 'AppID 格式正确')
        : both('AppID is missing or misshapen', 'AppID 缺失或格式不正确'),
      ...(!isAppId && { fix: 'set WECHAT_APP_ID=wx… (18 characters)' }),
    },
    ...(secret
      ? []
      : [
          {
            id: 'secret',
            level: 'bad' as const,
            title: both('AppSecret is missing', '缺少 AppSecret'),
            fix: 'set WECHAT_SECRET',
          },
        ]),
  ]
}

/** WeChat's own clock says whether ours is right: signatures and tokens depend on it. */
function clockFinding(response: Response, nowMs: number): Finding {
  const theirs = Date.parse(response.headers.get('date') ?? '')
  const skewMs = Math.abs(nowMs - theirs)
  if (Number.isNaN(theirs))
    return { id: 'clock', level: 'unknown', title: both('Clock not compared', '未校对时钟'), fix: 'timedatectl status' }
  const seconds = Math.round(skewMs / 1000)
  return {
    id: 'clock',
    level: skewMs > SKEW_BAD_MS ? 'bad' : skewMs > SKEW_WARN_MS ? 'warn' : 'good',
    title: both(`Clock differs by ${seconds} s from WeChat’s`, `与微信服务器时钟相差 ${seconds} 秒`),
    ...(skewMs > SKEW_WARN_MS && { fix: 'timedatectl set-ntp true && systemctl restart systemd-timesyncd' }),
  }
}

async function tokenFinding(response: Response, { appId }: WeChatFacts): Promise<Finding> {
  const body: unknown = await response.json().catch(() => undefined)
  const answer = (typeof body === 'object' && body !== null ? body : {}) as {
    errcode?: number
    errmsg?: string
    access_token?: string
  } // safe: fields are checked below
  if (typeof answer.access_token === 'string') {
    return {
      id: 'wechat-token',
      level: 'good',
      title: both(`${appId} and its secret are accepted`, `${appId} 与 AppSecret 有效`),
    }
  }
  const known = EXPLAINED[Number(answer.errcode)]
  const code = `errcode ${answer.errcode ?? '?'}`
  return {
    id: 'wechat-token',
    level: 'bad',
    title: both(`WeChat refuses AppID and secret (${code})`, `微信拒绝了 AppID 与 AppSecret（${code}）`),
    detail: known ? both(known.en, known.zh) : both(String(answer.errmsg ?? ''), String(answer.errmsg ?? '')),
    fix: known?.fix ?? 'look the code up: https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/',
  }
}
