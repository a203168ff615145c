import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import SqliteDriver from 'better-sqlite3'
import type { Database } from '../../src/database/database.ts'
import { openSqlite, requireSupportedNode } from '../../src/database/sqlite/open-sqlite.ts'
import { ReaderPool } from '../../src/database/sqlite/reader-pool.ts'
import { addNote, answerWhat, endThread, limitPages, readSynchronous } from './contract-scripts.ts'
import { failsWith, silentLog, testDatabase } from './database-contract.ts'

const folder = await mkdtemp(path.join(tmpdir(), 'sampan-sqlite-'))
after(() => rm(folder, { recursive: true, force: true }))

const openFile = (name: string) =>
  openSqlite({ file: path.join(folder, name), timeoutMs: 10_000, readerThreads: 2, log: silentLog })

testDatabase('SQLite', () => openFile('contract.db'))

describe('embedded SQLite', () => {
  const opened: Database[] = []
  after(() => Promise.all(opened.map((database) => database.close())))

  const openNotes = async (name: string) => {
    const database = await openFile(name)
    opened.push(database)
    await database.define('CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL)')
    await database.define('CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)')
    return database
  }

  it('refuses a Node that would crash in the driver, and says what to do', () => {
    assert.throws(() => requireSupportedNode({ node: '20.20.2', napi: '9' }), /20\.20\.2.*npm ci/)
    requireSupportedNode(process.versions)
  })

  it('says what is wrong with a file that is no database', async () => {
    await writeFile(path.join(folder, 'letter.db'), 'Dear reader, '.repeat(1_000))
    await assert.rejects(openFile('letter.db'), (error) => {
      failsWith('database_unavailable')(error)
      return /file is not a database/.test(String(error))
    })
  })

  it('lets writes that arrive together share a commit', async () => {
    const database = await openNotes('group.db')
    const commitsBefore = database.stats().commits
    await Promise.all(Array.from({ length: 500 }, (_, i) => database.transact(addNote, { id: `${i}`, text: 'x' })))
    const { commits, scripts } = database.stats()
    assert.equal(scripts, 500)
    assert.ok(commits - commitsBefore <= 20, `500 scripts took ${commits - commitsBefore} commits`)
  })

  it('runs a batch again without the script that failed, and nothing of it twice', async () => {
    const database = await openNotes('batch-again.db')
    const add = (id: string) => database.transact(addNote, { id, text: 'x' })
    const outcomes = await Promise.allSettled([add('a'), add('b'), add('a'), add('c')])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    )
    const rows = await database.read('SELECT id FROM notes ORDER BY id')
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['a', 'b', 'c'],
    )
    assert.deepEqual([database.stats().scripts, database.stats().failedScripts], [3, 1])
  })

  it('writes every page to the disk before it acknowledges', async () => {
    const database = await openNotes('settings.db')
    const [sync] = await database.read('PRAGMA synchronous', [], { cost: 'cheap' })
    assert.equal(sync?.['synchronous'], 2)
    assert.equal(await database.transact(readSynchronous, null), 2)
    const [journal] = await database.read('PRAGMA journal_mode')
    assert.equal(journal?.['journal_mode'], 'wal')
  })

  it('still finds everything after a close and an open', async () => {
    const first = await openFile('again.db')
    await first.define('CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT NOT NULL)')
    await first.transact(addNote, { id: 'kept', text: 'x' })
    await first.close()
    const second = await openFile('again.db')
    opened.push(second)
    assert.deepEqual(await second.read('SELECT id FROM notes'), [{ id: 'kept' }])
  })

  it('answers the neighbours of a result that cannot cross threads', async () => {
    const database = await openNotes('results.db')
    const [bad, good] = await Promise.allSettled([
      database.transact(answerWhat, 'function'),
      database.transact(addNote, { id: 'good', text: 'x' }),
    ])
    assert.deepEqual([bad.status, good.status], ['rejected', 'fulfilled'])
  })

  it('stores whole numbers as integers, so that text and JSON do not grow a ".0"', async () => {
    const database = await openNotes('numbers.db')
    const [row] = await database.read(
      "SELECT json_object('a', ?) AS json, typeof(?) AS kind, typeof(?) AS other",
      [3, 3, 3.5],
    )
    assert.deepEqual(row, { json: '{"a":3}', kind: 'integer', other: 'real' })
  })

  it('gives up a statement without guard at the deadline and reads on with another thread', async () => {
    const database = await openNotes('unguarded.db')
    const endless =
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000) SELECT count(*) AS c FROM n'
    await assert.rejects(database.read(endless, [], { timeoutMs: 100 }), failsWith('deadline_exceeded'))
    assert.deepEqual(await database.read('SELECT 1 AS one'), [{ one: 1 }])
  })

  it('moves the log into the file when nobody writes', { timeout: 20_000 }, async () => {
    const database = await openNotes('checkpoint.db')
    const text = 'x'.repeat(10_000)
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => database.transact(addNote, { id: `${i}`, text })))
    const sizeOfFile = async () => (await stat(path.join(folder, 'checkpoint.db'))).size
    while ((await sizeOfFile()) < 8_000_000) await new Promise((resolve) => setTimeout(resolve, 20))
  })

  it('stops a guarded statement without giving up its thread', async () => {
    const warnings: string[] = []
    const database = await openSqlite({
      file: path.join(folder, 'guarded.db'),
      timeoutMs: 10_000,
      readerThreads: 1,
      log: { ...silentLog, warn: (_, message) => void warnings.push(message) },
    })
    opened.push(database)
    const endless = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT count(*) AS c FROM n`
    const { dialect } = database
    // No row fulfils the other condition: the guard must be asked all the same.
    for (const guard of [dialect.deadlineGuard, dialect.deadlineGuardOf('i')])
      await assert.rejects(
        database.read(`${endless} WHERE ${guard} AND i < 0`, [], { timeoutMs: 100 }),
        failsWith('deadline_exceeded'),
      )
    assert.deepEqual(warnings, [])
  })

  it('ends reader threads that have nothing to do, and starts them again', async () => {
    const database = await openNotes('idle.db')
    await database.transact(addNote, { id: 'a', text: 'x' })
    const readers = new ReaderPool({ file: path.join(folder, 'idle.db'), threads: 2, log: silentLog, idleMs: 20 })
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(await readers.read('SELECT id FROM notes', [], 10_000), [{ id: 'a' }])
      assert.equal(readers.threads, 1)
      while (readers.threads) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await readers.close()
  })

  it('refuses a result that would fill the memory', async () => {
    const database = await openNotes('large.db')
    const large = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
      SELECT i, hex(zeroblob(1000)) AS t FROM n`
    await assert.rejects(database.read(large), failsWith('query_too_expensive'))
    assert.deepEqual(await database.read('SELECT 1 AS one'), [{ one: 1 }])
  })

  it('acknowledges nothing on a full disk, keeps reading, and writes again when there is room', async () => {
    const database = await openNotes('full.db')
    await database.transact(limitPages, 40)
    const text = 'x'.repeat(3_000)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => database.transact(addNote, { id: `${i}`, text })),
    )
    for (let i = 0; i < 40; i += 1)
      outcomes.push(...(await Promise.allSettled([database.transact(addNote, { id: `single-${i}`, text })])))
    const acknowledged = outcomes.filter(({ status }) => status === 'fulfilled').length
    for (const outcome of outcomes) if (outcome.status === 'rejected') failsWith('storage_full')(outcome.reason)
    assert.ok(acknowledged > 0 && acknowledged < outcomes.length)
    assert.deepEqual(await database.read('SELECT count(*) AS n FROM notes'), [{ n: acknowledged }])
    await database.transact(limitPages, 10_000)
    assert.equal(await database.transact(addNote, { id: 'room', text }), 1)
  })

  it('replaces a writer thread that died, and tells the callers whose outcome it cannot know', async () => {
    const database = await openNotes('crash.db')
    const outcomes = await Promise.allSettled([
      database.transact(addNote, { id: 'with-the-crash', text: 'x' }),
      database.transact(endThread, null),
    ])
    for (const outcome of outcomes) failsWith('database_unavailable')(outcome.status === 'rejected' && outcome.reason)
    assert.equal(await database.transact(addNote, { id: 'after', text: 'x' }), 1)
    assert.deepEqual(await database.read('SELECT id FROM notes'), [{ id: 'after' }])
  })

  it('reports a locked database as a conflict and carries on when it is free', { timeout: 30_000 }, async () => {
    const database = await openNotes('locked.db')
    const other = new SqliteDriver(path.join(folder, 'locked.db'))
    other.exec('BEGIN IMMEDIATE')
    await assert.rejects(database.transact(addNote, { id: 'a', text: 'x' }), failsWith('transaction_conflict'))
    other.exec('ROLLBACK')
    other.close()
    assert.equal(await database.transact(addNote, { id: 'a', text: 'x' }), 1)
  })

  it('sheds load when too many writes wait', async () => {
    const database = await openNotes('overload.db')
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6_000 }, (_, i) => database.transact(addNote, { id: `${i}`, text: 'x' })),
    )
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    assert.ok(refused.length > 0)
    const first = refused[0]
    assert.ok(first?.status === 'rejected')
    failsWith('overloaded')(first.reason)
    const [row] = await database.read('SELECT count(*) AS n FROM notes')
    assert.equal(row?.['n'], outcomes.length - refused.length)
  })
})
