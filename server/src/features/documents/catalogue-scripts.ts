/** Transaction scripts of the collection catalogue. */
import { type SqlStep, type StepResult, transactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'

export type CollectionRow = {
  readonly name: string
  readonly table: string
  readonly rules: string
  readonly indexes: string
}

function* raiseVersion(): Generator<SqlStep, void, StepResult> {
  const { changes } = yield { sql: 'UPDATE sampan_catalogue SET version = version + 1 WHERE id = 1' }
  if (changes === 0) yield { sql: 'INSERT INTO sampan_catalogue (id, version) VALUES (1, 1)' }
}

export const insertCollection = transactionScript(
  import.meta.url,
  'insertCollection',
  function* ({ name, table, rules, indexes }: CollectionRow) {
    const found = yield { sql: 'SELECT name FROM sampan_collections WHERE name = ?', params: [name], want: 'rows' }
    if (found.rows.length) throw new AppError('collection_exists', `The collection ${name} exists already.`)
    yield {
      sql: 'INSERT INTO sampan_collections (name, table_name, rules, indexes) VALUES (?, ?, ?, ?)',
      params: [name, table, rules, indexes],
    }
    yield* raiseVersion()
  },
)

export const changeCollection = transactionScript(
  import.meta.url,
  'changeCollection',
  function* ({ name, rules, indexes }: { name: string; rules?: string; indexes?: string }) {
    if (rules !== undefined) {
      yield { sql: 'UPDATE sampan_collections SET rules = ? WHERE name = ?', params: [rules, name] }
    }
    if (indexes !== undefined) {
      yield { sql: 'UPDATE sampan_collections SET indexes = ? WHERE name = ?', params: [indexes, name] }
    }
    yield* raiseVersion()
  },
)

export const deleteCollection = transactionScript(import.meta.url, 'deleteCollection', function* (name: string) {
  const { changes } = yield { sql: 'DELETE FROM sampan_collections WHERE name = ?', params: [name] }
  yield* raiseVersion()
  return changes > 0
})
