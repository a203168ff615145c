/** Conditions and changes as `db.command` makes them: descriptions that `encode.ts` turns into wire values. */
import { isPlainObject } from '../plain-object.ts'

/** Conditions joined by and, or, nor, not; `operator` is MongoDB's without the `$`. */
export class LogicCommand {
  readonly operator: string
  readonly operands: readonly unknown[]

  constructor(operator: string, operands: readonly unknown[]) {
    this.operator = operator
    this.operands = operands
  }
  and(...conditions: unknown[]) {
    return new LogicCommand('and', [this, ...listOf(conditions)])
  }
  or(...conditions: unknown[]) {
    return new LogicCommand('or', [this, ...listOf(conditions)])
  }
  nor(...conditions: unknown[]) {
    return new LogicCommand('nor', [this, ...listOf(conditions)])
  }
  not(condition: unknown) {
    return this.and(new LogicCommand('not', [condition]))
  }
}

type Conditions = {
  [name in 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte' | 'elemMatch' | 'exists' | 'size']: (
    value: unknown,
  ) => QueryCommand
} & { [name in 'in' | 'nin' | 'all']: (values: unknown[]) => QueryCommand } & {
  [name in 'geoNear' | 'geoWithin' | 'geoIntersects']: (options: unknown) => QueryCommand
} & { mod(divisorAndRemainder: unknown, remainder?: number): QueryCommand }

type Chained = { [name in keyof Conditions]: (...args: Parameters<Conditions[name]>) => LogicCommand }

/** A condition on one field. Further conditions chained to it (`_.gt(1).lt(5)`) must hold too. */
class SingleCondition extends LogicCommand {}

export type QueryCommand = SingleCondition & Chained
/** As a value: for `instanceof`. */
export const QueryCommand = SingleCondition

/** Makers of conditions, and the same as methods that chain. */
export const conditions = makeConditions()

function makeConditions(): Conditions {
  const makers: Record<string, (...args: unknown[]) => SingleCondition> = {}
  const chained = SingleCondition.prototype as unknown as Record<string, unknown> // methods are added to it
  for (const name of 'eq neq lt lte gt gte in nin all elemMatch exists size mod geoNear geoWithin geoIntersects'.split(
    ' ',
  )) {
    const operator = name === 'neq' ? 'ne' : name === 'geoNear' ? 'nearSphere' : name
    const make = (...args: unknown[]) => new SingleCondition(operator, [args.length > 1 ? args : args[0]])
    makers[name] = make
    chained[name] = function (this: SingleCondition, ...args: unknown[]) {
      return this.and(make(...args))
    }
  }
  return makers as unknown as Conditions // one for each of the names
}

/** A change of one field; `operator` is MongoDB's without the `$`. */
export class UpdateCommand {
  readonly operator: string
  readonly operand: unknown

  constructor(operator: string, operand: unknown) {
    this.operator = operator
    this.operand = operand
  }
}

type PlainChange = 'set' | 'inc' | 'mul' | 'min' | 'max' | 'rename' | 'bit' | 'pull' | 'pullAll' | 'addToSet'

export const changes = {
  remove: () => new UpdateCommand('unset', ''),
  pop: () => new UpdateCommand('pop', 1),
  shift: () => new UpdateCommand('pop', -1),
  /** Values, one array of values, or `{ each, position, sort, slice }`. */
  push(...values: unknown[]) {
    const [first] = values
    const isModified = isPlainObject(first) && 'each' in first
    return new UpdateCommand(
      'push',
      isModified ? operatorsOf('each position sort slice', first) : { $each: listOf(values) },
    )
  },
  unshift: (...values: unknown[]) => new UpdateCommand('push', { $each: listOf(values), $position: 0 }),
} as { [name in PlainChange]: (value: unknown) => UpdateCommand } & {
  [name in 'remove' | 'pop' | 'shift']: () => UpdateCommand
} & { [name in 'push' | 'unshift']: (...values: unknown[]) => UpdateCommand }
for (const name of 'set inc mul min max rename bit pull pullAll addToSet'.split(' '))
  changes[name as PlainChange] = (value) => new UpdateCommand(name, value)

/** `{ each: … }` → `{ $each: … }` for the names listed. */
export function operatorsOf(names: string, source: object) {
  const operators: Record<string, unknown> = {}
  for (const name of names.split(' ')) operators[`$${name}`] = (source as Record<string, unknown>)[name] // absent: undefined
  return operators
}

/** Conditions and values come as one array or as arguments. */
export const listOf = (args: readonly unknown[]): readonly unknown[] => (Array.isArray(args[0]) ? args[0] : args)
