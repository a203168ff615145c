/** What runs `$expr`: apart, because it brings 270 modules along. */
import { Query } from 'mingo/query'
import { revive } from './aggregation-values.ts'
import { boundedContext, ExpressionBudget } from './bounded-expressions.ts'
import type { Json } from './document-request.ts'

/** @throws what mingo says of an expression that it cannot read, at once or when it is tested */
export function openExpressionQuery(expression: Json): (document: Json) => boolean {
  const budget = new ExpressionBudget()
  const query = new Query({ $expr: revive(expression) }, { scriptEnabled: false, context: boundedContext(budget) })
  return (document) => {
    budget.refill()
    return query.test(revive(document) as Record<string, unknown>) // safe: an object stays one
  }
}
