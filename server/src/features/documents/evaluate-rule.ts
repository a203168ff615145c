/**
 * A security rule for one request: what is known (who asks, what is written, the time, what the query fixes) is put in,
 * and what remains is a condition on documents, as a filter. A part that cannot become a filter counts as false: denied.
 */
import { AppError } from '../../errors.ts'
import { allOf, EVERYTHING, type FieldTest, type Filter } from './document-filter.ts'
import { ownField } from './document-path.ts'
import type { Json, JsonObject } from './document-request.ts'
import { compareValues, dateMsOf, isArray, isObject, isPlainObject, RANK, rankOf } from './document-values.ts'
import { type Comparison, parseRule, type RuleExpression } from './parse-rule.ts'

export const NOTHING: Filter = { kind: 'or', of: [] }

export type RuleContext = {
  /** Null if nobody is logged in. */
  readonly auth: JsonObject | null
  readonly nowMs: number
  readonly data: JsonObject | undefined
  /** The document, where it is known as a whole: at its creation. */
  readonly document: JsonObject | undefined
  /** Fields whose values the query fixes. */
  readonly fixed: ReadonlyMap<string, Json>
  /** Reads `get('database.<collection>.<id>')`. */
  readonly read: (collection: string, id: string) => Promise<JsonObject | null>
}

/** Documents that one rule may read with get(). */
const READS_LIMIT = 3

/** @throws {AppError} `permission_denied` for a rule that cannot be read: it protects until it is corrected */
export async function evaluateRule(rule: boolean | string, context: RuleContext): Promise<Filter> {
  if (typeof rule === 'boolean') return rule ? EVERYTHING : NOTHING
  let expression: RuleExpression
  try {
    expression = parseRule(rule)
  } catch (error) {
    throw new AppError(
      'permission_denied',
      `The rule cannot be read: ${error instanceof Error ? error.message : ''}.`,
      { cause: error },
    )
  }
  return new RuleEvaluation(context).toFilter(expression)
}

/** A value that is known, a field of the document, or neither. */
type Operand =
  | { readonly kind: 'known'; readonly value: Json | undefined }
  | { readonly kind: 'field'; readonly path: string }
  | { readonly kind: 'unknown' }

const UNKNOWN: Operand = { kind: 'unknown' }
const known = (value: Json | undefined): Operand => ({ kind: 'known', value })

class RuleEvaluation {
  readonly #context: RuleContext
  #reads = 0

  constructor(context: RuleContext) {
    this.#context = context
  }

  async toFilter(expression: RuleExpression): Promise<Filter> {
    switch (expression.kind) {
      case 'and':
        return allOf([await this.toFilter(expression.left), await this.toFilter(expression.right)])
      case 'or':
        return { kind: 'or', of: [await this.toFilter(expression.left), await this.toFilter(expression.right)] }
      case 'not':
        return this.#negation(expression.of)
      case 'compare':
        return this.#comparison(expression.operator, expression.left, expression.right)
      default:
        return truth(await this.#operand(expression))
    }
  }

  /** The opposite of what is unknown is unknown too: it must not become true. */
  async #negation(of: RuleExpression): Promise<Filter> {
    if (of.kind === 'not') return this.toFilter(of.of)
    if (of.kind === 'and' || of.kind === 'or') {
      const [left, right] = [await this.#negation(of.left), await this.#negation(of.right)]
      return of.kind === 'and' ? { kind: 'or', of: [left, right] } : allOf([left, right])
    }
    if (of.kind === 'compare' && of.operator !== 'in') {
      const opposite = OPPOSITES[of.operator]
      if (opposite === '==' || opposite === '!=') return this.#comparison(opposite, of.left, of.right)
    }
    const isKnowable = await this.#isKnowable(of)
    return isKnowable ? { kind: 'nor', of: [await this.toFilter(of)] } : NOTHING
  }

  async #isKnowable(expression: RuleExpression): Promise<boolean> {
    if (expression.kind !== 'compare') return (await this.#operand(expression)).kind !== 'unknown'
    const [left, right] = [await this.#operand(expression.left), await this.#operand(expression.right)]
    return left.kind !== 'unknown' && right.kind !== 'unknown' && !(left.kind === 'field' && right.kind === 'field')
  }

  async #comparison(
    operator: Comparison,
    leftExpression: RuleExpression,
    rightExpression: RuleExpression,
  ): Promise<Filter> {
    const left = await this.#operand(leftExpression)
    const right = await this.#operand(rightExpression)
    if (left.kind === 'known' && right.kind === 'known')
      return compareKnown(operator, left.value, right.value) ? EVERYTHING : NOTHING
    if (left.kind === 'field' && right.kind === 'known') return fieldFilter(operator, left.path, right.value)
    if (left.kind === 'known' && right.kind === 'field') {
      // `x in doc.list` is equality in MongoDB's sense: one element equals.
      if (operator === 'in') return fieldFilter('==', right.path, left.value)
      return fieldFilter(MIRRORED[operator], right.path, left.value)
    }
    return NOTHING
  }

  async #operand(expression: RuleExpression): Promise<Operand> {
    switch (expression.kind) {
      case 'value':
        return known(expression.value)
      case 'list': {
        const items = await Promise.all(expression.items.map((item) => this.#operand(item)))
        return items.every((item) => item.kind === 'known') ? known(items.map((item) => item.value ?? null)) : UNKNOWN
      }
      case 'template': {
        const parts = await Promise.all(expression.parts.map((part) => this.#operand(part)))
        return parts.every((part) => part.kind === 'known')
          ? known(parts.map((part) => String(part.value)).join(''))
          : UNKNOWN
      }
      case 'get':
        return this.#get(expression.place, expression.parts)
      case 'path':
        return this.#path(expression.root, await this.#names(expression.parts))
      default: {
        const filter = await this.toFilter(expression)
        if (filter === EVERYTHING) return known(true)
        return filter === NOTHING ? known(false) : UNKNOWN
      }
    }
  }

  async #names(parts: readonly RuleExpression[]): Promise<string[] | undefined> {
    const names = await Promise.all(parts.map((part) => this.#operand(part)))
    return names.every((name) => name.kind === 'known') ? names.map((name) => String(name.value)) : undefined
  }

  #path(root: string, names: string[] | undefined): Operand {
    if (!names) return UNKNOWN
    const { auth, nowMs, data, document, fixed } = this.#context
    if (root === 'now') return known(nowMs)
    if (root === 'auth') return known(names.length ? inside(auth, names) : auth)
    if (root === 'request') return known(names[0] === 'data' ? inside(data ?? null, names.slice(1)) : undefined)
    if (document) return known(inside(document, names))
    const path = names.join('.')
    const value = fixed.get(path)
    return value === undefined ? { kind: 'field', path } : known(value)
  }

  async #get(place: RuleExpression, parts: readonly RuleExpression[]): Promise<Operand> {
    const names = await this.#names(parts)
    const where = await this.#operand(place)
    const [, collection, id] =
      where.kind === 'known' ? (/^database\.([^.]+)\.(.+)$/s.exec(String(where.value)) ?? []) : []
    if (!names || collection === undefined || id === undefined) return UNKNOWN
    if (++this.#reads > READS_LIMIT) return UNKNOWN
    const document = await this.#context.read(collection, id)
    return known(names.length ? inside(document, names) : document)
  }
}

function inside(value: Json | undefined, names: readonly string[]): Json | undefined {
  let current = value
  for (const name of names) {
    if (isArray(current)) current = current[Number(name)]
    else current = isPlainObject(current) ? ownField(current, name) : undefined
  }
  return current
}

/** A bare value as a condition: only `true` is true. */
function truth(operand: Operand): Filter {
  if (operand.kind === 'field') return { kind: 'field', path: operand.path, test: { kind: 'eq', value: true } }
  const value = operand.kind === 'known' ? operand.value : undefined
  return value === true || (isObject(value) && value !== null) ? EVERYTHING : NOTHING
}

const MIRRORED: Readonly<Record<Exclude<Comparison, 'in'>, Exclude<Comparison, 'in'>>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}
const OPPOSITES: Readonly<Record<string, Comparison>> = { '==': '!=', '!=': '==' }

function compareKnown(operator: Comparison, left: Json | undefined, right: Json | undefined): boolean {
  if (operator === 'in') return isArray(right) && right.some((item) => compareValues(item, left) === 0)
  const order = compareValues(comparable(left, right), comparable(right, left))
  if (operator === '==') return order === 0
  if (operator === '!=') return order !== 0
  if (left === undefined || right === undefined || left === null || right === null) return false
  if (rankOf(comparable(left, right)) !== rankOf(comparable(right, left))) return false
  return operator === '<' ? order < 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order >= 0
}

/** `now` is a number: a date beside a number compares as its milliseconds. */
const comparable = (value: Json | undefined, other: Json | undefined): Json | undefined =>
  value !== undefined && rankOf(value) === RANK.date && typeof other === 'number' ? dateMsOf(value) : value

const KINDS = { '==': 'eq', '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' } as const

/** An identity that is missing equals no field, not even a missing one. */
function fieldFilter(operator: Comparison, path: string, value: Json | undefined): Filter {
  if (value === undefined) return operator === '!=' ? EVERYTHING : NOTHING
  const field = (test: FieldTest): Filter => ({ kind: 'field', path, test })
  if (operator === 'in') return isArray(value) ? field({ kind: 'in', values: value, patterns: [] }) : NOTHING
  if (operator === '!=') return field({ kind: 'not', test: { kind: 'eq', value } })
  const test = field({ kind: KINDS[operator], value })
  // `doc.expiresAt > now`: the field may hold a date.
  if (operator === '==' || typeof value !== 'number') return test
  return { kind: 'or', of: [test, field({ kind: KINDS[operator], value: { $date: value } })] }
}
