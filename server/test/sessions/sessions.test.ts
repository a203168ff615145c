import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { hashToken, logIn } from '../../src/features/sessions/log-in.ts'
import { revokeSession, revokeUserSessions } from '../../src/features/sessions/session-store.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

describe('sessions', () => {
  let server: TestServer
  let nowMs = Date.now()
  before(async () => {
    server = await startTestServer({ now: () => nowMs })
  })
  after(() => server.close())

  it('exchanges a code for a token that identifies the user', async () => {
    const { token, openId } = await server.logIn('alice')
    assert.match(token, /^[\w-]{43}$/)
    const me = await server.get('/v1/me', token)
    assert.equal(me.status, 200)
    assert.equal(me.body.openId, openId)
  })

  it('answers a repeated log-in with the same token for five minutes, asking WeChat once', async () => {
    const code = server.simulator.loginCode('bob')
    const asked = server.simulator.calls.list().length
    const [first, second] = await Promise.all([server.post('/v1/login', { code }), server.post('/v1/login', { code })])
    const third = await server.post('/v1/login', { code })
    assert.equal(first.status, 200)
    assert.equal(second.body.token, first.body.token)
    assert.equal(third.body.token, first.body.token)
    assert.equal(server.simulator.calls.list().length, asked + 1)
  })

  it('refuses the same code after five minutes, and tells the phone to log in again', async () => {
    const code = server.simulator.loginCode('carol')
    assert.equal((await server.post('/v1/login', { code })).status, 200)
    nowMs += 5 * 60 * 1000 + 1
    const late = await server.post('/v1/login', { code })
    assert.equal(late.status, 401)
    assert.ok(['login_code_used', 'login_code_invalid'].includes(late.body.error.code), late.text)
  })

  it('gives the same answer if another process used the code a moment before', async () => {
    const code = server.simulator.loginCode('judy')
    const { login } = server.server.resources
    let elsewhere = ''
    const late = {
      async codeToSession() {
        elsewhere = (await logIn(code, login)).token
        return login.wechat.codeToSession(code)
      },
    }
    const { token } = await logIn(code, { ...login, wechat: late })
    assert.equal(token, elsewhere)
    assert.equal((await server.get('/v1/me', token)).status, 200)
  })

  it('refuses a code that WeChat did not give out', async () => {
    const { status, body } = await server.post('/v1/login', { code: 'made-up-by-a-stranger' })
    assert.equal(status, 401)
    assert.equal(body.error.code, 'login_code_invalid')
    assert.equal(body.error.errCode, -401001)
    assert.ok(body.error.hint)
  })

  for (const [what, header] of [
    ['a forged token', 'Bearer forged-token-of-nobody'],
    ['an overlong token', `Bearer ${'x'.repeat(4000)}`],
  ] as const) {
    it(`refuses ${what} instead of treating its sender as nobody`, async () => {
      const response = await fetch(`${server.url}/livez`, { headers: { authorization: header } })
      assert.equal(response.status, 401)
    })
  }

  it('ends a session with log-out at once', async () => {
    const { token } = await server.logIn('dave')
    assert.equal((await server.post('/v1/logout', {}, token)).status, 200)
    const after = await server.get('/v1/me', token)
    assert.equal(after.status, 401)
    assert.equal(after.body.error.code, 'session_invalid')
  })

  it('notices within a second that another process revoked a session', async () => {
    const { token } = await server.logIn('erin')
    assert.equal((await server.get('/v1/me', token)).status, 200)
    const { database } = server.server.resources
    await database.transact(revokeSession, { tokenHash: hashToken(token), nowMs })
    await waitFor(async () => (await server.get('/v1/me', token)).status === 401)
  })

  it('revokes all sessions of one user and nobody else’s', async () => {
    const frank = await server.logIn('frank')
    const again = await server.logIn('frank')
    const grace = await server.logIn('grace')
    const { database, sessions } = server.server.resources
    assert.equal(await database.transact(revokeUserSessions, { openId: frank.openId, nowMs }), 2)
    sessions.forgetUser(frank.openId)
    assert.equal((await server.get('/v1/me', frank.token)).status, 401)
    assert.equal((await server.get('/v1/me', again.token)).status, 401)
    assert.equal((await server.get('/v1/me', grace.token)).status, 200)
  })

  it('refuses an expired session', async () => {
    const { token } = await server.logIn('heidi')
    nowMs += 8 * 24 * 3600 * 1000
    const { status, body } = await server.get('/v1/me', token)
    assert.equal(status, 401)
    assert.equal(body.error.code, 'session_expired')
  })

  it('keeps neither tokens nor session keys readable in the database file or the log', async () => {
    const { token, openId } = await server.logIn('ivan')
    await server.get('/v1/me', token)
    const database = await readFile(path.join(server.dataDir, 'app.db-wal'), 'latin1')
    assert.ok(database.includes(openId), 'the file that is looked at holds this session')
    assert.ok(!database.includes(token))
    const log = server.logLines.join('\n')
    assert.ok(log.includes('request done'))
    assert.ok(!log.includes(token) && !log.includes(openId))
  })
})

async function waitFor(isTrue: () => Promise<boolean>, timeoutMs = 3_000) {
  const until = Date.now() + timeoutMs
  while (!(await isTrue())) {
    assert.ok(Date.now() < until, 'it did not become true in time')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
