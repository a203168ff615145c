import type { SqlSource } from './sql-source.ts'

export const MYSQL_KEY_TYPE = 'VARBINARY(1024)'

export function mysqlSource(_document: string, _columns: ReadonlyMap<string, string>): SqlSource {
  throw new Error('not written yet')
}
