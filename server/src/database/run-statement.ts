/** One statement in a transaction of its own. A module apart, because SQLite's writer thread loads it. */
import { type SqlValue, transactionScript } from './database.ts'

export type Statement = {
  readonly sql: string
  readonly params: readonly SqlValue[]
  /** Whether it answers rows: SELECT, or RETURNING where the database has it. */
  readonly isReturning: boolean
  /** More rows than this are left out. */
  readonly rowsMax: number
}

export const runStatement = transactionScript(
  import.meta.url,
  'runStatement',
  function* ({ sql, params, isReturning, rowsMax }: Statement) {
    const { rows, changes } = yield { sql, params, ...(isReturning && { want: 'rows' as const }) }
    return { rows: rows.slice(0, rowsMax), changes }
  },
)
