import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Type as TypeBox } from 'typebox'
import { Type } from '../../src/http/json-schema.ts'

describe('schemas of routes', () => {
  const build = (of: typeof Type) => ({
    object: of.Object(
      { a: of.Optional(of.String({ maxLength: 3 })), b: of.Integer() },
      { additionalProperties: false },
    ),
    allOptional: of.Object({ a: of.Optional(of.Boolean({ description: 'whether' })) }),
    empty: of.Object({}),
    nested: of.Array(of.Union([of.Literal('x'), of.Literal(3), of.Literal(true), of.Null()]), { maxItems: 2 }),
    record: of.Record(of.String(), of.Unknown()),
    number: of.Number({ minimum: 0 }),
    unsafe: of.Unsafe<number>({ type: 'object', additionalProperties: true }),
    optionalUnion: of.Object({ a: of.Optional(of.Union([of.String(), of.Number()])) }),
  })

  it('are the JSON that TypeBox makes', () => {
    assert.deepEqual(JSON.parse(JSON.stringify(build(Type))), JSON.parse(JSON.stringify(build(TypeBox))))
  })
})
