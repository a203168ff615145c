import type { SqlSource } from './sql-source.ts'

export function mysqlSource(_document: string): SqlSource {
  throw new Error('not written yet')
}
