import type { Dialect } from '../database.ts'

export const postgresDialect: Dialect = {
  name: 'postgres',
  quote: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
  deadlineGuard: '',
  deadlineGuardOf: () => '',
  tableOptions: '',
}
