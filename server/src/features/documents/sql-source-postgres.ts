import type { SqlSource } from './sql-source.ts'

export function postgresSource(_document: string): SqlSource {
  throw new Error('not written yet')
}
