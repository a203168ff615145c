/** SQL text with its parameters, so that fragments can be put together in any order. */
import type { SqlValue } from '../../database/database.ts'

export type Sql = { readonly text: string; readonly params: readonly SqlValue[] }

/** `text` holds one `?` for each parameter. */
export const sql = (text: string, ...params: SqlValue[]): Sql => ({ text, params })

export const TRUE = sql('1=1')
export const FALSE = sql('1=0')

export function joinSql(parts: readonly Sql[], operator: ' AND ' | ' OR ' | ', '): Sql {
  const [only] = parts
  if (only && parts.length === 1) return only
  const text = parts.map((part) => part.text).join(operator)
  return { text: operator === ', ' ? text : `(${text})`, params: parts.flatMap((part) => part.params) }
}

export function andSql(parts: readonly Sql[]): Sql {
  const needed = parts.filter((part) => part !== TRUE)
  if (needed.includes(FALSE)) return FALSE
  return needed.length ? joinSql(needed, ' AND ') : TRUE
}

export function orSql(parts: readonly Sql[]): Sql {
  const needed = parts.filter((part) => part !== FALSE)
  if (needed.includes(TRUE)) return TRUE
  return needed.length ? joinSql(needed, ' OR ') : FALSE
}

/** Two-valued: also where the condition is NULL. */
export function notSql(part: Sql): Sql {
  if (part === TRUE) return FALSE
  return part === FALSE ? TRUE : { text: `((${part.text}) IS NOT TRUE)`, params: part.params }
}

/** A string literal of SQL's standard. */
export const textLiteral = (text: string) => `'${text.replaceAll("'", "''")}'`

/** JSON text of some fields, put together in SQL; `at` answers a field's JSON text, or NULL where it is missing. */
export function pickText(fields: readonly string[], at: (field: string) => string): string {
  const parts = fields
    .filter((field) => field !== '_id')
    .map((field) => `coalesce(${textLiteral(`,${JSON.stringify(field)}:`)} || ${at(field)}, '')`)
  return [`'{"_id":'`, at('_id'), ...parts, `'}'`].join(' || ')
}
