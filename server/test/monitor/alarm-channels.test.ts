import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CHANNEL_KINDS, cutBytes, sendToChannel } from '../../src/features/monitor/alarm-channels.ts'
import { ChannelError } from '../../src/features/monitor/channel-error.ts'
import { startRobot } from './vendor-robots.ts'

const NOW_MS = Date.parse('2026-11-22T12:00:00+08:00')
const MESSAGE = { title: '[shop] 🔴 1', text: '🔴 CPU 繁忙 CPU busy: 91%' }

const codeOf = async (sending: Promise<void>) => {
  try {
    await sending
    return 'sent'
  } catch (error) {
    assert.ok(error instanceof ChannelError)
    return error.code
  }
}

describe('alarm channels', () => {
  for (const kind of CHANNEL_KINDS.filter((one) => one !== 'email')) {
    it(`speaks ${kind}'s language`, async (t) => {
      const robot = await startRobot(t, kind, () => NOW_MS)
      await sendToChannel(robot.channel, MESSAGE, NOW_MS)
      assert.equal(robot.received[0]?.text, `${MESSAGE.title}\n${MESSAGE.text}`)
    })
  }

  // biome-ignore format: a table keeps its columns
  const REFUSALS = [
    ['wecom',      { errcode: 45009, errmsg: 'api freq out of limit' }, '45009'],
    ['wecom',      { errcode: 93000, errmsg: 'invalid webhook url' },   '93000'],
    ['dingtalk',   { errcode: 310000, errmsg: 'keywords not in content' }, '310000'],
    ['feishu',     { code: 19021, msg: 'sign match fail' },             '19021'],
    ['feishu',     { StatusCode: 9499, msg: 'too many request' },       '9499'],
    ['serverchan', { code: 40001, message: 'bad key' },                 '40001'],
    ['wecom',      { hello: 'a captive portal' },                       'no_code'],
  ] as const
  for (const [kind, answer, code] of REFUSALS) {
    it(`sees that ${kind} refused with ${code} although the status is 200`, async (t) => {
      const robot = await startRobot(t, kind, () => NOW_MS)
      robot.refuse(answer)
      assert.equal(await codeOf(sendToChannel(robot.channel, MESSAGE, NOW_MS)), code)
    })
  }

  it('is refused with a wrong signing secret or a wrong clock', async (t) => {
    for (const [kind, code] of [
      ['dingtalk', '310000'],
      ['feishu', '19021'],
    ] as const) {
      const robot = await startRobot(t, kind, () => NOW_MS)
      assert.equal(await codeOf(sendToChannel({ ...robot.channel, secret: 'wrong' }, MESSAGE, NOW_MS)), code)
      assert.equal(await codeOf(sendToChannel(robot.channel, MESSAGE, NOW_MS - 2 * 3_600_000)), code)
    }
  })

  it('says when a robot cannot be reached', async (t) => {
    const robot = await startRobot(t, 'wecom', () => NOW_MS)
    robot.refuse('down')
    assert.equal(await codeOf(sendToChannel(robot.channel, MESSAGE, NOW_MS)), 'unreachable')
  })

  it('cuts a long text between characters', async (t) => {
    const robot = await startRobot(t, 'wecom', () => NOW_MS)
    await sendToChannel(robot.channel, { title: 't', text: '告警'.repeat(2_000) }, NOW_MS)
    const text = robot.received[0]?.text ?? ''
    assert.ok(Buffer.byteLength(text) <= 2_048)
    assert.ok(!text.includes('\ufffd'))
    assert.equal(cutBytes('短', 100), '短')
  })
})
