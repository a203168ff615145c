import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTestServer } from '../support/test-server.ts'
import { writeProject } from './function-project.ts'

const SLOW = `
  const cloud = require('wx-server-sdk')
  cloud.init()
  const notes = cloud.database().collection('notes')
  exports.main = async ({ ms }) => {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return (await notes.add({ data: { ms } }))._id
  }`

it('a server that is asked to stop lets functions finish what they began, and begins no more', async () => {
  const functionsRoot = writeProject({ 'slow/index.js': SLOW })
  const server = await startTestServer({
    project: { functionsRoot, collections: [{ name: 'notes', rules: 'PRIVATE', indexes: [] }] },
  })
  try {
    const { token } = await server.logIn('alice')
    const call = (ms: number) => server.post('/v1/functions/slow', { data: { ms } }, token)
    assert.equal((await call(0)).status, 200)
    const running = call(1_500)
    await sleep(300)
    const closing = server.server.close()
    await sleep(100)
    const refused = await call(0)
    assert.equal(refused.body.error.code, 'shutting_down')
    const { status, body } = await running
    assert.equal(status, 200)
    assert.equal(typeof body.result, 'string')
    await closing
  } finally {
    await server.close()
    rmSync(functionsRoot, { recursive: true, force: true })
  }
})
