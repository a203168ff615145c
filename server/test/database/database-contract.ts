/** What every Database must do. Each implementation's test calls this; add behaviour here first. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Database, DatabaseLog } from '../../src/database/database.ts'
import { AppError } from '../../src/errors.ts'
import {
  addNote,
  addNoteAndFail,
  addPair,
  answerWhat,
  fillNumbers,
  ignoreFailure,
  increment,
  scanNumbers,
  transfer,
  translateFailure,
} from './contract-scripts.ts'

export const silentLog: DatabaseLog = { info() {}, warn() {}, error() {} }

export const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof AppError, `expected an AppError, got ${error}`)
  assert.equal(error.code, code)
  return true
}

// biome-ignore format: a table keeps its columns
const TABLES = [
  'CREATE TABLE notes (id VARCHAR(64) NOT NULL PRIMARY KEY, text VARCHAR(200) NOT NULL)',
  'CREATE TABLE counters (name VARCHAR(64) NOT NULL PRIMARY KEY, value BIGINT NOT NULL)',
  'CREATE TABLE numbers (n BIGINT NOT NULL)',
  'CREATE TABLE pairs (a VARCHAR(64) NOT NULL, b VARCHAR(64) NOT NULL)',
]

export function testDatabase(name: string, open: () => Promise<Database>, skip: string | false = false) {
  describe(`database: ${name}`, { skip }, () => {
    let database: Database
    before(async () => {
      database = await open()
      for (const sql of TABLES) await database.define(sql)
    })
    after(() => database.close())

    const count = async (sql: string, ...params: string[]) => {
      const [row] = await database.read(`SELECT COUNT(*) AS n FROM ${sql}`, params)
      return Number(row?.['n'])
    }

    it('shows an acknowledged write to the next read, cheap or not', async () => {
      for (let i = 0; i < 50; i += 1) {
        await database.transact(addNote, { id: `seen-${i}`, text: '你好 🛶' })
        const cost = i % 2 ? 'cheap' : 'scan'
        const rows = await database.read('SELECT text FROM notes WHERE id = ?', [`seen-${i}`], { cost })
        assert.deepEqual(rows, [{ text: '你好 🛶' }])
      }
    })

    it('answers the number of changed rows', async () => {
      assert.equal(await database.transact(addNote, { id: 'changes', text: 'x' }), 1)
    })

    it('rolls back a script that throws, and passes its error on', async () => {
      await assert.rejects(database.transact(addNoteAndFail, 'rolled-back'), (error) => {
        failsWith('permission_denied')(error)
        assert.deepEqual((error as AppError).details, { id: 'rolled-back' }) // safe: checked above
        assert.equal((error as AppError).message, 'No.')
        return true
      })
      assert.equal(await count('notes WHERE id = ?', 'rolled-back'), 0)
    })

    it('does not let a failing script hurt its neighbours', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 60 }, (_, i) =>
          i % 3 === 0
            ? database.transact(addNoteAndFail, `neighbour-${i}`)
            : database.transact(addNote, { id: `neighbour-${i}`, text: 'x' }),
        ),
      )
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 'rejected' : 'fulfilled')),
      )
      assert.equal(await count("notes WHERE id LIKE 'neighbour-%'"), 40)
    })

    it('reports a broken unique key as document_exists with the name of the index', async () => {
      await database.define('CREATE UNIQUE INDEX pairs_by_a_and_b ON pairs (a, b)')
      await database.transact(addNote, { id: 'twice', text: 'x' })
      await assert.rejects(database.transact(addNote, { id: 'twice', text: 'y' }), (error) => {
        failsWith('document_exists')(error)
        assert.equal(typeof (error as AppError).details?.['index'], 'string') // safe: checked above
        return true
      })
    })

    it('does not let a script go on after a failed step', async () => {
      await assert.rejects(database.transact(ignoreFailure, 'ignored'), failsWith('document_exists'))
      assert.equal(await count('notes WHERE id = ?', 'ignored'), 0)
    })

    it('lets a script translate a failed step', async () => {
      await database.transact(addNote, { id: 'translated', text: 'x' })
      await assert.rejects(database.transact(translateFailure, 'translated'), failsWith('collection_exists'))
    })

    it('loses no update when scripts read and write the same row at once', async () => {
      await database.define("INSERT INTO counters (name, value) VALUES ('hits', 0)")
      await Promise.all(Array.from({ length: 40 }, () => database.transact(increment, 'hits')))
      assert.deepEqual(await database.read("SELECT value FROM counters WHERE name = 'hits'"), [{ value: 40 }])
    })

    it('runs scripts again that met in a deadlock', { timeout: 60_000 }, async () => {
      await database.define("INSERT INTO counters (name, value) VALUES ('left', 100), ('right', 100)")
      const [left, right] = ['left', 'right']
      await Promise.all(
        Array.from({ length: 4 }, (_, i) =>
          database.transact(transfer, i % 2 ? { from: left, to: right } : { from: right, to: left }),
        ),
      )
      const rows = await database.read("SELECT value FROM counters WHERE name IN ('left', 'right')")
      assert.deepEqual(rows, [{ value: 100 }, { value: 100 }])
    })

    it('keeps integers beyond 2^53 exact, and small ones plain numbers', async () => {
      const large = 2n ** 62n + 1n
      await database.define(`INSERT INTO counters (name, value) VALUES ('large', ${large})`)
      for (const cost of ['cheap', 'scan'] as const) {
        const rows = await database.read('SELECT value, 7 AS small FROM counters WHERE name = ?', ['large'], { cost })
        assert.deepEqual(rows, [{ value: large, small: 7 }])
      }
      const found = await database.read('SELECT name FROM counters WHERE value = ?', [large])
      assert.deepEqual(found, [{ name: 'large' }])
    })

    it('rejects only the script whose arguments or result cannot cross threads', async () => {
      const bad = (() => 'a function') as unknown as string // on purpose: what a careless caller may pass
      const [first, second, third] = await Promise.allSettled([
        database.transact(addNote, { id: 'crosses', text: 'x' }),
        database.transact(addNote, { id: 'does-not', text: bad }),
        database.transact(answerWhat, 'value'),
      ])
      assert.deepEqual([first.status, second.status, third.status], ['fulfilled', 'rejected', 'fulfilled'])
    })

    it('puts a question mark inside a string literal where it belongs', async () => {
      const rows = await database.read(`SELECT 'why?' AS a, ? AS b, '?''?' AS c`, ['x'])
      assert.deepEqual(rows, [{ a: 'why?', b: 'x', c: "?'?" }])
    })

    it('stops a statement at its deadline while the event loop goes on', { timeout: 60_000 }, async () => {
      await database.transact(
        fillNumbers,
        Array.from({ length: 1_000 }, (_, n) => n),
        { timeoutMs: 30_000 },
      )
      let ticks = 0
      const probe = setInterval(() => {
        ticks += 1
      }, 10)
      const guard = database.dialect.deadlineGuard || '1 = 1'
      const scan = `SELECT COUNT(*) AS n FROM numbers a, numbers b, numbers c WHERE ${guard} AND a.n + b.n + c.n < 0`
      await assert.rejects(database.read(scan, [], { timeoutMs: 500 }), failsWith('deadline_exceeded'))
      clearInterval(probe)
      assert.ok(ticks >= 10, `the event loop ticked ${ticks} times in half a second`)
      assert.equal((await database.read('SELECT 1 AS one'))[0]?.['one'], 1)
    })

    it('stops a script at its deadline and keeps nothing of it', { timeout: 60_000 }, async () => {
      const guard = database.dialect.deadlineGuard
      await assert.rejects(database.transact(scanNumbers, guard, { timeoutMs: 300 }), failsWith('deadline_exceeded'))
      assert.equal(await database.transact(addNote, { id: 'after-the-scan', text: 'x' }), 1)
    })

    it('does not let a script that runs over its deadline hurt its neighbours', { timeout: 60_000 }, async () => {
      const [slow, ...others] = await Promise.allSettled([
        database.transact(scanNumbers, database.dialect.deadlineGuard, { timeoutMs: 300 }),
        ...Array.from({ length: 40 }, (_, i) => database.transact(addNote, { id: `slow-${i}`, text: 'x' })),
      ])
      assert.ok(slow?.status === 'rejected')
      failsWith('deadline_exceeded')(slow.reason)
      assert.deepEqual(new Set(others.map(({ status }) => status)), new Set(['fulfilled']))
    })

    it('goes on reading while an index is built', { timeout: 60_000 }, async () => {
      assert.equal(await count('numbers'), 1_000)
      await database.define('INSERT INTO numbers SELECT a.n * 1000 + b.n FROM numbers a, numbers b WHERE a.n < 200')
      let isBuilt = false
      const built = database.define('CREATE INDEX numbers_by_n ON numbers (n)').finally(() => {
        isBuilt = true
      })
      let reads = 0
      for (; !isBuilt; reads += 1) {
        const cost = reads % 2 ? 'cheap' : 'scan'
        assert.equal((await database.read('SELECT name FROM counters WHERE name = ?', ['hits'], { cost })).length, 1)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await built
      assert.ok(reads >= 5, `only ${reads} reads got through`)
    })

    it('sees columns that another process added, in statements that it had prepared before', async () => {
      const readPairs = async (cost: 'cheap' | 'scan') => database.read('SELECT * FROM pairs', [], { cost })
      await database.transact(addPair, ['a', 'b'])
      // Often enough that every connection has prepared it.
      await Promise.all(Array.from({ length: 40 }, (_, i) => readPairs(i % 2 ? 'cheap' : 'scan')))
      const other = await open()
      await other.define('ALTER TABLE pairs ADD COLUMN c VARCHAR(10)')
      await other.close()
      const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => readPairs(i % 2 ? 'cheap' : 'scan')))
      for (const rows of answers) assert.deepEqual(rows, [{ a: 'a', b: 'b', c: null }])
    })

    it('answers a ping and counts what it does', async () => {
      await database.ping()
      const before = database.stats()
      await database.transact(addNote, { id: 'counted', text: 'x' })
      await assert.rejects(database.transact(addNoteAndFail, 'counted-too'))
      const after = database.stats()
      assert.equal(after.scripts - before.scripts, 1)
      assert.equal(after.failedScripts - before.failedScripts, 1)
      assert.equal(after.queuedWrites, 0)
    })

    it('finishes what was begun when it closes, and refuses what comes after', async () => {
      const other = await open()
      const begun = other.transact(addNote, { id: `closing-${name}`, text: 'x' })
      await other.close()
      assert.equal(await begun, 1)
      await assert.rejects(other.transact(addNote, { id: 'late', text: 'x' }), failsWith('shutting_down'))
      await assert.rejects(other.read('SELECT 1'), failsWith('shutting_down'))
      assert.equal(await count('notes WHERE id = ?', `closing-${name}`), 1)
    })
  })
}
