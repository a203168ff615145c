import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CommandError } from '../../src/command.ts'
import { checkSampanConfig } from '../../src/project/sampan-config.ts'

it('takes alarms from the project’s file, with the usual defaults', () => {
  const { alarms } = checkSampanConfig(
    {
      alarms: {
        channels: [{ kind: 'email', url: 'smtps://a%40b.cn@smtp.qq.com?to=a@b.cn', secret: 'x' }],
        quietHours: { from: '23:00', to: '07:00' },
        rules: { cpu: { page: { at: 0.9, forMinutes: 5 } }, swap: 'off' },
      },
    },
    'sampan.config.ts',
  )
  assert.equal(alarms?.quietHours?.breaksThrough, 'page')
  assert.equal(alarms?.channels?.[0]?.kind, 'email')
})

it('names every wrong field, and repeats no address', () => {
  const wrong = {
    alarms: {
      channels: [{ kind: 'email', url: 'https://secret.example' }, { kind: 'wecom' }],
      quietHours: { from: '23', to: '07:00' },
      rules: { cpux: 'off' },
      heartbeat: 'ftp://up.example',
    },
  }
  assert.throws(
    () => checkSampanConfig(wrong, 'sampan.config.ts'),
    (error: unknown) => {
      assert.ok(error instanceof CommandError)
      for (const field of ['channels.0', 'channels.1.url', 'quietHours.from', 'rules', 'heartbeat']) {
        assert.ok(error.message.includes(`alarms.${field}`), `${field} in ${error.message}`)
      }
      assert.ok(!error.message.includes('secret.example'))
      return true
    },
  )
})
