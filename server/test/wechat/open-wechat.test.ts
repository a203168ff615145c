import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Fault } from '@sampan/simulator'
import type { AppError } from '../../src/errors.ts'
import { startWeChat } from './start-wechat.ts'

const LOGIN = '/sns/jscode2session'
const TOKEN = '/cgi-bin/stable_token'
const PHONE = '/wxa/business/getuserphonenumber'

const code = (expected: string) => (error: unknown) => {
  assert.equal((error as AppError).code, expected)
  return true
}

describe('login through WeChat', () => {
  let world: Awaited<ReturnType<typeof startWeChat>>
  beforeEach(async () => {
    world = await startWeChat({ quotas: { loginPerUser: 3 } })
  })
  afterEach(() => world.close())

  it('exchanges a code for openId and sessionKey', async () => {
    const session = await world.wechat.codeToSession(world.simulator.loginCode('alice'))
    const sessionKey = world.simulator.sessionKeyOf('alice')
    assert.deepEqual(session, { openId: world.simulator.openidOf('alice'), sessionKey })
  })

  it('tells a used code, an unknown code, a blocked user and a full quota apart', async () => {
    await world.wechat.codeToSession('sim:alice:1')
    await assert.rejects(world.wechat.codeToSession('sim:alice:1'), code('login_code_used'))
    await assert.rejects(world.wechat.codeToSession('never-issued'), code('login_code_invalid'))
    world.simulator.block('mallory')
    await assert.rejects(world.wechat.codeToSession('sim:mallory:1'), code('user_blocked'))
    await world.wechat.codeToSession('sim:alice:2')
    await world.wechat.codeToSession('sim:alice:3')
    await assert.rejects(world.wechat.codeToSession('sim:alice:4'), (error: AppError) => {
      assert.deepEqual([error.code, error.details?.['retryAfterSeconds']], ['rate_limited', 60])
      return true
    })
  })

  it('calls again when WeChat is busy, three times and no more', async () => {
    world.simulator.knobs.inject(LOGIN, { kind: 'busy', times: 3 })
    assert.ok(await world.wechat.codeToSession('sim:alice:1'))
    world.simulator.knobs.inject(LOGIN, { kind: 'busy' })
    await assert.rejects(world.wechat.codeToSession('sim:alice:2'), code('wechat_unavailable'))
    assert.equal(world.simulator.calls.count(LOGIN), 4 + 4)
  })

  it('does not call again after a lost answer, because the code may be spent', async () => {
    for (const kind of [
      'timeout-after',
      'timeout-before',
      'reset',
      'truncate',
      'http-500',
      'html',
      'empty-body',
    ] as const) {
      world.simulator.calls.clear()
      world.simulator.knobs.inject(LOGIN, { kind, times: 1 })
      await assert.rejects(world.wechat.codeToSession(`sim:bob:${kind}`), code('wechat_unavailable'), kind)
      assert.equal(world.simulator.calls.count(LOGIN), 1, kind)
      world.advance(60_000)
    }
  })

  it('gives up in time, and says so when nothing listens there', async () => {
    world.simulator.knobs.inject(LOGIN, { kind: 'busy' })
    const slow = world.open({ timeoutMs: 300, retryPauseMs: 200 })
    const startMs = performance.now()
    await assert.rejects(slow.codeToSession('sim:alice:1'), code('wechat_unavailable'))
    assert.ok(performance.now() - startMs < 450)
    const nowhere = world.open({ baseUrl: 'http://127.0.0.1:1' })
    await assert.rejects(
      nowhere.codeToSession('sim:alice:1'),
      (error: AppError) => error.details?.['outcome'] === 'none',
    )
    await Promise.all([slow.close(), nowhere.close()])
  })

  it('reads JSON whatever WeChat calls it', async () => {
    world.simulator.knobs.inject('*', { kind: 'wrong-content-type' })
    assert.ok((await world.wechat.codeToSession('sim:alice:1')).openId)
  })

  it('says what is missing without AppID or secret', async () => {
    const bare = world.open({ secret: '' })
    await assert.rejects(bare.codeToSession('sim:alice:1'), code('wechat_not_configured'))
    await assert.rejects(bare.callApi('/x', { method: 'GET' }), code('wechat_not_configured'))
    await bare.close()
  })

  it('never puts a session key, a secret or a token into an error or the log', async () => {
    const thrown: unknown[] = []
    const attempt = (call: Promise<unknown>) => call.catch((error: unknown) => thrown.push(error))
    world.simulator.knobs.inject(LOGIN, { kind: 'garbled', times: 1 })
    await attempt(world.wechat.codeToSession('sim:alice:1'))
    const sessionKey = world.simulator.sessionKeyOf('alice') ?? ''
    world.simulator.knobs.inject(TOKEN, { kind: 'garbled' })
    await attempt(world.wechat.phoneNumber('x'))
    world.simulator.knobs.clear()
    world.simulator.knobs.inject(PHONE, { kind: 'refuse', errcode: 40001 })
    await attempt(world.wechat.phoneNumber('x'))
    assert.equal(thrown.length, 3)

    const told = [...thrown.flatMap(everythingIn), ...world.logged.map(String)].join('\n')
    const token = new URL(world.simulator.calls.list(PHONE)[0]?.url ?? '', 'http://x').searchParams.get('access_token')
    for (const secret of [
      sessionKey,
      '0123456789abcdef0123456789abcdef',
      String(token),
      world.simulator.openidOf('alice'),
    ]) {
      assert.ok(secret.length > 20)
      const pieces = Array.from({ length: secret.length - 7 }, (_, at) => secret.slice(at, at + 8))
      assert.deepEqual(
        pieces.filter((piece) => told.includes(piece)),
        [],
      )
    }
  })
})

describe('a crowd that logs in while WeChat is ill', () => {
  // biome-ignore format: a table keeps its columns
  const ILLNESSES: [string, Fault, minimumGood: number][] = [
    ['stalls',          { kind: 'timeout-before' },          0],
    ['is often busy',   { kind: 'busy', rate: 0.3 },         180],
    ['answers HTML',    { kind: 'html' },                    0],
    ['answers nothing', { kind: 'empty-body', rate: 0.5 },   50],
  ]
  for (const [name, fault, minimumGood] of ILLNESSES) {
    it(`is told within the deadline when it ${name}, and causes no storm`, async () => {
      const world = await startWeChat({}, { timeoutMs: 1_000, retryPauseMs: 20 })
      world.simulator.knobs.inject(LOGIN, fault)
      const startMs = performance.now()
      const users = Array.from({ length: 200 }, (_, at) => `sim:user${at}:1`)
      const results = await Promise.allSettled(users.map((user) => world.wechat.codeToSession(user)))
      // Twice the deadline, because the machine of a test is slow, not because a call may take that long.
      assert.ok(performance.now() - startMs < 2_000)
      const bad = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason.code)
      assert.ok(200 - bad.length >= minimumGood, `${200 - bad.length} got in`)
      assert.deepEqual([...new Set(bad)], bad.length ? ['wechat_unavailable'] : [])
      assert.ok(world.simulator.calls.count(LOGIN) <= 300, `${world.simulator.calls.count(LOGIN)} calls`)
      await world.close()
    })
  }
})

describe('the access token', () => {
  let world: Awaited<ReturnType<typeof startWeChat>>
  beforeEach(async () => {
    world = await startWeChat()
  })
  afterEach(() => world.close())

  const phone = (wechat = world.wechat) => wechat.phoneNumber(world.simulator.phoneCode('alice'))

  it('is fetched once for many calls at the same time, also by several servers', async () => {
    const other = world.open()
    const calls = Array.from({ length: 50 }, (_, at) => phone(at % 2 ? other : world.wechat))
    await Promise.all(calls)
    assert.equal(world.simulator.calls.count(TOKEN), 1)
    await other.close()
  })

  it('is replaced once when WeChat refuses it, for all calls that run into it', async () => {
    await phone()
    world.simulator.revokeTokens()
    await Promise.all(Array.from({ length: 30 }, () => phone()))
    assert.equal(world.simulator.calls.count(TOKEN), 2)
  })

  it('is replaced only once: a second refusal is the answer', async () => {
    world.simulator.knobs.inject(PHONE, { kind: 'refuse', errcode: 42001 })
    await assert.rejects(phone(), code('wechat_refused'))
    assert.equal(world.simulator.calls.count(PHONE), 2)
  })

  it('is not asked for again and again while WeChat insists on a token that its APIs refuse', async () => {
    world.simulator.knobs.inject(PHONE, { kind: 'refuse', errcode: 40001 })
    for (let at = 0; at < 20; at++) await assert.rejects(phone())
    assert.equal(world.simulator.calls.count(TOKEN), 2)
    world.simulator.knobs.clear()
    assert.ok(await phone())
  })

  it('is renewed in the background before it ends, and the old one serves if that fails', async () => {
    await phone()
    world.advance(7_200_000 - 200_000)
    world.simulator.knobs.inject(TOKEN, { kind: 'busy' })
    await phone()
    await phone()
    await until(() => world.simulator.calls.count(TOKEN) === 5)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await phone()
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(world.simulator.calls.count(TOKEN), 5)
    world.simulator.knobs.clear()
    world.advance(10_000)
    await phone()
    await until(() => world.simulator.calls.count(TOKEN) === 6)
    world.advance(195_000)
    await phone()
    assert.equal(world.simulator.calls.count(TOKEN), 6)
  })

  it('is fetched by this server when the one that claimed the task died', async () => {
    const cache = { get: async () => undefined, set: async () => {}, claim: claimAfter(2) }
    const lonely = world.open({ cache })
    assert.ok(await phone(lonely))
    await lonely.close()
  })
})

describe('other APIs of WeChat', () => {
  let world: Awaited<ReturnType<typeof startWeChat>>
  beforeEach(async () => {
    world = await startWeChat()
  })
  afterEach(() => world.close())

  it('tells a phone number for a code, and never asks twice', async () => {
    const { phoneNumber, countryCode } = await world.wechat.phoneNumber(world.simulator.phoneCode('alice'))
    assert.match(phoneNumber, /^138\d{8}$/)
    assert.equal(countryCode, '86')
    world.simulator.calls.clear()
    world.simulator.knobs.inject(PHONE, { kind: 'busy', times: 1 })
    await assert.rejects(world.wechat.phoneNumber(world.simulator.phoneCode('alice')), code('wechat_unavailable'))
    assert.equal(world.simulator.calls.count(PHONE), 1)
  })

  it('does not take a used phone code for a reason to log in again', async () => {
    const phoneCode = world.simulator.phoneCode('alice')
    await world.wechat.phoneNumber(phoneCode)
    await assert.rejects(world.wechat.phoneNumber(phoneCode), (error: AppError) => {
      assert.deepEqual([error.code, error.details?.['errcode']], ['wechat_refused', 40029])
      return true
    })
  })

  it('believes no phone number that was made for another app', async () => {
    await world.wechat.phoneNumber(world.simulator.phoneCode('alice'))
    const url = new URL(world.simulator.calls.list(PHONE)[0]?.url ?? '', 'http://x')
    const value = url.searchParams.get('access_token')
    const shared = JSON.stringify({ value, expiresAtMs: Number.MAX_SAFE_INTEGER })
    const cache = { get: async () => shared, set: async () => {}, claim: async () => true }
    const other = world.open({ appId: 'wxother', cache })
    await assert.rejects(other.phoneNumber(world.simulator.phoneCode('alice')), code('wechat_unavailable'))
    await other.close()
  })

  it('hands on the code of a refusal', async () => {
    const answer = world.wechat.callApi('/wxa/checksession', { method: 'GET', query: { openid: 'nobody' } })
    await assert.rejects(answer, (error: AppError) => {
      assert.equal(error.code, 'wechat_refused')
      assert.deepEqual([error.details?.['errcode'], error.details?.['api']], [40003, '/wxa/checksession'])
      return true
    })
  })

  it('sends no token to another host, whatever the path says', async () => {
    for (const path of ['//evil.example/x', '/x?y=1', 'x', '/../x y', '@evil.example/']) {
      await assert.rejects(world.wechat.callApi(path, { method: 'GET' }), code('invalid_request'))
    }
  })
})

function claimAfter(refusals: number) {
  let asked = 0
  return async () => asked++ >= refusals
}

async function until(condition: () => boolean) {
  const giveUpMs = Date.now() + 2_000
  while (!condition()) {
    if (Date.now() > giveUpMs) throw new Error('gave up waiting')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** The error as a log writes it, with everything that hangs on it. */
function everythingIn(error: unknown): string[] {
  if (!(error instanceof Error)) return [JSON.stringify(error) ?? '']
  const { message, stack = '', cause, ...rest } = error as Error & Record<string, unknown>
  return [message, stack, JSON.stringify(rest), ...everythingIn(cause)]
}
