/** A server with nothing but the console, on a real database in a temporary folder. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { openSqlite } from '../../src/database/sqlite/open-sqlite.ts'
import { createAdministrators, createSetupLink } from '../../src/features/console/administrators.ts'
import { createPasswordHasher } from '../../src/features/console/console-password.ts'
import { type ConsoleNeeds, consoleRoutes } from '../../src/features/console/console-routes.ts'
import { createSignInLimit } from '../../src/features/console/sign-in-limit.ts'
import { openWatch } from '../../src/features/monitor/watch.ts'
import { openHttp } from '../../src/http/open-http.ts'

const MIGRATIONS = path.resolve(import.meta.dirname, '../../migrations')
const DIST = path.resolve(import.meta.dirname, '../../../console/dist')
/** A cheap cost, so that tests about sign-in take milliseconds. */
const TEST_COST = 2 ** 10

export const PASSWORD = 'correct horse battery'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
export type Answer = { status: number; body: Record<string, unknown>; headers: Headers }
export type Browser = {
  call(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

export async function startConsole(t: TestContext, extra: Partial<ConsoleNeeds> = {}, now: () => number = Date.now) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-console-'))
  const log = pino({ level: 'silent' })
  const database = await openSqlite({ file: path.join(dir, 'app.db'), timeoutMs: 2_000, readerThreads: 1, log })
  const sql = await readFile(path.join(MIGRATIONS, '0002-console.sql'), 'utf8')
  for (const statement of sql.replace(/^--.*$/gm, '').split(';')) if (statement.trim()) await database.define(statement)

  const administrators = createAdministrators({
    database,
    passwords: createPasswordHasher(TEST_COST),
    limit: createSignInLimit(now),
    now,
  })
  const watch = openWatch({ dataDir: dir, capacityFiles: [], serverName: () => 'test', log, now, sampleEveryMs: 0 })
  const needs: ConsoleNeeds = {
    database,
    administrators,
    watch,
    staticDir: DIST,
    version: '0.0.0',
    now,
    ...extra,
  }
  const app = openHttp({ bodyLimitBytes: 1024 * 1024, requestDeadlineMs: 10_000 }, log)
  watch.monitor.observe(app)
  await app.register(consoleRoutes(needs), { prefix: '/console' })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  t.after(async () => {
    await app.close()
    await watch.close()
    await database.close()
    await rm(dir, { recursive: true, force: true })
  })
  return {
    app,
    url,
    database,
    administrators,
    watch,
    setupLink: () => createSetupLink(administrators),
    dir,
  }
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
