import assert from 'node:assert/strict'
import { it } from 'node:test'
import { startRobot } from '../monitor/vendor-robots.ts'
import { errorCode, setUpOwner, startConsole } from './start-console.ts'

const NIGHT = { from: '23:00', to: '08:00', breaksThrough: 'page' }
type State = {
  channels: { id: string; kind: string; host: string; from: string }[]
  rules: { id: string; page?: { at: number; forMs: number }; isOff: boolean; tunedIn?: string }[]
  quietHours: object | null
  declared: { quietHours: boolean; heartbeat: boolean }
}

it('keeps what an owner decides about alarms, and tells no address', async (t) => {
  const server = await startConsole(t)
  const owner = await setUpOwner(server)
  const robot = await startRobot(t, 'wecom', Date.now)
  const read = async () => (await owner.call('GET', '/alarms')).body as State

  const { status, body } = await owner.call('POST', '/alarms/channels', { kind: 'wecom', url: robot.channel.url })
  assert.equal(status, 200)
  assert.deepEqual((await owner.call('POST', `/alarms/channels/${body['id']}/test`, {})).body, { sent: true })
  robot.refuse({ errcode: 93000, errmsg: 'invalid webhook url' })
  const refused = await owner.call('POST', `/alarms/channels/${body['id']}/test`, {})
  assert.deepEqual([refused.body['sent'], refused.body['vendorCode']], [false, '93000'])

  await owner.call('PUT', '/alarms/quiet-hours', { hours: NIGHT })
  await owner.call('PUT', '/alarms/rules/latency', { page: { at: 2_000, forMinutes: 5 } })
  await owner.call('PUT', '/alarms/rules/swap', { isOff: true })
  const state = await read()
  assert.deepEqual(state.quietHours, NIGHT)
  const rule = (id: string) => state.rules.find((one) => one.id === id)
  assert.deepEqual([rule('latency')?.page, rule('latency')?.tunedIn], [{ at: 2_000, forMs: 300_000 }, 'console'])
  assert.equal(rule('swap')?.isOff, true)
  assert.ok(!JSON.stringify(state).includes('access_token'), 'the address of a robot is a key')
  await owner.call('PUT', '/alarms/rules/swap', {})
  assert.equal((await read()).rules.find(({ id }) => id === 'swap')?.isOff, false)
})

// biome-ignore format: a table keeps its columns
const WRONG: ['POST' | 'PUT', string, object, RegExp][] = [
  ['POST', '/alarms/channels',       { kind: 'email', url: 'https://mail.example' },                              /smtps/],
  ['POST', '/alarms/channels',       { kind: 'email', url: 'smtps://a%40b.cn:pass@smtp.qq.com?to=a@b.cn' },       /secret/],
  ['POST', '/alarms/channels',       { kind: 'pager', url: 'https://x.example' },                                 /kind|pager|match/i],
  ['PUT',  '/alarms/quiet-hours',    { hours: { from: '25:00', to: '08:00', breaksThrough: 'page' } },            /hours|from|match/i],
  ['PUT',  '/alarms/rules/latency',  { warn: { at: 9_000, forMinutes: 5 } },                                      /after the alarm/],
  ['PUT',  '/alarms/rules/oom',      { warn: { at: 1, forMinutes: 5 } },                                          /no such threshold/],
  ['PUT',  '/alarms/rules/nothing',  { isOff: true },                                                             /no such rule/],
]
it('refuses what would never fire, fire at once, or reach nobody', async (t) => {
  const server = await startConsole(t)
  const owner = await setUpOwner(server)
  for (const [method, where, body, says] of WRONG) {
    const answer = await owner.call(method, where, body)
    assert.equal(errorCode(answer), 'invalid_request', `${where} ${JSON.stringify(body)}`)
    assert.match(JSON.stringify(answer.body), says)
    assert.ok(!JSON.stringify(answer.body).includes('pass@'), 'a password was sent back')
  }
})

it('leaves to the project’s file what stands there', async (t) => {
  const server = await startConsole(
    t,
    Date.now,
    {},
    {
      channels: [{ kind: 'webhook', url: 'https://told.example/hook' }],
      quietHours: { from: '22:00', to: '07:00', breaksThrough: 'nothing' },
      heartbeat: 'https://up.example/push',
      rules: { cpu: 'off' },
    },
  )
  const owner = await setUpOwner(server)
  const state = (await owner.call('GET', '/alarms')).body as State
  assert.deepEqual(
    state.channels.map(({ host, from }) => [host, from]),
    [['told.example', 'config']],
  )
  assert.deepEqual(state.declared, { quietHours: true, heartbeat: true })
  const [channel] = state.channels
  for (const [where, body] of [
    ['/alarms/quiet-hours', { hours: null }],
    ['/alarms/heartbeat', { url: '' }],
    ['/alarms/rules/cpu', {}],
  ] as const) {
    assert.match(JSON.stringify((await owner.call('PUT', where, body)).body), /sampan\.config\.ts/, where)
  }
  await owner.call('PUT', '/alarms/channels', { ids: [] })
  assert.equal(((await owner.call('GET', '/alarms')).body as State).channels[0]?.id, channel?.id)
})
