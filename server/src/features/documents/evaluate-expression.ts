/** `$expr`: an aggregation expression as a condition on one document. */
import { Query } from 'mingo/query'
import { AppError } from '../../errors.ts'
import { revive } from './aggregation-values.ts'
import { boundedContext, ExpressionBudget } from './bounded-expressions.ts'
import { decodeExpression } from './decode-expression.ts'
import { startDecoding } from './decode-value.ts'
import type { ExpressionTest } from './match-document.ts'

/** @throws {AppError} `invalid_query` */
export const expressionTest =
  (nowMs: number): ExpressionTest =>
  (expression) => {
    const decoded = decodeExpression(expression, startDecoding('invalid_query', nowMs), '$expr', true)
    const budget = new ExpressionBudget()
    const options = { scriptEnabled: false, context: boundedContext(budget) }
    const query = attempt(() => new Query({ $expr: revive(decoded) }, options))
    return (document) => {
      budget.refill()
      return attempt(() => query.test(revive(document) as Record<string, unknown>)) // safe: an object stays one
    }
  }

function attempt<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (error instanceof AppError) throw error
    const reason = error instanceof Error ? error.message : 'failed'
    throw new AppError('invalid_query', `$expr: ${reason}`, { details: { path: '$expr', reason }, cause: error })
  }
}
