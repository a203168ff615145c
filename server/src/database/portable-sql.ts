/**
 * Our own tables are written once, in SQL that all three databases accept; this says what must be added so that they
 * also mean the same. Migrations of a project are run as they are.
 */
import type { Dialect } from './database.ts'

/** One DDL statement of ours as the dialect needs it. */
export function adaptDdl(statement: string, dialect: Dialect): string {
  if (dialect.name === 'mysql') {
    // TEXT ends at 64 KB there.
    const widened = statement.replaceAll(/\bTEXT\b/g, 'LONGTEXT')
    return isCreateTable(widened) ? `${widened} ${dialect.tableOptions}` : widened
  }
  // The database's locale must not decide whether 'a' comes before 'B'.
  if (dialect.name === 'postgres' && isCreateTable(statement))
    return statement.replaceAll(/\bVARCHAR\(\d+\)/g, (type) => `${type} COLLATE "C"`)
  return statement
}

const isCreateTable = (statement: string) => /^(?:\s|--[^\n]*\n)*CREATE TABLE/i.test(statement)
