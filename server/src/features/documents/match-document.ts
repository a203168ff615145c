/**
 * Whether a document satisfies a filter, by MongoDB's rules. Written here, because mingo orders arrays before comparing
 * them, compares text by UTF-16 unit and ignores the order of an object's fields; mingo checks it in the tests.
 */
import type { FieldTest, Filter } from './document-filter.ts'
import { someElementAt, someValueAt } from './document-path.ts'
import type { Json } from './document-request.ts'
import { compareValues, isArray, isPlainObject, numberOf, RANK, rankOf } from './document-values.ts'
import { geoIntersects, geoWithin, metersBetween, pointOf, withinCircle } from './geometry.ts'
import { schemaTest } from './json-schema.ts'
import { compilePattern } from './safe-pattern.ts'
import { isOfType } from './value-types.ts'

export type Predicate = (document: Json) => boolean
/** Evaluates `$expr`; needs the aggregation language, which the writer thread does not load. */
export type ExpressionTest = (expression: Json) => Predicate

const noExpressions: ExpressionTest = () => {
  throw new Error('expressions are evaluated on the main thread')
}

export function compileFilter(filter: Filter, expressionTest: ExpressionTest = noExpressions): Predicate {
  if (filter.kind === 'expression') return expressionTest(filter.expression)
  if (filter.kind === 'schema') return schemaTest(filter.schema)
  if (filter.kind === 'field') {
    const path = filter.path.split('.')
    return fieldPredicate(filter.test, path)
  }
  const predicates = filter.of.map((part) => compileFilter(part, expressionTest))
  if (filter.kind === 'and') return (document) => predicates.every((test) => test(document))
  if (filter.kind === 'or') return (document) => predicates.some((test) => test(document))
  return (document) => !predicates.some((test) => test(document))
}

function fieldPredicate(test: FieldTest, path: readonly string[]): Predicate {
  switch (test.kind) {
    case 'all': {
      const tests = test.of.map((part) => fieldPredicate(part, path))
      return (document) => tests.every((each) => each(document))
    }
    case 'any': {
      const tests = test.of.map((part) => fieldPredicate(part, path))
      return (document) => tests.some((each) => each(document))
    }
    case 'not': {
      const inner = fieldPredicate(test.test, path)
      return (document) => !inner(document)
    }
    default: {
      const visit = valueTest(test)
      const some = LOOKS_AT_WHOLE_ARRAYS.has(test.kind) ? someValueAt : someElementAt
      return (document) => some(document, path, visit)
    }
  }
}

const LOOKS_AT_WHOLE_ARRAYS: ReadonlySet<FieldTest['kind']> = new Set([
  'exists',
  'size',
  'elements',
  'elementDocuments',
  'near',
  'within',
  'intersects',
  'withinCircle',
] as const)

type ValueTest = (value: Json | undefined) => boolean

/** The test of one value, once the path has been followed. */
function valueTest(test: FieldTest): ValueTest {
  switch (test.kind) {
    case 'eq':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      return comparison(test.kind, test.value)
    case 'in': {
      const patterns = test.patterns.map(compilePattern)
      return (value) =>
        test.values.some((wanted) => compareValues(value, wanted) === 0) ||
        (typeof value === 'string' && patterns.some((pattern) => pattern.test(value)))
    }
    case 'exists':
      return (value) => value !== undefined
    case 'type':
      return (value) => value !== undefined && test.types.some((type) => isOfType(value, type))
    case 'size':
      return (value) => isArray(value) && value.length === test.size
    case 'mod':
      return (value) => isModulo(value, test.divisor, test.remainder)
    case 'regex': {
      const pattern = compilePattern(test.pattern)
      return (value) => typeof value === 'string' && pattern.test(value)
    }
    case 'bits':
      return (value) => hasBits(value, test.mode, test.mask)
    case 'elements': {
      const inner = fieldPredicate(test.test, [])
      return (value) => isArray(value) && value.some(elementTest(test.test, inner))
    }
    case 'elementDocuments': {
      const matches = compileFilter(test.filter)
      return (value) => isArray(value) && value.some((element) => matchesElement(element, matches))
    }
    default:
      return geoTest(test)
  }
}

/** An element that is an array counts as an object whose fields are 0, 1, … */
const matchesElement = (element: Json, matches: Predicate) =>
  isPlainObject(element) ? matches(element) : isArray(element) && matches({ ...element })

/** `$elemMatch` tests the elements themselves: one that is an array is not entered. */
function elementTest(test: FieldTest, inner: Predicate): Predicate {
  switch (test.kind) {
    case 'all': {
      const tests = test.of.map((part) => elementTest(part, fieldPredicate(part, [])))
      return (element) => tests.every((each) => each(element))
    }
    case 'not': {
      const each = elementTest(test.test, fieldPredicate(test.test, []))
      return (element) => !each(element)
    }
    case 'any':
      return inner
    default:
      return valueTest(test)
  }
}

function comparison(kind: 'eq' | 'lt' | 'lte' | 'gt' | 'gte', operand: Json): ValueTest {
  const rank = rankOf(operand)
  if (kind === 'eq') return (value) => compareValues(value, operand) === 0
  // NaN equals itself and is neither above nor below anything.
  if (rank === RANK.nan) return (value) => (kind === 'lte' || kind === 'gte') && rankOf(value) === RANK.nan
  return (value) => {
    if (rankOf(value) !== rank) return false
    const order = compareValues(value, operand)
    switch (kind) {
      case 'lt':
        return order < 0
      case 'lte':
        return order <= 0
      case 'gt':
        return order > 0
      default:
        return order >= 0
    }
  }
}

function isModulo(value: Json | undefined, divisor: number, remainder: number): boolean {
  if (value === undefined || rankOf(value) !== RANK.number) return false
  const number = numberOf(value)
  if (typeof number === 'bigint') return number % BigInt(divisor) === BigInt(remainder)
  return Number.isFinite(number) && Math.trunc(number) % divisor === remainder
}

function hasBits(value: Json | undefined, mode: string, mask: bigint): boolean {
  if (value === undefined || rankOf(value) !== RANK.number) return false
  const number = numberOf(value)
  if (typeof number === 'number' && !Number.isSafeInteger(number)) return false
  const set = BigInt.asUintN(64, BigInt(number)) & mask
  switch (mode) {
    case 'allSet':
      return set === mask
    case 'anySet':
      return set !== 0n
    case 'allClear':
      return set === 0n
    default:
      return set !== mask
  }
}

function geoTest(test: FieldTest): ValueTest {
  switch (test.kind) {
    case 'near': {
      const center = pointOf(test.center)
      return (value) => {
        const point = pointOf(value)
        if (!center || !point) return false
        const meters = metersBetween(center, point)
        return meters >= test.minMeters && meters <= test.maxMeters
      }
    }
    case 'withinCircle':
      return (value) => withinCircle(value, test.center, test.radians)
    case 'within':
      return (value) => geoWithin(value, test.geometry)
    case 'intersects':
      return (value) => geoIntersects(value, test.geometry)
    default:
      return () => false
  }
}
