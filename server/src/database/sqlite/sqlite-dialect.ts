import type { Dialect } from '../database.ts'

/** The SQL function behind the guard; every connection registers it. */
export const DEADLINE_FUNCTION = 'sampan_alive'

export const sqliteDialect: Dialect = {
  name: 'sqlite',
  quote: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
  // SQLite's progress handler and interrupt are not reachable from better-sqlite3: a function that throws is what is
  // left to stop a statement. It is evaluated for each row because it is not declared deterministic.
  deadlineGuard: `${DEADLINE_FUNCTION}() = 1`,
  // The call costs as much as reading a row; a 64th of the calls stops a scan just as well.
  deadlineGuardOf: (numberColumn) => `(${numberColumn} & 63 OR ${DEADLINE_FUNCTION}() = 1)`,
  tableOptions: '',
}
