/** Every route of the console's API against everybody who is not allowed to call it, over real HTTP. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fastify from 'fastify'
import { consoleRoutes } from '../../src/features/console/console-routes.ts'
import { errorCode, invitePerson, openBrowser, setUpOwner, startConsole } from './start-console.ts'

type Route = { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; path: string; role: string }
const RANK: Record<string, number> = { nobody: -1, viewer: 0, developer: 1, owner: 2 }
const API = '/console/api'

/** What changes something and yet needs no account, or only a viewer's: each has its reason. */
const WEAK_CHANGES = [
  'POST /setup', // opens with the one-time token
  'POST /session', // signing in
  'DELETE /session', // signing out
  'POST /session/password', // one's own, with the old one
  // Reads whose question does not fit into an address; what `may` tries is taken back.
  'POST /data/:name/explain',
  'POST /data/:name/find',
  'POST /data/:name/may',
  'POST /files/link',
]

/** What viewers may not even look at: settings and source may hold secrets, the rest is about colleagues. */
const GUARDED_READS = [
  'GET /administrators: owner',
  'GET /audit: developer',
  'GET /data/:name/export: developer',
  'GET /functions/:name/source: developer',
  'GET /keys: owner',
  'GET /settings: developer',
  'GET /users/:openId/data: developer',
]

async function routesOf(server: Awaited<ReturnType<typeof startConsole>>): Promise<Route[]> {
  const app = fastify()
  const routes: Route[] = []
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of [method].flat()) {
      if (!url.startsWith(API) || url.endsWith('*') || one === 'HEAD') continue
      routes.push({
        method: one as Route['method'], // safe: the API has no others
        path: url.slice(API.length),
        role: (config as { role?: string } | undefined)?.role ?? 'developer', // safe: the console's own type
      })
    }
  })
  app.decorateRequest('trace')
  await app.register(consoleRoutes({ ...server, version: '0', staticDir: '/nowhere' }), { prefix: '/console' })
  await app.ready()
  await app.close()
  return routes
}

const fill = (path: string) => path.replace(/:\w+/g, 'x')

it('lets nobody call a route that is above the role, and names no weak change that was not meant', async (t) => {
  const server = await startConsole(t)
  const owner = await setUpOwner(server)
  const routes = await routesOf(server)
  assert.ok(routes.length > 45, `${routes.length} routes`)

  const weak = routes.filter(({ method, role }) => method !== 'GET' && (RANK[role] ?? 0) < 1)
  assert.deepEqual(weak.map(({ method, path }) => `${method} ${path}`).sort(), WEAK_CHANGES.toSorted())

  const guarded = routes.filter(({ method, role }) => method === 'GET' && (RANK[role] ?? 0) > 0)
  assert.deepEqual(
    guarded.map(({ method, path, role }) => `${method} ${path}: ${role}`).sort(),
    GUARDED_READS.toSorted(),
  )

  const callers = [
    { name: 'stranger', rank: -1, browser: openBrowser(server.url), code: 'sign_in_required' },
    { name: 'viewer', rank: 0, browser: await invitePerson(server.url, owner, 'viewer', 'Vi'), code: 'forbidden' },
    {
      name: 'developer',
      rank: 1,
      browser: await invitePerson(server.url, owner, 'developer', 'De'),
      code: 'forbidden',
    },
  ]
  for (const { method, path, role } of routes) {
    for (const { name, browser, code } of callers.filter((caller) => caller.rank < (RANK[role] ?? 2))) {
      const answer = await browser.call(method, fill(path), method === 'GET' ? undefined : {})
      assert.equal(errorCode(answer), code, `${name}: ${method} ${path} (${role})`)
    }
  }
})

it('takes no change without the header of the console, whoever sends it', async (t) => {
  const server = await startConsole(t)
  const owner = await setUpOwner(server)
  for (const { method, path } of (await routesOf(server)).filter(({ method: one }) => one !== 'GET')) {
    const answer = await owner.call(method, fill(path), {}, { origin: 'https://evil.example' })
    assert.equal(errorCode(answer), 'cross_site_refused', `${method} ${path}`)
  }
})
