/**
 * Schemas of routes: TypeBox's types without its code. The dozen builders that routes use only make plain JSON Schema, for
 * which TypeBox would load 680 modules, the largest single part of a start.
 */
import type { Type as TypeBox } from 'typebox'

export type { Static } from 'typebox'

type Schema = Record<string, unknown>
type Used =
  | 'Array'
  | 'Boolean'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Union'
  | 'Unknown'
  | 'Unsafe'

/** Marks a property that may be missing, as TypeBox does; not enumerable, so that it is no part of the schema. */
const OPTIONAL = '~optional'

const plain = (type: string) => (options?: Schema) => ({ type, ...options })

function objectOf(properties: Record<string, Schema>, options?: Schema): Schema {
  const required = Object.keys(properties).filter((name) => !(OPTIONAL in (properties[name] ?? {})))
  return { type: 'object', ...(required.length > 0 && { required }), properties, ...options }
}

const builders = {
  Array: (items: Schema, options?: Schema) => ({ type: 'array', items, ...options }),
  Boolean: plain('boolean'),
  Integer: plain('integer'),
  Literal: (value: string | number | boolean, options?: Schema) => ({ type: typeof value, const: value, ...options }),
  Null: plain('null'),
  Number: plain('number'),
  Object: objectOf,
  Optional: (schema: Schema) => Object.defineProperty({ ...schema }, OPTIONAL, { value: true }),
  /** Keys of any text: JSON has no others. */
  Record: (_key: Schema, value: Schema, options?: Schema) => ({
    type: 'object',
    patternProperties: { '^.*$': value },
    ...options,
  }),
  String: plain('string'),
  Union: (anyOf: Schema[], options?: Schema) => ({ anyOf, ...options }),
  Unknown: (options?: Schema) => ({ ...options }),
  Unsafe: (schema: Schema) => schema,
} satisfies Record<Used, unknown>

// safe: a test holds that each makes the same JSON as TypeBox's own
export const Type = builders as unknown as Pick<typeof TypeBox, Used>
