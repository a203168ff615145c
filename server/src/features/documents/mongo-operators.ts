/**
 * Expression operators as MongoDB defines them, where mingo's differ: comparisons order all types (mingo compares within
 * one type, and lets an array equal its elements), a lone operand may stand in a list, and `$switch` must decide.
 */
import { isUtf8 } from 'node:buffer'
import { evalExpr } from 'mingo/core'
import type * as expression from 'mingo/operators/expression'
import { restore } from './aggregation-values.ts'
import { compareValues } from './document-values.ts'

export type ExpressionOperator = (typeof expression)['$range']
type Arguments = Parameters<ExpressionOperator>

/** A missing value is below null, and nothing else is. */
function order(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined)
  if (Number.isFinite(a) && Number.isFinite(b)) return Number(a) - Number(b)
  return compareValues(restore(a), restore(b))
}

const comparison =
  (name: string, holds: (order: number) => unknown): ExpressionOperator =>
  (...[document, operands, options]: Arguments) => {
    const list = evalExpr(document, operands, options)
    if (!Array.isArray(list) || list.length !== 2) throw new Error(`${name} needs two values`)
    return holds(order(list[0], list[1]))
  }

function $switch(...[document, operand, options]: Arguments): unknown {
  const { branches, ...others } = operand as { branches?: unknown; default?: unknown } // safe: looked at below
  if (!Array.isArray(branches) || branches.length === 0) throw new Error('$switch needs branches')
  for (const branch of branches) {
    const isChosen = evalExpr(document, branch.case, options)
    if (isChosen !== false && isChosen !== 0 && isChosen !== null && isChosen !== undefined)
      return evalExpr(document, branch.then, options)
  }
  if (!('default' in others)) throw new Error('$switch found no branch that holds, and has no default')
  return evalExpr(document, others.default, options)
}

/** Pairs `[name, value]` or objects `{k, v}`; values may be arrays. */
function $arrayToObject(...[document, operand, options]: Arguments): unknown {
  const pairs = evalExpr(document, operand, options)
  if (pairs === null || pairs === undefined) return null
  if (!Array.isArray(pairs)) throw new Error('$arrayToObject needs an array')
  return Object.fromEntries(
    pairs.map((pair): [string, unknown] => {
      const [name, value] = Array.isArray(pair) ? pair : [pair?.k, pair?.v]
      if (typeof name !== 'string') throw new Error('$arrayToObject needs pairs of a name and a value')
      return [name, value]
    }),
  )
}

/** In bytes of UTF-8, from and to which the search goes too. */
function $indexOfBytes(...[document, operands, options]: Arguments): unknown {
  const list = evalExpr(document, operands, options)
  const [text, wanted, from = 0, to = Number.POSITIVE_INFINITY] = Array.isArray(list) ? list : []
  if (text === null || text === undefined) return null
  if (typeof text !== 'string' || typeof wanted !== 'string') throw new Error('$indexOfBytes needs two texts')
  return Buffer.from(text)
    .subarray(0, Math.max(0, Number(to)))
    .indexOf(wanted, Math.max(0, Number(from)))
}

/** In code points. */
function $indexOfCP(...[document, operands, options]: Arguments): unknown {
  const list = evalExpr(document, operands, options)
  const [text, wanted, from = 0, to = Number.POSITIVE_INFINITY] = Array.isArray(list) ? list : []
  if (text === null || text === undefined) return null
  if (typeof text !== 'string' || typeof wanted !== 'string') throw new Error('$indexOfCP needs two texts')
  const points = [...text].slice(0, Math.max(0, Number(to)))
  const start = Math.max(0, Number(from))
  const found = points.slice(start).join('').indexOf(wanted)
  return found < 0 ? -1 : start + [...points.slice(start).join('').slice(0, found)].length
}

/** Bytes of UTF-8; a negative length means the rest. Other values count as their text, null as none. */
function $substrBytes(...[document, operands, options]: Arguments): unknown {
  const list = evalExpr(document, operands, options)
  if (!Array.isArray(list) || list.length !== 3) throw new Error('$substr needs a text and two numbers')
  const [value, start, length] = list
  if (!Number.isInteger(start) || !Number.isInteger(length) || start < 0)
    throw new Error('$substr needs a natural number and a length')
  const text = value instanceof Date ? value.toISOString() : value === null || value === undefined ? '' : String(value)
  const found = Buffer.from(text).subarray(start, length < 0 ? undefined : start + length)
  if (!isUtf8(found)) throw new Error('$substr would cut a character in two')
  return found.toString()
}

/** The greatest or least of what accumulates; null and missing do not count. */
export const extreme =
  (sign: 1 | -1) =>
  (values: readonly unknown[]): unknown =>
    values.reduce<unknown>((best, value) => {
      if (value === null || value === undefined) return best
      return best === null || order(value, best) * sign > 0 ? value : best
    }, null)

export const MONGO_OPERATORS: Readonly<Record<string, ExpressionOperator>> = {
  $cmp: comparison('$cmp', Math.sign),
  $eq: comparison('$eq', (order) => order === 0),
  $ne: comparison('$ne', (order) => order !== 0),
  $gt: comparison('$gt', (order) => order > 0),
  $gte: comparison('$gte', (order) => order >= 0),
  $lt: comparison('$lt', (order) => order < 0),
  $lte: comparison('$lte', (order) => order <= 0),
  $switch,
  $arrayToObject,
  $indexOfBytes,
  $indexOfCP,
  $substr: $substrBytes,
  $substrBytes,
}

/** Operators of one operand, which MongoDB also takes as a list of one. */
const UNARY = new Set(
  `$abs $ceil $exp $floor $ln $log10 $sqrt $arrayToObject $reverseArray $size $objectToArray $strLenBytes $strLenCP
  $toLower $toUpper $toString $toInt $toLong $toDouble $toBool $toDate $type $first $last`.split(/\s+/),
)
/** A second operand may be left out; mingo wants the list all the same. */
const LISTED = new Set(['$trunc', '$round'])

export function operandsOf(name: string, operands: unknown): unknown {
  if (UNARY.has(name) && Array.isArray(operands) && operands.length === 1) return operands[0]
  return LISTED.has(name) && !Array.isArray(operands) ? [operands] : operands
}
