/** The write that the database figures measure, in a module that SQLite's writer thread imports. */
import { transactionScript } from '../src/database/database.ts'

export const INSERT_NOTE = 'INSERT INTO notes (id, body) VALUES (?, ?)'
export const NOTE_TABLE = 'CREATE TABLE notes (id VARCHAR(64) NOT NULL PRIMARY KEY, body TEXT NOT NULL)'

export const insertNote = transactionScript(
  import.meta.url,
  'insertNote',
  function* ({ id, body }: { id: string; body: string }) {
    const { changes } = yield { sql: INSERT_NOTE, params: [id, body] }
    return changes
  },
)
