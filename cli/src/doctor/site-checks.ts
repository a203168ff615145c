/** The public address as phones see it: DNS, ports, certificate chain, TLS 1.2, redirect, and whether it answers. */
import { lookup } from 'node:dns/promises'
import net from 'node:net'
import tls from 'node:tls'
import { both, type Finding } from './finding.ts'

export type SiteFacts = {
  readonly host: string
  /** 443 and 80 unless a test serves elsewhere. */
  readonly httpsPort: number
  readonly httpPort: number
  /** Certificates that a test trusts beside the system's. */
  readonly ca?: string
  /** Whether WeChat Pay reports to this host. */
  readonly hasMerchant?: boolean
  readonly nowMs: number
}

const TIMEOUT_MS = 5_000
const DAY_MS = 24 * 3_600_000
const EXPIRY_WARN_DAYS = 20
const EXPIRY_BAD_DAYS = 7

/** What Node says about a chain, and what it means for a phone. */
const CHAIN_PROBLEMS: Record<string, ReturnType<typeof both>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: both(
    'The server sends its own certificate without the one in between. iPhones may cope, Androids and WeChat do not.',
    '服务器未发送中间证书：部分 iPhone 可用，但安卓和微信会失败。',
  ),
  CERT_HAS_EXPIRED: both('The certificate has expired.', '证书已过期。'),
  ERR_TLS_CERT_ALTNAME_INVALID: both('The certificate is for another name.', '证书域名不匹配。'),
  DEPTH_ZERO_SELF_SIGNED_CERT: both('The certificate is self-signed. WeChat refuses it.', '自签名证书，微信不接受。'),
  SELF_SIGNED_CERT_IN_CHAIN: both('The chain ends in a private authority.', '证书链的根不受信任。'),
}

export async function checkSite(facts: SiteFacts): Promise<Finding[]> {
  const address = await lookup(facts.host).catch(() => undefined)
  const dns: Finding = address
    ? {
        id: 'dns',
        level: 'good',
        title: both(`${facts.host} is ${address.address}`, `${facts.host} 解析到 ${address.address}`),
      }
    : {
        id: 'dns',
        level: 'bad',
        title: both(`${facts.host} has no address`, `${facts.host} 无法解析`),
        fix: `dig +short ${facts.host}`,
      }
  if (!address) return [dns]
  if (net.isIP(facts.host)) return [dns, BARE_ADDRESS]
  const [https, http] = await Promise.all([isOpen(facts.host, facts.httpsPort), isOpen(facts.host, facts.httpPort)])
  return [
    dns,
    checkPort('https', facts.httpsPort, https),
    ...(https ? [...(await checkTls(facts)), await checkAnswer(facts), ...(await checkCallback(facts))] : []),
    http ? await checkRedirect(facts) : checkPort('http', facts.httpPort, false),
    {
      id: 'icp',
      level: 'unknown',
      title: both(
        'ICP filing and WeChat’s domain list cannot be seen from here',
        'ICP 备案与微信域名白名单无法从此处查看',
      ),
      detail: both(
        `Mainland servers need the filing; add https://${facts.host} under 开发管理 → 服务器域名 at mp.weixin.qq.com.`,
        `境内服务器须备案；并在 mp.weixin.qq.com 的 开发管理 → 服务器域名 中添加 https://${facts.host}。`,
      ),
      fix: 'https://mp.weixin.qq.com → 开发管理 → 服务器域名; https://beian.miit.gov.cn',
    },
  ]
}

const BARE_ADDRESS: Finding = {
  id: 'domain',
  level: 'bad',
  title: both('WeChat accepts names, not addresses', '微信只接受域名，不接受 IP'),
  fix: 'register a domain, point it here, then: sampan doctor --host api.example.com',
}

const checkPort = (id: string, port: number, open: boolean): Finding => ({
  id: `port-${id}`,
  level: open ? 'good' : 'bad',
  title: open
    ? both(`Port ${port} is open`, `端口 ${port} 可访问`)
    : both(`Port ${port} is closed`, `端口 ${port} 无法访问`),
  ...(!open && {
    detail: both('Open it in the vendor’s firewall and on the machine.', '请在云控制台防火墙与本机防火墙中放行。'),
    fix: `ufw allow ${port}/tcp   # and the firewall page of the light server`,
  }),
})

async function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: TIMEOUT_MS })
    const end = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}

type Handshake = { readonly certificate?: tls.PeerCertificate; readonly kind?: string; readonly problem?: string }

async function shake(facts: SiteFacts, options: tls.ConnectionOptions): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: facts.host,
      port: facts.httpsPort,
      timeout: TIMEOUT_MS,
      ...(net.isIP(facts.host) === 0 && { servername: facts.host }),
      ...(facts.ca && { ca: facts.ca }),
      ...options,
    })
    const end = (result: Handshake) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate()
      end({ certificate, kind: socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType ?? '' })
    })
    socket.once('timeout', () => end({ problem: 'timeout' }))
    socket.once('error', (error: NodeJS.ErrnoException) => end({ problem: error.code ?? error.message }))
  })
}

async function checkTls(facts: SiteFacts): Promise<Finding[]> {
  const strict = await shake(facts, { rejectUnauthorized: true })
  const seen = strict.certificate ? strict : await shake(facts, { rejectUnauthorized: false })
  const old = await shake(facts, { rejectUnauthorized: false, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
  return [chainFinding(strict.problem), ...certificateFindings(seen, facts.nowMs), tls12Finding(old.problem)]
}

const chainFinding = (problem: string | undefined): Finding => ({
  id: 'tls-chain',
  level: problem ? 'bad' : 'good',
  title: problem
    ? both('Phones refuse the certificate', '手机会拒绝该证书')
    : both('Certificate chain is complete', '证书链完整'),
  ...(problem && {
    detail: CHAIN_PROBLEMS[problem] ?? both(problem, problem),
    fix: 'ssl_certificate must name fullchain.pem, not cert.pem; then: nginx -t && systemctl reload nginx',
  }),
})

function certificateFindings({ certificate, kind }: Handshake, nowMs: number): Finding[] {
  if (!certificate?.valid_to) return []
  const days = Math.floor((Date.parse(certificate.valid_to) - nowMs) / DAY_MS)
  return [
    {
      id: 'tls-expiry',
      level: days < EXPIRY_BAD_DAYS ? 'bad' : days < EXPIRY_WARN_DAYS ? 'warn' : 'good',
      title: both(`Certificate is valid for ${days} more days`, `证书还有 ${days} 天到期`),
      ...(days < EXPIRY_WARN_DAYS && { fix: 'systemctl list-timers | grep -i -E "acme|certbot|lego"' }),
    },
    {
      id: 'tls-key',
      level: kind === 'rsa' ? 'good' : 'warn',
      title: both(`Certificate key: ${kind}`, `证书密钥类型：${kind}`),
      ...(kind !== 'rsa' && {
        detail: both('Old Androids only know RSA.', '旧安卓仅支持 RSA。'),
        fix: 'issue the certificate with --key-type rsa2048',
      }),
    },
  ]
}

const tls12Finding = (problem: string | undefined): Finding => ({
  id: 'tls-1.2',
  level: problem ? 'bad' : 'good',
  title: problem ? both('TLS 1.2 is refused', '不支持 TLS 1.2') : both('TLS 1.2 works', '支持 TLS 1.2'),
  ...(problem && { fix: 'ssl_protocols TLSv1.2 TLSv1.3;' }),
})

async function checkRedirect({ host, httpPort }: SiteFacts): Promise<Finding> {
  const response = await fetch(`http://${host}:${httpPort}/`, {
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => undefined)
  const isRedirected = response?.headers.get('location')?.startsWith('https://') ?? false
  return {
    id: 'redirect',
    level: isRedirected ? 'good' : 'warn',
    title: isRedirected
      ? both('HTTP leads to HTTPS', 'HTTP 已跳转 HTTPS')
      : both('HTTP does not lead to HTTPS', 'HTTP 未跳转 HTTPS'),
    ...(!isRedirected && { fix: 'return 301 https://$host$request_uri;' }),
  }
}

async function checkAnswer({ host, httpsPort, ca }: SiteFacts): Promise<Finding> {
  if (ca) return { id: 'answer', level: 'unknown', title: both('Not asked', '未检查') }
  const response = await fetch(`https://${host}:${httpsPort}/livez`, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
    () => undefined,
  )
  const isSampan = response?.ok === true
  return {
    id: 'answer',
    level: isSampan ? 'good' : 'bad',
    title: isSampan
      ? both('The server answers from outside: callbacks arrive', '外网可访问：微信回调可达')
      : both(
          `/livez answers ${response?.status ?? 'nothing'} from outside`,
          `外网访问 /livez 返回 ${response?.status ?? '无响应'}`,
        ),
    ...(!isSampan && { fix: 'journalctl -u sampan -n 50; nginx -T | grep proxy_pass' }),
  }
}

/** WeChat Pay posts there. Without a signature our refusal proves that the way is open; anything else stands in it. */
async function checkCallback({ host, httpsPort, ca, hasMerchant }: SiteFacts): Promise<Finding[]> {
  if (ca || !hasMerchant) return []
  const response = await fetch(`https://${host}:${httpsPort}/v1/payments/notify`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => undefined)
  const body = await response?.text().catch(() => '')
  const isReached = body?.includes('signature_invalid') ?? false
  return [
    {
      id: 'callback',
      level: isReached ? 'good' : 'bad',
      title: isReached
        ? both('WeChat Pay’s notices arrive', '微信支付通知可达')
        : both(
            `WeChat Pay’s notices get ${response?.status ?? 'no answer'}`,
            `微信支付通知得到 ${response?.status ?? '无响应'}`,
          ),
      ...(!isReached && { fix: 'nginx -T | grep -A3 "location /v1"; allow POST without redirect or log-in page' }),
    },
  ]
}
