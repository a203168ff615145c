/** `/v1/jobs`, the console's `/jobs`, and `sampan jobs`: who may do what. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { jobs as jobsCommand } from '../../../cli/src/commands/jobs.ts'
import { announceServer } from '../../../cli/src/serve/local-server.ts'
import { FinalJobError } from '../../src/features/jobs/run-jobs.ts'
import { startTestServer, type TestServer } from '../support/test-server.ts'

describe('jobs over HTTP', () => {
  let server: TestServer
  let alice: { token: string; openId: string }
  before(async () => {
    server = await startTestServer({ project: { jobs: [{ kind: 'export', isForUsers: true }, { kind: 'secret' }] } })
    server.server.resources.jobs.handle('export', async () => ({ rows: 3 }))
    server.server.resources.jobs.handle('secret', async () => {
      throw new FinalJobError('no disk')
    })
    alice = await server.logIn('alice')
  })
  after(() => server.close())

  const ended = async (id: string) => {
    for (let waited = 0; waited < 300; waited += 1) {
      const { body } = await server.get(`/v1/jobs/${id}`, server.localToken)
      if (body.endedAtMs !== undefined) return body
      await sleep(20)
    }
    throw new Error('the job does not end')
  }

  it('are added by people if the kind is for them, and seen by nobody else', async () => {
    const { status, body } = await server.post('/v1/jobs', { kind: 'export' }, alice.token)
    assert.equal(status, 200)
    assert.deepEqual((await ended(body.id)).result, { rows: 3 })
    assert.equal((await server.get(`/v1/jobs/${body.id}`, alice.token)).body.state, 'done')
    const mallory = await server.logIn('mallory')
    assert.equal((await server.get(`/v1/jobs/${body.id}`, mallory.token)).status, 404)
    assert.equal((await server.post(`/v1/jobs/${body.id}/cancel`, {}, mallory.token)).status, 404)
    assert.equal((await server.post('/v1/jobs', { kind: 'secret' }, alice.token)).body.error.code, 'job_kind_unknown')
  })

  it('lie dead until the owner begins them again or forgets them, in the console as well', async () => {
    const { body } = await server.post('/v1/jobs', { kind: 'secret', data: { a: 1 } }, server.localToken)
    assert.deepEqual([(await ended(body.id)).state, (await ended(body.id)).error], ['dead', 'no disk'])
    const list = await server.get('/console/api/jobs', server.localToken)
    assert.deepEqual([list.body.counts.dead, list.body.jobs[0].id], [1, body.id])
    assert.equal((await server.get('/console/api/jobs', alice.token)).status, 401)
    assert.equal((await server.post(`/console/api/jobs/${body.id}/retry`, {}, server.localToken)).status, 200)
    assert.equal((await ended(body.id)).state, 'dead')
    const audit = await server.get('/console/api/audit', server.localToken)
    assert.match(audit.text, /job\.retry/)
  })

  it('are listed and discarded on the command line', async () => {
    const root = await mkdtemp(path.join(os.tmpdir(), 'sampan-jobs-command-'))
    await announceServer(root, { url: server.url, token: server.localToken, pid: process.pid })
    const lines: string[] = []
    const output = {
      result: (text: string) => void lines.push(text),
      progress: () => {},
      ...({ lang: 'zh', json: false, isInteractive: false, color: false } as const),
    }
    const context = { env: {}, stopped: new Promise<void>(() => {}) }
    const run = (positionals: string[]) => jobsCommand.run({ options: { project: root }, positionals }, output, context)
    assert.equal(await run([]), 0)
    const [, line = ''] = (lines[0] ?? '').split('\n')
    const [id = ''] = line.split(' ')
    assert.match(line, /secret {2}dead .*no disk/)
    await run(['discard', id])
    await run(['list'])
    assert.match(lines.at(-1) ?? '', /dead 0/)
    await assert.rejects(run(['retry']), /id/)
    await rm(root, { recursive: true, force: true })
  })

  it('tell the monitor how many are dead', async () => {
    const { monitor } = server.server.resources.watch
    await server.post('/v1/jobs', { kind: 'secret' }, server.localToken)
    let text = ''
    for (let waited = 0; waited < 50 && !/dead\w* 1\b/i.test(text); waited += 1) {
      await monitor.sample()
      await sleep(20)
      text = (await server.get('/metrics', server.localToken)).text
    }
    assert.match(text, /dead\w* 1\b/i)
  })
})
