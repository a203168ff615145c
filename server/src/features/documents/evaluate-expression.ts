/** `$expr`: an aggregation expression as a condition on one document. */
import { createRequire } from 'node:module'
import path from 'node:path'
import { AppError } from '../../errors.ts'
import { decodeExpression } from './decode-expression.ts'
import { startDecoding } from './decode-value.ts'
import type { ExpressionTest } from './match-document.ts'

const require = createRequire(import.meta.url)
/** Loaded by the first `$expr`, and at once, because conditions are compiled without waiting. */
const expressionQueries = () =>
  require(`./expression-query${path.extname(import.meta.url)}`) as typeof import('./expression-query.ts') // safe: that file

/** @throws {AppError} `invalid_query` */
export const expressionTest =
  (nowMs: number): ExpressionTest =>
  (expression) => {
    const decoded = decodeExpression(expression, startDecoding('invalid_query', nowMs), '$expr', true)
    const holds = attempt(() => expressionQueries().openExpressionQuery(decoded))
    return (document) => attempt(() => holds(document))
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
