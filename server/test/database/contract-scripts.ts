/** Transaction scripts of the contract test, in a module of their own: SQLite's writer thread imports it too. */
import { transactionScript } from '../../src/database/database.ts'
import { AppError } from '../../src/errors.ts'

export const addNote = transactionScript(
  import.meta.url,
  'addNote',
  function* ({ id, text }: { id: string; text: string }) {
    const { changes } = yield { sql: 'INSERT INTO notes (id, text) VALUES (?, ?)', params: [id, text] }
    return changes
  },
)

export const addPair = transactionScript(import.meta.url, 'addPair', function* (pair: readonly [string, string]) {
  yield { sql: 'INSERT INTO pairs (a, b) VALUES (?, ?)', params: pair }
})

/** Writes, then refuses. */
export const addNoteAndFail = transactionScript(import.meta.url, 'addNoteAndFail', function* (id: string) {
  yield { sql: 'INSERT INTO notes (id, text) VALUES (?, ?)', params: [id, 'never seen'] }
  throw new AppError('permission_denied', 'No.', { details: { id } })
})

/** Tries to carry on after a failed step, which no script may. */
export const ignoreFailure = transactionScript(import.meta.url, 'ignoreFailure', function* (id: string) {
  try {
    yield { sql: 'INSERT INTO notes (id, text) VALUES (?, ?)', params: [id, 'first'] }
    yield { sql: 'INSERT INTO notes (id, text) VALUES (?, ?)', params: [id, 'second'] }
  } catch {
    return 'went on'
  }
  return 'no failure'
})

export const translateFailure = transactionScript(import.meta.url, 'translateFailure', function* (id: string) {
  try {
    yield { sql: 'INSERT INTO notes (id, text) VALUES (?, ?)', params: [id, 'x'] }
  } catch (cause) {
    throw new AppError('collection_exists', 'Translated.', { cause })
  }
  return 'no failure'
})

/** Reads a counter and writes it back: loses updates unless others wait. */
export const increment = transactionScript(import.meta.url, 'increment', function* (name: string) {
  const { rows } = yield {
    sql: 'SELECT value FROM counters WHERE name = ?',
    params: [name],
    want: 'rows',
    locksRows: true,
  }
  const value = Number(rows[0]?.['value']) + 1
  yield { sql: 'UPDATE counters SET value = ? WHERE name = ?', params: [value, name] }
  return value
})

/** Locks two rows in the order of its arguments: with another that takes them in the other order, a deadlock. */
export const transfer = transactionScript(
  import.meta.url,
  'transfer',
  function* ({ from, to }: { from: string; to: string }) {
    for (const [name, change] of [
      [from, -1],
      [to, 1],
    ] as const) {
      const { rows } = yield {
        sql: 'SELECT value FROM counters WHERE name = ?',
        params: [name],
        want: 'rows',
        locksRows: true,
      }
      const value = Number(rows[0]?.['value']) + change
      yield { sql: 'UPDATE counters SET value = ? WHERE name = ?', params: [value, name] }
    }
  },
)

export const answerWhat = transactionScript(import.meta.url, 'answerWhat', function* (kind: 'function' | 'value') {
  yield { sql: 'UPDATE counters SET value = value WHERE name = ?', params: ['none'] }
  return kind === 'function' ? () => 'cannot be cloned' : 'value'
})

export const fillNumbers = transactionScript(import.meta.url, 'fillNumbers', function* (rows: readonly number[]) {
  for (const n of rows) yield { sql: 'INSERT INTO numbers (n) VALUES (?)', params: [n] }
  return rows.length
})

export const readSynchronous = transactionScript(import.meta.url, 'readSynchronous', function* (_: null) {
  const { rows } = yield { sql: 'PRAGMA synchronous', want: 'rows' }
  return rows[0]?.['synchronous']
})

/** Lets the database file grow to so many pages and no further: a full disk, as far as SQLite can tell. */
export const limitPages = transactionScript(import.meta.url, 'limitPages', function* (pages: number) {
  yield { sql: `PRAGMA max_page_count = ${pages}`, want: 'rows' }
})

/** Ends the thread that runs it, as a crash would. */
export const endThread = transactionScript(import.meta.url, 'endThread', function* (_: null) {
  yield { sql: 'UPDATE counters SET value = value WHERE name = ?', params: ['none'] }
  process.exit(1)
})

/** Visits so many rows that the deadline must stop it. */
export const scanNumbers = transactionScript(import.meta.url, 'scanNumbers', function* (guard: string) {
  yield {
    sql: `SELECT COUNT(*) AS n FROM numbers a, numbers b, numbers c WHERE ${guard || '1 = 1'} AND a.n + b.n + c.n < 0`,
    want: 'rows',
  }
})
