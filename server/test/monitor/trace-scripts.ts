/** A module apart, because SQLite's writer thread loads it: a test file would run its tests there. */
import { transactionScript } from '../../src/database/database.ts'

/** Its name is all that is seen of a script. */
export const readTwo = transactionScript(import.meta.url, 'readTwo', function* () {
  const { rows } = yield { sql: 'SELECT 2 AS two', want: 'rows' }
  return rows
})
