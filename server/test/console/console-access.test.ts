import assert from 'node:assert/strict'
import net from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, invitePerson, openBrowser, PASSWORD, setUpOwner, startConsole } from './start-console.ts'

describe('console: getting in', () => {
  it('makes the first owner from the set-up link, once', async (t) => {
    const console = await startConsole(t)
    const link = await console.setupLink()
    assert.match(String(link), /^\/console\/setup#token=[\w-]{43}$/)
    const token = link?.split('token=')[1]

    const browser = openBrowser(console.url)
    const first = await browser.call('POST', '/setup', { token, name: 'Lin', password: PASSWORD })
    assert.equal(first.status, 200)
    assert.equal(first.body['role'], 'owner')
    assert.equal((await browser.call('GET', '/session')).body['name'], 'Lin')

    const second = await openBrowser(console.url).call('POST', '/setup', { token, name: 'Eve', password: PASSWORD })
    assert.equal(errorCode(second), 'setup_link_invalid')
    assert.equal(await console.setupLink(), undefined)
  })

  it('makes one account when two people open one link at the same moment', async (t) => {
    const console = await startConsole(t)
    const token = (await console.setupLink())?.split('token=')[1]
    const answers = await Promise.all(
      ['Lin', 'Eve'].map((name) =>
        openBrowser(console.url).call('POST', '/setup', { token, name, password: PASSWORD }),
      ),
    )
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 403])
  })

  it('signs in with the password, refuses a wrong one, and ends the session on request', async (t) => {
    const console = await startConsole(t)
    await setUpOwner(console)
    const browser = openBrowser(console.url)
    assert.equal(
      errorCode(await browser.call('POST', '/session', { name: 'Lin', password: 'wrong' })),
      'sign_in_failed',
    )
    assert.equal(errorCode(await browser.call('POST', '/session', { name: 'Nobody', password: 'x' })), 'sign_in_failed')

    const answer = await browser.call('POST', '/session', { name: 'Lin', password: PASSWORD })
    assert.equal(answer.status, 200)
    const cookie = answer.headers.get('set-cookie') ?? ''
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/console']) assert.ok(cookie.includes(part), cookie)

    const copy = openBrowser(console.url)
    const headers = { cookie: cookie.split(';')[0] ?? '' }
    assert.equal((await copy.call('GET', '/session', undefined, headers)).status, 200)
    await browser.call('DELETE', '/session')
    assert.equal(errorCode(await copy.call('GET', '/session', undefined, headers)), 'sign_in_required')
  })

  it('marks the cookie Secure behind https', async (t) => {
    const console = await startConsole(t)
    await setUpOwner(console)
    const answer = await openBrowser(console.url).call(
      'POST',
      '/session',
      { name: 'Lin', password: PASSWORD },
      { 'x-forwarded-proto': 'https' },
    )
    assert.match(answer.headers.get('set-cookie') ?? '', /; Secure/)
  })

  it('stops guessing after five failures, and forgives after the window', async (t) => {
    let nowMs = Date.now()
    const console = await startConsole(t, () => nowMs)
    await setUpOwner(console)
    const thief = openBrowser(console.url)
    for (let guess = 0; guess < 5; guess += 1) {
      assert.equal((await thief.call('POST', '/session', { name: 'Lin', password: `guess ${guess}` })).status, 401)
    }
    const refused = await thief.call('POST', '/session', { name: 'Lin', password: PASSWORD })
    assert.equal(errorCode(refused), 'rate_limited')
    assert.ok(Number(refused.headers.get('retry-after')) > 0)

    nowMs += 15 * 60_000 + 1
    assert.equal((await thief.call('POST', '/session', { name: 'Lin', password: PASSWORD })).status, 200)
  })

  it('counts guesses that are sent at once', async (t) => {
    const console = await startConsole(t)
    await setUpOwner(console)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, guess) =>
        openBrowser(console.url).call('POST', '/session', { name: 'Lin', password: `guess ${guess}` }),
      ),
    )
    const checked = answers.filter(({ status }) => status === 401)
    assert.ok(checked.length <= 5, `${checked.length} guesses were checked`)
  })
})

describe('console: cross-site requests', () => {
  // biome-ignore format: a table keeps its columns
  const FORGED: [string, Record<string, string>][] = [
    ['a form on another site',       { 'x-sampan-console': '' , origin: 'https://evil.example' }],
    ['a script on another site',     { origin: 'https://evil.example' }],
    ['a sandboxed frame',            { origin: 'null' }],
    ['a browser that says so',       { 'sec-fetch-site': 'cross-site' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
  ]
  for (const [who, headers] of FORGED) {
    it(`refuses a change sent by ${who}`, async (t) => {
      const console = await startConsole(t)
      const owner = await setUpOwner(console)
      const answer = await owner.call('POST', '/administrators/invites', { role: 'owner' }, headers)
      assert.equal(errorCode(answer), 'cross_site_refused')
    })
  }

  it('refuses a change without its header, and takes one from its own origin', async (t) => {
    const console = await startConsole(t)
    const response = await fetch(`${console.url}/console/api/session`, { method: 'DELETE' })
    assert.equal(response.status, 403)
    const owner = await setUpOwner(console)
    const answer = await owner.call('POST', '/administrators/invites', { role: 'viewer' }, { origin: console.url })
    assert.equal(answer.status, 200)
  })
})

describe('console: roles', () => {
  it('lets nobody reach what is above the role', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    const viewer = await invitePerson(console.url, owner, 'viewer', 'Vi')
    const developer = await invitePerson(console.url, owner, 'developer', 'Dev')
    const stranger = openBrowser(console.url)
    const { body } = await viewer.call('GET', '/session')

    for (const person of [viewer, developer]) {
      assert.equal(errorCode(await person.call('POST', '/administrators/invites', { role: 'owner' })), 'forbidden')
      assert.equal(
        errorCode(await person.call('PUT', `/administrators/${body['id']}/role`, { role: 'owner' })),
        'forbidden',
      )
      assert.equal(errorCode(await person.call('GET', '/administrators')), 'forbidden')
    }
    assert.equal(errorCode(await viewer.call('GET', '/audit')), 'forbidden')
    assert.equal(errorCode(await stranger.call('GET', '/audit')), 'sign_in_required')
    assert.equal((await developer.call('GET', '/audit')).status, 200)
  })

  it('takes effect at once when a role changes, and keeps the last owner', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    const developer = await invitePerson(console.url, owner, 'developer', 'Dev')
    const dev = await developer.call('GET', '/session')
    const own = await owner.call('GET', '/session')
    await owner.call('PUT', `/administrators/${dev.body['id']}/role`, { role: 'viewer' })
    assert.equal(errorCode(await developer.call('GET', '/audit')), 'forbidden')
    const last = await owner.call('PUT', `/administrators/${own.body['id']}/role`, { role: 'viewer' })
    assert.equal(errorCode(last), 'last_owner')
    assert.equal((await owner.call('GET', '/session')).body['role'], 'owner')
  })

  it('removes an account only when its name is typed, and ends its sessions', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    const viewer = await invitePerson(console.url, owner, 'viewer', 'Vi')
    const { body } = await viewer.call('GET', '/session')
    const wrong = await owner.call('DELETE', `/administrators/${body['id']}`, { confirm: 'vi' })
    assert.equal(errorCode(wrong), 'confirmation_missing')
    assert.equal((await owner.call('DELETE', `/administrators/${body['id']}`, { confirm: 'Vi' })).status, 200)
    assert.equal((await viewer.call('GET', '/session')).status, 401)
  })

  it('writes down who did what, failures to sign in among them, and no secrets', async (t) => {
    const console = await startConsole(t)
    const owner = await setUpOwner(console)
    await invitePerson(console.url, owner, 'viewer', 'Vi')
    await openBrowser(console.url).call('POST', '/session', { name: 'Lin', password: 'my-secret-guess' })
    const { body } = await owner.call('GET', '/audit')
    const entries = body['entries'] as { action: string; actor: string }[]
    assert.deepEqual(entries.map(({ action }) => action).sort(), [
      'account.create',
      'account.create',
      'account.invite',
      'session.refused',
    ])
    assert.ok(!JSON.stringify(body).includes('my-secret-guess'))
  })
})

describe('console: pages', () => {
  it('serves the app at every page with headers that forbid frames and inline scripts', async (t) => {
    const console = await startConsole(t)
    for (const page of ['/console', '/console/', '/console/plan', '/console/data', '/console/setup']) {
      const response = await fetch(console.url + page)
      const html = await response.text()
      assert.equal(response.status, 200, page)
      assert.match(html, /<div id="app">|console is not built/)
      const policy = response.headers.get('content-security-policy') ?? ''
      assert.match(policy, /script-src 'self'(;|$)/)
      assert.match(policy, /frame-ancestors 'none'/)
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
    }
  })

  it('sends its scripts compressed, and lets browsers keep them', async (t) => {
    const console = await startConsole(t)
    const html = await (await fetch(`${console.url}/console/`)).text()
    const script = html.match(/src="(\/console\/assets\/[^"]+\.js)"/)?.[1]
    if (!script) return t.skip('the console is not built')
    const response = await fetch(console.url + script, { headers: { 'accept-encoding': 'br' } })
    assert.equal(response.headers.get('content-encoding'), 'br')
    assert.match(response.headers.get('cache-control') ?? '', /immutable/)
    assert.match(response.headers.get('content-type') ?? '', /javascript/)
    const missing = await fetch(`${console.url}/console/assets/older-version.js`)
    assert.equal(missing.status, 404)
    const outside = await fetch(`${console.url}/console/..%2f..%2fpackage.json`)
    assert.ok(!(await outside.text()).includes('dependencies'))
  })

  it('answers unknown addresses of its API with an error, not with the app', async (t) => {
    const console = await startConsole(t)
    const answer = await openBrowser(console.url).call('GET', '/nothing')
    assert.equal(answer.status, 404)
    assert.equal(errorCode(answer), 'route_not_found')
  })
})

describe('console: on a server that has too much to do', () => {
  it('answers, also signing in, while phones are refused', async (t) => {
    const console = await startConsole(t, Date.now, { MAX_IN_FLIGHT: '10' })
    const owner = await setUpOwner(console)
    const { hostname, port } = new URL(console.url)
    // Requests whose body never comes hold their places.
    const held = Array.from({ length: 12 }, () => {
      const socket = net.connect(Number(port), hostname)
      socket.on('error', () => undefined)
      socket.write('POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{')
      return socket
    })
    const phone = () => fetch(`${console.url}/v1/files/list`).then(({ status }) => status)
    try {
      while ((await phone()) !== 503) await sleep(20)
      assert.equal((await owner.call('GET', '/overview')).status, 200)
      assert.equal((await owner.call('GET', '/requests')).status, 200)
      assert.equal((await owner.call('POST', '/session', { name: 'Lin', password: PASSWORD })).status, 200)
      assert.equal((await fetch(`${console.url}/console/`)).status, 200)
    } finally {
      for (const socket of held) socket.destroy() // the server closes once they are gone
    }
  })
})
