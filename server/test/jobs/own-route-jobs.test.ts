/** Handlers of the project's own routes. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startTestServer } from '../support/test-server.ts'

it('does jobs in own routes, the effect and the end of the job in one transaction, as docs/jobs.md shows', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'sampan-jobs-own-'))
  mkdirSync(`${dir}/migrations`)
  symlinkSync(path.resolve(import.meta.dirname, '../../../node_modules'), `${dir}/node_modules`)
  writeFileSync(
    `${dir}/migrations/0001-invoices.sql`,
    'CREATE TABLE invoices (order_id VARCHAR(64) NOT NULL PRIMARY KEY);\n',
  )
  writeFileSync(
    `${dir}/invoices.ts`,
    `
import { transactionScript } from '@sampan/server/database/database'
import { completeJob } from '@sampan/server/features/jobs/settle-job'
export const addInvoice = transactionScript(import.meta.url, 'addInvoice', function* ({ id, attempt, data, nowMs }) {
  yield { sql: 'INSERT INTO invoices (order_id) VALUES (?)', params: [data.orderId] }
  yield* completeJob({ id, attempt, result: undefined, nowMs })
})`,
  )
  writeFileSync(
    `${dir}/index.ts`,
    `
import { COMPLETED } from '@sampan/server/features/jobs/run-jobs'
import { addInvoice } from './invoices.ts'
export default async function (app, { jobs, transact }) {
  jobs.handle('invoice', async ({ id, attempt, data }) => {
    await transact(addInvoice, { id, attempt, data, nowMs: Date.now() })
    return COMPLETED
  })
}`,
  )
  const server = await startTestServer({ project: { serverRoot: dir, jobs: [{ kind: 'invoice' }] } })
  const { body } = await server.post('/v1/jobs', { kind: 'invoice', data: { orderId: 'o1' } }, server.localToken)
  let state = ''
  for (let waited = 0; waited < 300 && state !== 'done'; waited += 1) {
    await sleep(30)
    state = (await server.get(`/v1/jobs/${body.id}`, server.localToken)).body.state
  }
  assert.equal(state, 'done')
  const rows = await server.server.resources.database.read('SELECT order_id FROM invoices')
  assert.deepEqual(rows, [{ order_id: 'o1' }])
  await server.close()
  rmSync(dir, { recursive: true })
})
