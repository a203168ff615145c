import path from 'node:path'
import { ConfigError, readConfig } from '@sampan/server/config'
import type { Command, Output } from '../command.ts'
import { both, type Finding, MARKS } from '../doctor/finding.ts'
import { checkMachine } from '../doctor/machine-checks.ts'
import { checkPay } from '../doctor/pay-checks.ts'
import { type Collection, checkRunning, checkSecrets } from '../doctor/project-checks.ts'
import { checkSite } from '../doctor/site-checks.ts'
import { checkWeChat } from '../doctor/wechat-checks.ts'
import { loadProject, type Project } from '../project/load-project.ts'
import { askConsole } from '../serve/ask-console.ts'
import { findServer } from '../serve/local-server.ts'

const HTTPS_PORT = 443
const HTTP_PORT = 80
const SIMULATED: Finding = {
  id: 'wechat-simulated',
  level: 'unknown',
  title: both(
    'The running server simulates WeChat: AppID and secret were not checked',
    '运行中的服务器使用微信模拟器：未检查 AppID 与 AppSecret',
  ),
  fix: 'set WECHAT_APP_ID and WECHAT_SECRET before sampan start',
}

const NO_DOMAIN: Finding = {
  id: 'domain',
  level: 'unknown',
  title: both(
    'No public domain was named, so DNS, TLS and ports were not checked',
    '未指定域名，未检查 DNS、证书与端口',
  ),
  fix: 'sampan doctor --host api.example.com, or set PUBLIC_URL',
}

export const doctor: Command = {
  name: 'doctor',
  summary: {
    en: 'Check machine, WeChat, domain and data, with the command that mends each',
    zh: '体检：机器、微信、域名与数据，并给出修复命令',
  },
  usage: 'sampan doctor [options]',
  examples: ['sampan doctor', 'sampan doctor --host api.example.com', 'sampan doctor --json'],
  options: {
    host: {
      type: 'string',
      value: 'NAME',
      about: { en: 'The public domain: checked as a phone sees it', zh: '对外域名：按手机的视角检查' },
    },
    data: { type: 'string', value: 'DIR', about: { en: 'Folder of the data', zh: '数据目录' } },
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录（默认当前目录）' },
    },
  },
  async run({ options }, output, { env }) {
    const root = path.resolve(String(options['project'] ?? '.'))
    const project = await loadProject(root).catch(() => undefined)
    const host = typeof options['host'] === 'string' ? options['host'] : undefined
    const findings = await examine({ root, project, env, host, data: options['data'] })
    output.result(output.json ? JSON.stringify({ findings }) : render(findings, output))
    return findings.some(({ level }) => level === 'bad') ? 1 : 0
  },
}

type Patient = {
  readonly root: string
  readonly project: Project | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly host: string | undefined
  readonly data: unknown
}

async function examine({ root, project, env, host, data }: Patient): Promise<Finding[]> {
  const dataDir = typeof data === 'string' ? path.resolve(data) : path.join(root, '.sampan', 'data')
  const given = { DATA_DIR: dataDir, ...project?.settings, ...definedOnly(env) }
  const { config, problems } = read({ ...(project?.appId && { WECHAT_APP_ID: project.appId }), ...given })
  const machine = await checkMachine({
    nodeVersion: process.versions.node,
    dataDir: config.DATA_DIR,
    functionWorkers: config.FUNCTION_WORKERS || 1,
    functionMemoryMb: config.FUNCTION_MEMORY_MB,
    procDir: '/proc',
    rootDir: '/',
    nowMs: Date.now(),
  })
  const running = await askRunning(root)
  const [wechat, site] = await Promise.all([
    running.isSimulated && !config.WECHAT_SECRET
      ? [SIMULATED]
      : checkWeChat({
          baseUrl: config.WECHAT_BASE_URL,
          appId: config.WECHAT_APP_ID,
          secret: config.WECHAT_SECRET,
          nowMs: Date.now,
        }),
    checkDomain({ host, publicUrl: config.PUBLIC_URL, hasMerchant: config.WECHAT_PAY_MCH_ID !== '' }),
  ])
  // The simulator's merchant is made up at each start.
  const pay = running.isSimulated
    ? []
    : await checkPay({
        mchId: config.WECHAT_PAY_MCH_ID,
        privateKey: config.WECHAT_PAY_PRIVATE_KEY,
        serial: config.WECHAT_PAY_SERIAL,
        apiV3Key: config.WECHAT_PAY_API_V3_KEY,
        publicKeyId: config.WECHAT_PAY_PUBLIC_KEY_ID,
        publicKey: config.WECHAT_PAY_PUBLIC_KEY,
        certificates: config.WECHAT_PAY_CERTIFICATES,
        publicUrl: config.PUBLIC_URL,
      })
  const secrets = await checkSecrets({ secretKey: config.SECRET_KEY, dataDir: config.DATA_DIR })
  return [...problems, ...machine, ...secrets, ...wechat, ...pay, ...site, ...running.findings]
}

type Domain = { readonly host: string | undefined; readonly publicUrl: string; readonly hasMerchant: boolean }

/** The named host, or the one of PUBLIC_URL; without both there is no domain yet. */
async function checkDomain({ host, publicUrl, hasMerchant }: Domain): Promise<Finding[]> {
  const url = URL.parse(publicUrl)
  const name = host ?? (url?.protocol === 'https:' ? url.hostname : undefined)
  if (!name) return [NO_DOMAIN]
  return checkSite({ host: name, httpsPort: HTTPS_PORT, httpPort: HTTP_PORT, nowMs: Date.now(), hasMerchant })
}

/** Configuration with problems is examined with what is right of it. */
function read(env: Record<string, string | undefined>) {
  try {
    return { config: readConfig(env), problems: [] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.problems.map(
      (problem): Finding => ({
        id: 'config',
        level: 'bad',
        title: both(problem, problem),
        fix: 'docs/config.md lists every setting',
      }),
    )
    return { config: readConfig({ DATA_DIR: env['DATA_DIR'] }), problems }
  }
}

async function askRunning(root: string): Promise<{ findings: Finding[]; isSimulated: boolean }> {
  try {
    const server = await findServer(root)
    const [data, alarms, { settings }] = await Promise.all([
      askConsole<{ collections: Collection[] }>(server, 'GET', '/data'),
      askConsole<{ channels: unknown[]; heartbeat: boolean }>(server, 'GET', '/alarms'),
      askConsole<{ settings: { name: string; value: string }[] }>(server, 'GET', '/settings'),
    ])
    const facts = {
      collections: data.collections,
      alarmChannels: alarms.channels.length,
      hasHeartbeat: alarms.heartbeat,
    }
    const baseUrl = settings.find(({ name }) => name === 'WECHAT_BASE_URL')?.value ?? ''
    const title = both(`The server answers at ${server.url}`, `服务器运行于 ${server.url}`)
    return {
      findings: [{ id: 'server', level: 'good', title }, ...checkRunning(facts)],
      isSimulated: baseUrl.startsWith('http://127.0.0.1:'),
    }
  } catch {
    const title = both(
      'No server runs here, so collections and alarms were not looked at',
      '本机没有运行中的服务器，未检查集合与告警',
    )
    const fix = 'sampan dev, or: systemctl status sampan'
    return { findings: [{ id: 'server', level: 'unknown', title, fix }], isSimulated: false }
  }
}

function render(findings: readonly Finding[], { lang }: Output): string {
  const lines = findings.map(({ level, title, detail, fix }) =>
    [
      `${MARKS[level]} ${title[lang]}`,
      ...(detail && level !== 'good' ? [`   ${detail[lang]}`] : []),
      ...(fix ? [`   → ${fix}`] : []),
    ].join('\n'),
  )
  const count = (level: string) => findings.filter((finding) => finding.level === level).length
  const sum = `🟢 ${count('good')}  🟡 ${count('warn')}  🔴 ${count('bad')}  ⚪ ${count('unknown')}`
  return [...lines, '', sum].join('\n')
}

const definedOnly = (env: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value))
