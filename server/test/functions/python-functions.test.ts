import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { byUser, resultOf, type ServedFunctions, serveProject } from './function-project.ts'

const hasPython = spawnSync('python3', ['--version']).status === 0

const PROJECT = {
  'greet/index.py': `
import os
from helper import greeting

def main(event, context):
    print('called by', event['userInfo']['openId'])
    return {'text': greeting(event['name']), 'openid': os.environ.get('WX_OPENID'), 'request': context['request_id'], 'hour': __import__('time').localtime(0).tm_hour}
`,
  'greet/helper.py': `def greeting(name): return f'你好, {name}'`,
  'handler/index.py': `async def main_handler(event, context): return [event['n'] * 2]`,
  'raises/index.py': `def main(event, context): raise ValueError('on purpose')`,
  'ends/index.py': `import sys\ndef main(event, context): sys.exit(4)`,
  'loops/index.py': `def main(event, context):\n  while True: pass`,
  'loops/config.json': `{ "timeout": 1 }`,
  'lonely/index.py': `import a_package_nobody_installed`,
}

describe('Python functions', { skip: hasPython ? false : 'python3 is not installed' }, () => {
  let served: ServedFunctions
  before(async () => {
    served = await serveProject(PROJECT)
  })
  after(() => served.close())
  const call = (name: string, event: unknown = {}, caller = byUser('alice')) =>
    served.functions.call(name, event, caller)

  it('get the same event, context, identity and log', async () => {
    const caller = byUser('bob')
    const answer = await call('greet', { name: '世界' }, caller)
    assert.deepEqual(resultOf(answer), { text: '你好, 世界', openid: 'bob', request: caller.requestId, hour: 0 })
    assert.equal(answer.log[0]?.text, 'called by bob')
    const { openid } = resultOf(await call('greet', { name: 'x' })) as { openid: string }
    assert.equal(openid, 'alice')
    assert.deepEqual(resultOf(await call('handler', { n: 4 })), [8])
  })

  it('fail with the same errors', async () => {
    await assert.rejects(call('raises'), { code: 'function_failed', message: /ValueError: on purpose/ })
    await assert.rejects(call('ends'), { code: 'function_exited' })
    await assert.rejects(call('loops'), { code: 'function_timed_out' })
    await assert.rejects(call('lonely'), { code: 'function_not_installed' })
  })

  it('say so when there is no python3', async () => {
    const elsewhere = await serveProject(
      { 'a/index.py': 'def main(e, c): pass' },
      { environment: { PATH: '/nowhere' } },
    )
    try {
      await assert.rejects(elsewhere.functions.call('a', {}, byUser('a')), { code: 'function_not_installed' })
    } finally {
      await elsewhere.close()
    }
  })
})
