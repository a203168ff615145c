import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify from 'fastify'
import { pino } from 'pino'
import { openDatabase } from '../../src/database/open-database.ts'
import { runStatement } from '../../src/database/run-statement.ts'
import { openMetricsHistory } from '../../src/features/monitor/metrics-history.ts'
import { openMonitorSettings } from '../../src/features/monitor/monitor-settings.ts'
import { createRecentRequests } from '../../src/features/monitor/recent-requests.ts'
import { openRequestArchive } from '../../src/features/monitor/request-archive.ts'
import type { SeenRequest } from '../../src/features/monitor/seen-request.ts'
import { createSlowQueryBook } from '../../src/features/monitor/slow-query-book.ts'
import { createStatementTrace } from '../../src/features/monitor/statement-trace.ts'
import { readTwo } from './trace-scripts.ts'

async function openFile(t: TestContext) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'watch-requests-'))
  const file = path.join(dir, 'm.db')
  let history = openMetricsHistory(file)
  t.after(async () => {
    history.close()
    await rm(dir, { recursive: true, force: true })
  })
  return {
    dir,
    file,
    history: () => history,
    restart() {
      history.close()
      history = openMetricsHistory(file)
    },
  }
}

const requestOf = (requestId: string, status = 200): SeenRequest => ({
  requestId,
  atMs: 1,
  method: 'GET',
  route: '/things',
  status,
  durationMs: 1,
  partOf: undefined,
  caller: 'user',
  statements: [{ sql: 'SELECT 1', durationMs: 0.25, isFailed: false }],
  statementsLeft: 0,
})

describe('statements of a request', () => {
  async function startTraced(t: TestContext) {
    const { dir, history } = await openFile(t)
    const log = pino({ level: 'silent' })
    const real = await openDatabase({ url: `sqlite:${path.join(dir, 'app.db')}`, timeoutMs: 5_000, log })
    const trace = createStatementTrace()
    const database = trace.watch(real)
    const recent = createRecentRequests({ archive: openRequestArchive(history()) })
    const app = fastify({ genReqId: (raw) => String(raw.headers['x-id']) })
    recent.observe(app)
    trace.observe(app)
    t.after(async () => {
      await app.close()
      await real.close()
    })
    return { app, database, recent }
  }

  it('belong to the request that ran them, also with a body and while others run', async (t) => {
    const { app, database, recent } = await startTraced(t)
    app.addHook('onRequest', async () => void (await database.read('SELECT 0 AS hook', [], { cost: 'cheap' })))
    app.post<{ Body: { n: number } }>('/read', async ({ body }) => {
      await sleep(body.n % 3)
      await database.read(`SELECT ${body.n} AS n`)
      await database.transact(readTwo, {})
      await database.transact(runStatement, {
        sql: `SELECT ${body.n} AS own`,
        params: [],
        isReturning: true,
        rowsMax: 1,
      })
      return {}
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    // As on a bad line: the body comes well after the head.
    async function* lateBody(n: number) {
      await sleep(30)
      yield Buffer.from(`{"n":${n},`)
      await sleep(10)
      yield Buffer.from(`"padding":"${'x'.repeat(100_000)}"}`)
    }
    const ask = (n: number) =>
      fetch(`${url}/read`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-id': `r${n}` },
        body: ReadableStream.from(lateBody(n)),
        duplex: 'half',
      })
    await Promise.all(Array.from({ length: 12 }, (_, n) => ask(n)))
    for (let n = 0; n < 12; n += 1) {
      const [seen] = recent.list({ requestId: `r${n}`, limit: 1 })
      assert.deepEqual(
        seen?.statements.map(({ sql }) => sql),
        ['SELECT 0 AS hook', `SELECT ${n} AS n`, 'transaction readTwo', `SELECT ${n} AS own`],
      )
      assert.ok(seen?.statements.every(({ durationMs, isFailed }) => durationMs > 0 && !isFailed))
    }
  })

  it('are counted beyond twenty, and say when they failed', async (t) => {
    const { app, database, recent } = await startTraced(t)
    app.get('/many', async () => {
      await database.read('SELECT nothing FROM nowhere').catch(() => undefined)
      for (let n = 0; n < 24; n += 1) await database.read('SELECT 1 AS one', [], { cost: 'cheap' })
      return {}
    })
    await app.inject({ url: '/many', headers: { 'x-id': 'many' } })
    const [seen] = recent.list({ requestId: 'many', limit: 1 })
    assert.deepEqual([seen?.statements.length, seen?.statementsLeft], [20, 5])
    assert.equal(seen?.statements[0]?.isFailed, true)
  })
})

describe('the last requests', () => {
  it('are there after a restart, newest first, with their statements', async (t) => {
    const file = await openFile(t)
    const before = openRequestArchive(file.history())
    before.save([requestOf('a'), requestOf('b', 500)])
    before.save([])
    file.restart()
    const recent = createRecentRequests({ archive: openRequestArchive(file.history()) })
    const found = recent.list({ limit: 10 })
    assert.deepEqual(
      found.map(({ requestId }) => requestId),
      ['b', 'a'],
    )
    assert.deepEqual({ partOf: undefined, ...found[1] }, requestOf('a'))
    assert.deepEqual(
      recent.list({ isFailed: true, limit: 10 }).map(({ requestId }) => requestId),
      ['b'],
    )
  })

  it('keep their failures when there are too many to keep', async (t) => {
    const { history } = await openFile(t)
    const archive = openRequestArchive(history())
    archive.save([requestOf('bad', 503), ...Array.from({ length: 2_000 }, (_, n) => requestOf(`ok${n}`))])
    const kept = archive.load()
    assert.equal(kept.length, 300)
    assert.equal(kept[0]?.requestId, 'bad')
    assert.equal(kept.at(-1)?.requestId, 'ok1999')
  })

  it('take a bounded place in the file, however long the server runs', async (t) => {
    const { history, file } = await openFile(t)
    const archive = openRequestArchive(history())
    const many = Array.from({ length: 300 }, (_, n) => requestOf(`request-with-an-id-${n}`))
    for (let turn = 0; turn < 200; turn += 1) archive.save(many)
    assert.ok(archive.load().length <= 5_300)
    const bytes = (await stat(file)).size
    assert.ok(bytes < 8e6, `${bytes} bytes`)
  })
})

describe('the book of slow queries', () => {
  const QUERY = { collection: 'rooms', sql: 'SELECT 1', durationMs: 300, plan: ['SCAN'], proposedIndex: undefined }

  it('is there after a restart, and goes on counting', async (t) => {
    const file = await openFile(t)
    const open = () => createSlowQueryBook({ settings: openMonitorSettings(file.history()) })
    const first = open()
    first.add(QUERY)
    first.save({ isLast: true })
    file.restart()
    const second = open()
    second.add({ ...QUERY, durationMs: 500 })
    const [found] = second.list()
    assert.deepEqual([found?.count, found?.totalMs, found?.maxMs, found?.plan], [2, 800, 500, ['SCAN']])
    second.clear()
    second.save({ isLast: true })
    file.restart()
    assert.deepEqual(open().list(), [])
  })

  it('names statements of own SQL, and no transactions of ours', async (t) => {
    const file = await openFile(t)
    const book = createSlowQueryBook({ settings: openMonitorSettings(file.history()) })
    book.addStatement({ sql: 'SELECT slow', durationMs: 400, isFailed: false })
    book.addStatement({ sql: 'transaction saveCalls', durationMs: 400, isFailed: false })
    assert.deepEqual(
      book.list().map(({ sql }) => sql),
      ['SELECT slow'],
    )
    assert.deepEqual(book.source().counters, { 'database.slowQueries': 1 })
  })
})
