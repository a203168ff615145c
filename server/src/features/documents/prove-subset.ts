/**
 * Whether every document that a query can match satisfies a rule. The proof decides only whether the request is let in;
 * the rule's filter is added to the query anyway, so that a proof that was too generous shows nobody anything.
 */
import type { FieldTest, Filter } from './document-filter.ts'
import type { Json } from './document-request.ts'
import { compareValues, rankOf } from './document-values.ts'

export function isProvenBy(rule: Filter, query: Filter): boolean {
  if (rule.kind === 'and') return rule.of.every((part) => isProvenBy(part, query))
  if (query.kind === 'or' && query.of.length) return query.of.every((branch) => isProvenBy(rule, branch))
  if (rule.kind === 'or') return rule.of.some((part) => isProvenBy(part, query)) || splitsProve(rule, query)
  const parts = query.kind === 'and' ? query.of : [query]
  if (rule.kind === 'nor') return rule.of.every((part) => parts.some((given) => isNegationIn(part, given)))
  if (rule.kind !== 'field') return false
  return parts.some((part) => {
    if (part.kind === 'or') return part.of.length > 0 && part.of.every((branch) => isProvenBy(rule, branch))
    return part.kind === 'field' && part.path === rule.path && testProves(rule.test, part.test)
  })
}

/** One of the query's alternatives at a time. */
function splitsProve(rule: Filter, query: Filter): boolean {
  if (query.kind !== 'and') return false
  return query.of.some(
    (part) => part.kind === 'or' && part.of.length > 0 && part.of.every((branch) => isProvenBy(rule, branch)),
  )
}

function isNegationIn(part: Filter, given: Filter): boolean {
  if (given.kind === 'nor') return given.of.some((each) => JSON.stringify(each) === JSON.stringify(part))
  if (part.kind !== 'field' || given.kind !== 'field' || part.path !== given.path) return false
  return testProves({ kind: 'not', test: part.test }, given.test)
}

function testProves(rule: FieldTest, query: FieldTest): boolean {
  if (query.kind === 'all') return query.of.some((test) => testProves(rule, test))
  if (rule.kind === 'all') return rule.of.every((test) => testProves(test, query))
  if (query.kind === 'in')
    return (
      query.patterns.length === 0 && query.values.length > 0 && query.values.every((value) => valueProves(rule, value))
    )
  if (query.kind === 'eq') return valueProves(rule, query.value)
  if (rule.kind === 'not') return negationProves(rule.test, query)
  if (isRange(rule) && isRange(query)) return rangeProves(rule, query)
  return JSON.stringify(rule) === JSON.stringify(query)
}

/** The query fixes the field to this value, or to an array that holds it. */
function valueProves(rule: FieldTest, value: Json): boolean {
  switch (rule.kind) {
    case 'eq':
      return compareValues(value, rule.value) === 0
    case 'in':
      return rule.values.some((allowed) => compareValues(value, allowed) === 0)
    case 'exists':
      return value !== null
    case 'not':
      return !valueProves(rule.test, value) && ['eq', 'in'].includes(rule.test.kind)
    default:
      return isRange(rule) && rangeHolds(rule, value)
  }
}

function negationProves(excluded: FieldTest, query: FieldTest): boolean {
  if (query.kind !== 'not') return false
  const given = query.test
  if (excluded.kind === 'eq') {
    if (given.kind === 'eq') return compareValues(excluded.value, given.value) === 0
    return given.kind === 'in' && given.values.some((value) => compareValues(value, excluded.value) === 0)
  }
  return JSON.stringify(excluded) === JSON.stringify(given)
}

type Range = { readonly kind: 'lt' | 'lte' | 'gt' | 'gte'; readonly value: Json }

const isRange = (test: FieldTest): test is Range & FieldTest => ['lt', 'lte', 'gt', 'gte'].includes(test.kind)

function rangeHolds({ kind, value: bound }: Range, value: Json): boolean {
  if (rankOf(value) !== rankOf(bound)) return false
  const order = compareValues(value, bound)
  return kind === 'lt' ? order < 0 : kind === 'lte' ? order <= 0 : kind === 'gt' ? order > 0 : order >= 0
}

/** The query's range lies within the rule's. */
function rangeProves(rule: Range, query: Range): boolean {
  if (rule.kind[0] !== query.kind[0] || rankOf(rule.value) !== rankOf(query.value)) return false
  const order = compareValues(query.value, rule.value) * (rule.kind.startsWith('g') ? 1 : -1)
  return order > 0 || (order === 0 && (rule.kind.endsWith('e') || !query.kind.endsWith('e')))
}
