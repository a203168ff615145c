/** The real server with the real simulator, on free ports and a data folder of its own, for one test file. */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { openSimulator, type Simulator } from '@sampan/simulator'
import { readConfig, type SettingName } from '../../src/config.ts'
import { openLog } from '../../src/log.ts'
import type { ServedProject } from '../../src/open-resources.ts'
import { type RunningServer, startServer } from '../../src/start-server.ts'

export type TestServer = {
  readonly url: string
  readonly server: RunningServer
  readonly simulator: Simulator
  readonly dataDir: string
  /** Acts as the owner. */
  readonly localToken: string
  /** Everything that was logged, as JSON lines. */
  readonly logLines: string[]
  /** Logs this user in. */
  logIn(user: string): Promise<{ token: string; openId: string }>
  /** POST of JSON; `token` undefined: as nobody. */
  post(path: string, body: unknown, token?: string, headers?: Record<string, string>): Promise<TestAnswer>
  get(path: string, token?: string): Promise<TestAnswer>
  close(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export type TestAnswer = { status: number; headers: Headers; text: string; body: any }

/** A JSON answer of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export const jsonOf = async (response: Response): Promise<any> => response.json()

type Options = {
  readonly settings?: Partial<Record<SettingName, string>>
  readonly project?: Partial<ServedProject>
  readonly now?: () => number
}

const APP_ID = 'wx0123456789abcdef'
const SECRET = 'secret-of-the-simulated-account'
export const LOCAL_TOKEN = 'local-token-of-the-test-0123456789'

export async function startTestServer({ settings = {}, project = {}, now }: Options = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'sampan-test-'))
  const simulator = await openSimulator({ appId: APP_ID, secret: SECRET, ...(now && { now }) })
  const logLines: string[] = []
  const log = openLog({ level: 'debug', destination: { write: (line) => void logLines.push(line) }, isPretty: false })
  const server = await startServer({
    config: readConfig({
      PORT: '0',
      DATA_DIR: dataDir,
      WECHAT_APP_ID: APP_ID,
      WECHAT_SECRET: SECRET,
      WECHAT_BASE_URL: simulator.url,
      ...settings,
    }),
    log,
    localToken: LOCAL_TOKEN,
    environment: process.env,
    project: { functionsRoot: undefined, collections: [], seed: {}, rooms: [], isWatched: false, ...project },
    ...(now && { now }),
  })
  const { url } = server

  const send = async (method: string, path: string, init: RequestInit, token?: string): Promise<TestAnswer> => {
    const headers = { ...(init.headers as Record<string, string>), ...(token && { authorization: `Bearer ${token}` }) }
    const response = await fetch(url + path, { method, ...init, headers })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
  }
  const post: TestServer['post'] = (path, body, token, headers) =>
    send(
      'POST',
      path,
      { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) },
      token,
    )

  return {
    url,
    server,
    simulator,
    dataDir,
    localToken: LOCAL_TOKEN,
    logLines,
    post,
    get: (path, token) => send('GET', path, {}, token),
    async logIn(user) {
      const { body } = await post('/v1/login', { code: simulator.loginCode(user) })
      return body
    },
    async close() {
      await server.close()
      await simulator.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
