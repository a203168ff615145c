/** Cloud functions with the real wx-server-sdk reach stock and jobs by functions that every project has. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTestServer, type TestServer } from '../support/test-server.ts'

const SHOP = `
const cloud = require('wx-server-sdk')
cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
exports.main = async ({ name, data }) => (await cloud.callFunction({ name, data })).result
`
const TRANSCODE = `
const os = require('node:os')
const cloud = require('wx-server-sdk')
cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
exports.main = async ({ film, job }) => {
  await cloud.callFunction({ name: 'sampan-jobs', data: { action: 'report', id: job.id, attempt: job.attempt, progress: 50, message: film } })
  return { film, niceness: os.getPriority(), openId: cloud.getWXContext().OPENID }
}
`

describe('stock and jobs in cloud functions', () => {
  let folder: string
  let server: TestServer
  let alice: { token: string; openId: string }
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-stock-functions-'))
    for (const [name, text] of [
      ['shop', SHOP],
      ['transcode', TRANSCODE],
    ] as const) {
      await mkdir(path.join(folder, name))
      await writeFile(path.join(folder, name, 'index.js'), text)
    }
    await symlink(path.resolve(import.meta.dirname, '../../../node_modules'), path.join(folder, 'node_modules'))
    server = await startTestServer({
      project: {
        functionsRoot: folder,
        sales: [{ id: 'spring', items: [{ id: 'tea', total: 1 }], startsAtMs: 1, endsAtMs: 9e12 }],
        jobs: [{ kind: 'transcode', isForUsers: true }],
      },
    })
    alice = await server.logIn('alice')
  })
  after(async () => {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })

  const shop = async (name: string, data: object, token = alice.token) => {
    const { body, text } = await server.post('/v1/functions/shop', { data: { name, data } }, token)
    assert.ok(body.result, text)
    return body.result
  }

  it('reserve for whoever called the function', async () => {
    const { reservation } = await shop('sampan-stock', { action: 'reserve', sale: 'spring', item: 'tea', key: 'k' })
    assert.deepEqual([reservation.openId, reservation.state], [alice.openId, 'held'])
    const again = await shop('sampan-stock', { action: 'reserve', sale: 'spring', item: 'tea', key: 'k' })
    assert.equal(again.reservation.id, reservation.id)
  })

  it('are told why something cannot be had', async () => {
    const bob = await server.logIn('bob')
    const { error } = await shop('sampan-stock', { action: 'reserve', sale: 'spring', item: 'tea' }, bob.token)
    assert.equal(error.code, 'sold_out')
    assert.equal((await shop('sampan-stock', { action: 'buy' })).error.code, 'invalid_request')
  })

  it('add jobs, which run at the lowest priority for the same person and tell how far they are', async () => {
    const { job } = await shop('sampan-jobs', { action: 'add', kind: 'transcode', data: { film: 'cats.mp4' } })
    let status = await server.get(`/v1/jobs/${job.id}`, alice.token)
    for (let waited = 0; waited < 600 && status.body.state !== 'done'; waited += 1) {
      await sleep(50)
      status = await server.get(`/v1/jobs/${job.id}`, alice.token)
    }
    assert.deepEqual(
      [status.body.state, status.body.message, status.body.result],
      ['done', 'cats.mp4', { film: 'cats.mp4', niceness: 19, openId: alice.openId }],
    )
    const bob = await server.logIn('bob')
    assert.equal((await server.get(`/v1/jobs/${job.id}`, bob.token)).body.error.code, 'job_not_found')
  })
})
