/** The whole server with its console, on a real database in a temporary folder; only passwords cost less. */
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createAdministrators, createSetupLink } from '../../src/features/console/administrators.ts'
import { createPasswordHasher } from '../../src/features/console/console-password.ts'
import { createSignInLimit } from '../../src/features/console/sign-in-limit.ts'
import type { DeclaredAlarms } from '../../src/features/monitor/alarm-settings.ts'
import { openResources } from '../../src/open-resources.ts'

const FUNCTIONS = path.resolve(import.meta.dirname, 'cloudfunctions')
const NODE_MODULES = path.resolve(import.meta.dirname, '../../../node_modules')
/** A cheap cost, so that tests about sign-in take milliseconds. */
const TEST_COST = 2 ** 10

export const LOCAL_TOKEN = 'the-token-of-the-command-line'
export const PASSWORD = 'correct horse battery'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
export type Answer = { status: number; body: Record<string, unknown>; headers: Headers }
export type Browser = {
  call(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** A GET whose answer is not JSON. */
  text(path: string): Promise<string>
}

export async function startConsole(
  t: TestContext,
  now: () => number = Date.now,
  settings: Readonly<Record<string, string>> = {},
  alarms?: DeclaredAlarms,
) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-console-'))
  await cp(FUNCTIONS, path.join(dir, 'cloudfunctions'), { recursive: true })
  await symlink(NODE_MODULES, path.join(dir, 'node_modules'))
  let url = ''
  const resources = await openResources({
    config: readConfig({
      DATA_DIR: path.join(dir, 'data'),
      WECHAT_APP_ID: 'wx0123456789abcdef',
      WECHAT_SECRET: 'a-secret-that-must-not-be-shown',
      FUNCTION_WORKERS: '1',
      ...settings,
    }),
    project: {
      functionsRoot: path.join(dir, 'cloudfunctions'),
      collections: [],
      seed: {},
      rooms: [],
      alarms,
      isWatched: false,
    },
    log: pino({ level: 'silent' }),
    localToken: LOCAL_TOKEN,
    environment: { PATH: process.env['PATH'] },
    publicUrl: () => url,
    localUrl: () => url,
    isStopping: () => false,
    now,
    version: '0.0.0',
  })
  const administrators = createAdministrators({
    database: resources.database,
    passwords: createPasswordHasher(TEST_COST),
    limit: createSignInLimit(now),
    now,
  })
  const app = await createApp({ ...resources, administrators }, '0.0.0')
  url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(async () => {
    await app.close()
    await resources.close()
    await rm(dir, { recursive: true, force: true })
  })
  return { ...resources, app, url, dir, administrators, setupLink: () => createSetupLink(administrators) }
}

/** Remembers the cookie, as a browser does. */
export function openBrowser(url: string): Browser {
  let cookie = ''
  return {
    async call(method, where, body, headers = {}) {
      const response = await fetch(`${url}/console/api${where}`, {
        method,
        headers: {
          'x-sampan-console': '1',
          ...(cookie && { cookie }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const set = response.headers.get('set-cookie')
      if (set) cookie = set.split(';')[0] ?? ''
      const text = await response.text()
      return { status: response.status, body: text ? JSON.parse(text) : {}, headers: response.headers }
    },
    text: async (where) => (await fetch(`${url}/console/api${where}`, { headers: { cookie } })).text(),
  }
}

/** Opens the set-up link as its owner would; answers the signed-in browser. */
export async function setUpOwner(console: Awaited<ReturnType<typeof startConsole>>) {
  const link = (await console.setupLink()) ?? ''
  const owner = openBrowser(console.url)
  const token = link.split('token=')[1]
  await owner.call('POST', '/setup', { token, name: 'Lin', password: PASSWORD })
  return owner
}

/** Somebody the owner invited. */
export async function invitePerson(url: string, owner: Browser, role: string, name: string) {
  const { body } = await owner.call('POST', '/administrators/invites', { role })
  const person = openBrowser(url)
  const token = String(body['path']).split('token=')[1]
  await person.call('POST', '/setup', { token, name, password: PASSWORD })
  return person
}

export const errorCode = (answer: Answer) => (answer.body['error'] as { code?: string } | undefined)?.code
