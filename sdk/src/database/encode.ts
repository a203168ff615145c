/**
 * What a program hands over → wire values: MongoDB's query and update language as canonical Extended JSON, in the very
 * text that CloudBase's own database client sends, so that the server reads one language from phones and functions.
 */
import type { Ejson, EjsonObject } from '@sampan/protocol/documents'
import { isPlainObject, kindOf } from '../plain-object.ts'
import { LogicCommand, operatorsOf, QueryCommand, UpdateCommand } from './commands.ts'
import { Geometry } from './geometry.ts'
import { DatabaseRegExp, ServerDate } from './marker-values.ts'

type Fields = Record<string, unknown>

const { keys } = Object

/** Any value: numbers and dates are typed, markers replaced, `undefined` fields dropped. */
export function encodeValue(value: unknown, ancestors: unknown[] = []): Ejson {
  if (typeof value === 'number') return encodeNumber(value)
  if (value === undefined || value === null || typeof value !== 'object') return (value ?? null) as Ejson // JSON's own
  const kind = kindOf(value)
  if (kind === 'Date') return { $date: { $numberLong: String(Number(value)) } }
  if (kind === 'RegExp') return encodeRegExp((value as RegExp).source, (value as RegExp).flags) // as its kind says
  if (value instanceof DatabaseRegExp) return encodeRegExp(value.regexp, value.options)
  if (value instanceof ServerDate) return { $tcb_server_date: encodeValue(value.options) }
  if (value instanceof LogicCommand) return encodeOperators(value)
  if (value instanceof UpdateCommand) throw new Error('update operator complicit') // CloudBase's words

  const below = descend(value, ancestors)
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, below))
  const object = (value instanceof Geometry ? value.toJSON() : value) as Fields // everything else that is an object
  const wire: EjsonObject = {}
  for (const key of keys(object)) if (object[key] !== undefined) wire[key] = encodeValue(object[key], below)
  return wire
}

function encodeNumber(value: number): Ejson {
  const text = String(value)
  if (Math.floor(value) !== value || Math.abs(value) > 2 ** 63) return { $numberDouble: text }
  return value >= -(2 ** 31) && value < 2 ** 31 ? { $numberInt: text } : { $numberLong: text }
}

const encodeRegExp = (pattern: string, options: string): Ejson => ({ $regularExpression: { pattern, options } })

/** A command where the field is known from outside, as in `elemMatch` and `pull`: `{ $gte: 1, $lt: 5 }`. */
function encodeOperators(command: LogicCommand): EjsonObject {
  const { operator, operands } = command
  if (command instanceof QueryCommand) return { [`$${operator}`]: encodeOperand(operator, operands[0]) }
  if (operator !== 'and') throw new Error(`_.${operator}() cannot be a value`)
  return Object.assign({}, ...operands.map((operand) => encodeValue(operand)))
}

function encodeOperand(operator: string, operand: unknown): Ejson {
  if (!/^geo|^near/.test(operator)) return encodeValue(operand)
  const { centerSphere } = operand as { centerSphere?: unknown[] } // what the geo commands take
  if (!centerSphere) return encodeValue(operatorsOf('geometry maxDistance minDistance', operand as object))
  const [center, radians] = centerSphere
  return encodeValue({ $centerSphere: [center instanceof Geometry ? center.coordinates : center, radians] })
}

/** A condition. Nested objects compare field by field, so they become dotted paths. */
export function encodeQuery(condition: unknown, field?: string): EjsonObject {
  if (isPlain(condition)) return encodeFields(condition)
  if (condition instanceof LogicCommand && !(condition instanceof QueryCommand)) return encodeLogic(condition, field)
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition))
    return encodeValue(condition) as EjsonObject // a value in or([…])
  if (field === undefined) throw new Error('a command needs a field')
  return { [field]: encodeValue(condition) }
}

function encodeFields(condition: Fields): EjsonObject {
  const wire = flatten(condition)
  for (const key of keys(wire)) {
    const value = wire[key]
    if (value instanceof LogicCommand) mergeCondition(wire, key, encodeQuery(value, key))
    else wire[key] = encodeValue(value)
  }
  return wire as EjsonObject // every value has been replaced
}

/** Puts a field's operators in its place; the `$and` and `$or` of several fields add up. */
function mergeCondition(wire: Fields, field: string, condition: EjsonObject) {
  if (!condition[field]) delete wire[field]
  for (const key of keys(condition)) {
    const present = wire[key]
    wire[key] = Array.isArray(present) ? present.concat(condition[key]) : condition[key]
  }
}

function encodeLogic({ operator, operands }: LogicCommand, field: string | undefined): EjsonObject {
  const encoded = operands.map((operand) => encodeQuery(operand, field))
  if (operator !== 'not' || field === undefined) return { [`$${operator}`]: encoded }
  return { [field]: { $not: (encoded[0] as EjsonObject)[field] || {} } }
}

/** `{ a: 1, n: _.inc(2) }` → `{ $set: { a: 1 }, $inc: { n: 2 } }`. Nested objects change field by field. */
export function encodeUpdate(changes: Fields): EjsonObject {
  const wire = flatten(changes)
  for (const field of keys(wire)) {
    const value = wire[field]
    if (isOperator(field)) {
      wire[field] = encodeValue(value)
      continue
    }
    delete wire[field]
    const { operator, operand } = value instanceof UpdateCommand ? value : { operator: 'set', operand: value }
    wire[`$${operator}`] = { ...(wire[`$${operator}`] as EjsonObject), [field]: encodeValue(operand) } // an operator holds fields
  }
  return wire as EjsonObject // every value has been replaced
}

/** Nested objects become dotted paths; operators (`$…`), arrays and special values stay as they are. */
function flatten(object: Fields, ancestors: unknown[] = []): Fields {
  const below = descend(object, ancestors)
  const flat: Fields = { ...object }
  for (const key of keys(object)) {
    const value = object[key]
    if (value === undefined) delete flat[key]
    if (isOperator(key) || !isPlain(value)) continue

    const operators: Fields = {}
    const nested = flatten(value, below)
    for (const name of keys(nested)) {
      if (isOperator(name)) operators[name] = nested[name]
      else flat[`${key}.${name}`] = nested[name]
    }
    if (keys(operators).length) flat[key] = operators
    else delete flat[key]
  }
  return flat
}

const isOperator = (key: string) => key.charAt(0) === '$'

function descend(object: unknown, ancestors: unknown[]) {
  if (ancestors.indexOf(object) >= 0) throw new Error('Cannot convert circular structure to JSON')
  return [...ancestors, object]
}

const SPECIAL = [LogicCommand, UpdateCommand, Geometry, ServerDate, DatabaseRegExp]

/** Whether the value is just its fields. */
const isPlain = (value: unknown): value is Fields =>
  isPlainObject(value) && !SPECIAL.some((kind) => value instanceof kind)
