/**
 * mingo's operators with a budget: what expressions produce, in elements of arrays and characters of text, is counted
 * while they run, because a few operators can make gigabytes out of one number and a thread's heap limit is no fence for
 * a single allocation.
 */
import { Context, evalExpr } from 'mingo/core'
import * as accumulator from 'mingo/operators/accumulator'
import * as expression from 'mingo/operators/expression'
import * as pipeline from 'mingo/operators/pipeline'
import * as projection from 'mingo/operators/projection'
import * as query from 'mingo/operators/query'
import { AppError } from '../../errors.ts'
import { DATE_OPERATORS } from './mongo-dates.ts'
import { type ExpressionOperator, extreme, MONGO_OPERATORS, operandsOf } from './mongo-operators.ts'

/** Elements, or characters by 16, that one stage may produce. */
export const EXPRESSION_BUDGET = 4_000_000
const CHARACTERS_PER_UNIT = 16

type Arguments = Parameters<ExpressionOperator>

export class ExpressionBudget {
  #left = EXPRESSION_BUDGET

  /** For the next document, where each has a budget of its own. */
  refill() {
    this.#left = EXPRESSION_BUDGET
  }

  /** @throws {AppError} `query_too_expensive` */
  spend(units: number) {
    this.#left -= units
    if (this.#left < 0 || Number.isNaN(units)) {
      throw new AppError('query_too_expensive', `The expressions produce more than ${EXPRESSION_BUDGET} values.`)
    }
  }
}

/** A context for one stage: it counts as the stage's expressions run. */
export function boundedContext(budget: ExpressionBudget): Context {
  const counted = Object.fromEntries(
    Object.entries({ ...expression, ...MONGO_OPERATORS, ...DATE_OPERATORS }).map(([name, operator]) => [
      name,
      countResult(name, operator as ExpressionOperator, budget), // safe: all operators are called alike
    ]),
  )
  const $range = (...[value, operands, options]: Arguments) => {
    const bounds = evalExpr(value, operands, options)
    if (Array.isArray(bounds))
      budget.spend(Math.abs((Number(bounds[1]) - Number(bounds[0])) / Number(bounds[2] ?? 1)) || 0)
    return expression.$range(value, operands, options)
  }
  const { $push } = accumulator
  const $max = (...args: Parameters<typeof $push>) => extreme(1)($push(...args))
  const $min = (...args: Parameters<typeof $push>) => extreme(-1)($push(...args))
  return Context.init({
    accumulator: { ...accumulator, $max, $min },
    expression: { ...counted, $range },
    pipeline,
    projection,
    query,
  })
}

const countResult =
  (name: string, operator: ExpressionOperator, budget: ExpressionBudget) =>
  (...[document, operands, options]: Arguments) => {
    const result: unknown = operator(document, operandsOf(name, operands) as Arguments[1], options) // safe: what operators take
    if (typeof result === 'string') budget.spend(1 + result.length / CHARACTERS_PER_UNIT)
    else budget.spend(Array.isArray(result) ? 1 + result.length : 1)
    return result
  }
