/** Which rows a change is about, as the writing script needs it: SQL, and the filter that decides where SQL cannot. */
import type { Collection } from './collection.ts'
import { compileFilterSql } from './compile-filter.ts'
import { allOf, type Filter, hasExpression } from './document-filter.ts'
import type { DocumentCaller } from './document-request.ts'
import type { Selection as WriteSelection } from './document-writes.ts'
import type { Engine } from './documents-needs.ts'
import { expressionTest } from './evaluate-expression.ts'
import { planQuery } from './plan-query.ts'
import { timeoutOf } from './read-documents.ts'
import { indexesOf, select } from './run-selection.ts'

/** Documents that a change with `$expr` may find: their ids go to the script. */
const EXPRESSION_DOCUMENTS_LIMIT = 10_000

export async function writeSelection(
  engine: Engine,
  collection: Collection,
  filter: Filter,
  caller: DocumentCaller,
): Promise<WriteSelection> {
  if (!hasExpression(filter)) return compileSelection(engine, collection, filter)
  // Expressions are evaluated here, not where the script runs: it gets the ids, and the rest of the filter again.
  const texts = await select(engine, {
    collection,
    filter,
    order: [],
    skip: 0,
    limit: EXPRESSION_DOCUMENTS_LIMIT,
    timeoutMs: timeoutOf(engine, caller),
    expressionTest: expressionTest(engine.now()),
  })
  const values = texts.map((text) => JSON.parse(text)._id)
  const isFound: Filter = { kind: 'field', path: '_id', test: { kind: 'in', values, patterns: [] } }
  const others = filter.kind === 'and' ? filter.of.filter((part) => !hasExpression(part)) : []
  return compileSelection(engine, collection, allOf([isFound, ...others]))
}

function compileSelection(engine: Engine, collection: Collection, filter: Filter): WriteSelection {
  const { dialect } = engine.database
  const { source } = collection
  const general = compileFilterSql(filter, source)
  const isById = /^\(?_id = \?(\)|$| AND)/.test(general.sql.text)
  const guardAgainstDelay = (where: string) =>
    dialect.deadlineGuard && !isById ? `${dialect.deadlineGuardOf('seq')} AND ${where}` : where
  const selection: WriteSelection = {
    where: guardAgainstDelay(general.sql.text),
    params: general.sql.params,
    filter: general.isExact ? undefined : filter,
  }
  const plan = isById ? undefined : planQuery(filter, [], indexesOf(collection), source)
  if (!plan || plan.guards.length === 0) return selection
  const fast = compileFilterSql(filter, source, plan.withoutArrays)
  const table = dialect.quote(collection.table)
  return {
    ...selection,
    // The script's filter serves both conditions: the general one is never more exact than the indexed one.
    fast: {
      guard: `${plan.guards.map(({ text }) => `SELECT 1 AS found FROM ${table} WHERE ${text}`).join(' UNION ALL ')} LIMIT 1`,
      guardParams: plan.guards.flatMap(({ params }) => params),
      where: guardAgainstDelay(fast.sql.text),
      params: fast.sql.params,
    },
  }
}
