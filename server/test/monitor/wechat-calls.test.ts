import assert from 'node:assert/strict'
import { it } from 'node:test'
import { openSimulator } from '@sampan/simulator'
import { openMemoryCache } from '../../src/cache/open-memory-cache.ts'
import { createWeChatCalls } from '../../src/features/monitor/wechat-calls.ts'
import { openWeChat } from '../../src/wechat/open-wechat.ts'

const APP_ID = 'wx0123456789abcdef'
const SECRET = 'simulated-secret-of-the-simulator'

it('counts what was asked of WeChat, with its codes, and starts over at midnight in China', async (t) => {
  let nowMs = Date.parse('2026-11-22T23:59:00+08:00')
  const calls = createWeChatCalls(() => nowMs)
  const simulator = await openSimulator({ appId: APP_ID, secret: SECRET, guestUser: 'devtools' })
  const options = { baseUrl: simulator.url, appId: APP_ID, secret: SECRET, onCall: calls.add }
  const wechat = openWeChat({ ...options, cache: openMemoryCache() })
  t.after(async () => {
    await wechat.close()
    await simulator.close()
  })
  await wechat.codeToSession('a-code')
  await wechat.codeToSession('a-code').catch(() => undefined) // a code works once
  const [login] = calls.today()
  assert.equal(login?.api, '/sns/jscode2session')
  assert.deepEqual([login?.calls, login?.failures], [2, 1])
  assert.ok((login?.lastErrcode ?? 0) > 40000)
  calls.add({ api: '/x', durationMs: 5, errcode: 45009 })
  assert.equal(calls.today().find(({ api }) => api === '/x')?.isQuotaUsed, true)

  nowMs += 2 * 60_000
  assert.deepEqual(calls.today(), [])
  assert.deepEqual(calls.source().counters, { 'wechat.calls': 3, 'wechat.failures': 2, 'wechat.quotaRefusals': 1 })
})
