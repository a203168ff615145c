/** Runs the server for a project until it is asked to stop: what `dev` and `start` share. */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { ConfigError, readConfig, SETTINGS, type SettingName } from '@sampan/server/config'
import { createSetupLink } from '@sampan/server/features/console/administrators'
import { openLog, openLogDestination } from '@sampan/server/log'
import { PortTakenError, type RunningServer, startServer, VERSION } from '@sampan/server/start-server'
import { openSimulator, type Simulator } from '@sampan/simulator'
import { type CommandContext, CommandError, type Output } from '../command.ts'
import type { Project } from '../project/load-project.ts'
import { renderBanner } from './banner.ts'
import { announceServer, withdrawServer } from './local-server.ts'

export type ServeOptions = {
  readonly project: Project
  /** Settings that win over the environment: from the command's options. */
  readonly overrides: Partial<Record<SettingName, string>>
  readonly usesSimulator: boolean
  readonly isDev: boolean
  readonly dataDir: string
}

/** An AppID of the right shape for projects that have none yet. */
const SIMULATED_APP_ID = 'wx5a3f0d9c1b7e4f28'
const SIMULATED_SECRET = 'simulated-secret-of-the-simulator'
/** Who logs in with a code that the simulator did not issue, such as one that DevTools made. */
const GUEST = 'devtools'
const TOKEN_BYTES = 24
/** Nginx uses a kept connection at least this often under the load at which a lost request would matter. */
const LINGER_MS = 1_500

export async function serveProject(
  options: ServeOptions,
  output: Output,
  { env, stopped }: CommandContext,
): Promise<number> {
  const startedAtMs = performance.now()
  const simulator = options.usesSimulator ? await simulate(options.project) : undefined
  try {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const server = await open(options, { ...env, ...options.overrides, ...simulator?.settings }, token)
    await Promise.race([server.resources.functions.prepare(output.progress), stopped])
    const isAnnounced = await announceServer(options.project.root, { url: server.url, token, pid: process.pid })
    if (!isAnnounced)
      output.progress(`${options.project.root} is read-only: sampan call, key and status cannot find this server.`)
    const readyMs = Math.round(performance.now() - startedAtMs)
    const setupLink = await createSetupLink(server.resources.administrators)
    output.result(renderBanner({ server, setupLink, readyMs, version: VERSION, ...options }, output))

    await stopped
    output.progress(output.lang === 'zh' ? '正在完成未结束的请求……' : 'Finishing open requests…')
    await server.close()
    await withdrawServer(options.project.root, process.pid)
    return 0
  } finally {
    await simulator?.close()
  }
}

async function open(
  { project, isDev, dataDir }: ServeOptions,
  env: Record<string, string | undefined>,
  localToken: string,
): Promise<RunningServer> {
  const config = readConfig({
    ENV_ID: project.env,
    WECHAT_APP_ID: project.appId,
    DATA_DIR: dataDir,
    ...project.settings,
    ...dropEmpty(env),
  })
  if (!isDev) requireSecrets(config)
  const isPretty = Boolean(process.stderr.isTTY)
  const log = openLog({
    level: config.LOG_LEVEL,
    destination: isPretty ? process.stderr : openLogDestination(process.stderr.fd),
    isPretty,
  })
  try {
    return await startServer({
      config,
      log,
      localToken,
      lingerMs: isDev ? 0 : LINGER_MS,
      environment: env,
      project: {
        functionsRoot: project.functionsRoot,
        collections: project.collections,
        rooms: project.rooms,
        sales: project.sales,
        jobs: project.jobs,
        alarms: project.alarms,
        serverRoot: project.serverRoot,
        seed: isDev ? project.seed : {},
        isWatched: isDev,
      },
    })
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error
    const next = error.port + 1
    throw new CommandError(
      error.message,
      `Choose another: --port ${next}. What holds it: ss -ltnp 'sport = :${error.port}'`,
      { cause: error },
    )
  }
}

/** @throws {ConfigError} naming each secret that production needs */
function requireSecrets(config: Record<'SECRET_KEY' | 'WECHAT_APP_ID' | 'WECHAT_SECRET', string>) {
  const missing = (['SECRET_KEY', 'WECHAT_APP_ID', 'WECHAT_SECRET'] as const).filter((name) => !config[name])
  if (missing.length === 0) return
  const help = {
    SECRET_KEY: ' Make one: openssl rand -base64 32',
    WECHAT_APP_ID: '',
    WECHAT_SECRET: ' Or try without WeChat: --simulator',
  }
  throw new ConfigError(missing.map((name) => `${name} is missing. ${SETTINGS[name].about}${help[name]}`))
}

async function simulate(project: Project) {
  const appId = /^wx[0-9a-f]{16}$/.test(project.appId) ? project.appId : SIMULATED_APP_ID
  const simulator: Simulator = await openSimulator({
    appId,
    secret: SIMULATED_SECRET,
    guestUser: GUEST,
    merchant: { takesAnyPayer: true },
  })
  const merchant = simulator.pay.credentials()
  return {
    settings: {
      WECHAT_BASE_URL: simulator.url,
      WECHAT_APP_ID: appId,
      WECHAT_SECRET: SIMULATED_SECRET,
      WECHAT_PAY_BASE_URL: simulator.url,
      WECHAT_PAY_MCH_ID: merchant.mchId,
      WECHAT_PAY_API_V3_KEY: merchant.apiV3Key,
      WECHAT_PAY_SERIAL: merchant.merchantSerial,
      WECHAT_PAY_PRIVATE_KEY: merchant.merchantPrivateKeyPem,
      WECHAT_PAY_PUBLIC_KEY_ID: merchant.publicKeyId,
      WECHAT_PAY_PUBLIC_KEY: merchant.publicKeyPem,
    },
    close: () => simulator.close(),
  }
}

const dropEmpty = (env: Record<string, string | undefined>) =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value))

/** Where a project's data lies unless somebody says otherwise. */
export const defaultDataDir = (project: Project) => path.join(project.root, '.sampan', 'data')
