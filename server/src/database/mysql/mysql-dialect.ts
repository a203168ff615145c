import type { Dialect } from '../database.ts'

/** The collations in which 'a', 'A', 'á' and 'a ' are four different texts have no common name. */
export function mysqlDialect(serverVersion: string): Dialect {
  const collation = /mariadb/i.test(serverVersion) ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin'
  return {
    name: 'mysql',
    quote: (identifier) => `\`${identifier.replaceAll('`', '``')}\``,
    deadlineGuard: '',
    deadlineGuardOf: () => '',
    tableOptions: `ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=${collation}`,
  }
}
