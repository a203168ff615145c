/** `db.command`, usually called `_`. */
import { type Aggregate, createAggregate } from './aggregate.ts'
import { changes, conditions, LogicCommand, listOf, operatorsOf } from './commands.ts'
import type { ExpressionName } from './expression-names.ts'

export type Expression = { readonly [operator: `$${string}`]: unknown }
type Expressions = { [name in ExpressionName]: (param: unknown) => Expression }

const expression =
  (name: string) =>
  (param: unknown): Expression => ({ [`$${name === 'neq' ? 'ne' : name}`]: param })

/** Any name makes an expression, so the phone carries no list of them; the compiler checks the names. */
const expressions = new Proxy({} as Expressions & { pipeline: () => Aggregate }, {
  get: (_, name) => (name === 'pipeline' ? () => createAggregate() : expression(String(name))),
})

const joined =
  (operator: string) =>
  (...conditions: unknown[]) =>
    new LogicCommand(operator, listOf(conditions))

type TextSearch = { search?: string; language?: string; caseSensitive?: boolean; diacriticSensitive?: boolean }

export const command = {
  ...conditions,
  ...changes,
  and: joined('and'),
  or: joined('or'),
  nor: joined('nor'),
  not: joined('not'),
  expr: (value: unknown) => ({ $expr: value }),
  jsonSchema: (schema: unknown) => ({ $jsonSchema: schema }),
  text: (text: string | TextSearch) =>
    operatorsOf('search language caseSensitive diacriticSensitive', typeof text === 'string' ? { search: text } : text),
  /** Expressions of pipeline stages, usually called `$`. */
  aggregate: expressions,
  /** What part of an array field to return. */
  project: { slice: expression('slice'), elemMatch: expression('elemMatch') },
}

export type DatabaseCommand = typeof command
