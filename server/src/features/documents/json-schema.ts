/**
 * `$jsonSchema`: the keywords of MongoDB's dialect (draft 4 plus `bsonType`), checked when the query arrives. Unlike other
 * tests a schema looks at an array as one value.
 */
import { LIMITS } from '@sampan/protocol/limits'
import { type Decoding, decodeValue, refuse } from './decode-value.ts'
import { ownField } from './document-path.ts'
import type { Json, JsonObject } from './document-request.ts'
import {
  compareValues,
  equalValues,
  isArray,
  isObject,
  isPlainObject,
  numberOf,
  RANK,
  rankOf,
} from './document-values.ts'
import { compilePattern } from './safe-pattern.ts'
import { isOfType, TYPE_NAMES } from './value-types.ts'

type ValueTest = (value: Json) => boolean
type Compile = (operand: Json, schema: JsonObject) => ValueTest
type DecodeKeyword = (operand: Json, decoding: Decoding, path: string, depth: number) => Json

/** JSON Schema's own names for types. */
const JSON_TYPES: Readonly<Record<string, string>> = {
  object: 'object',
  array: 'array',
  number: 'number',
  boolean: 'bool',
  string: 'string',
  null: 'null',
}

/** @throws {AppError} of `decoding.error`; the decoded schema is what `schemaTest` takes */
export function decodeSchema(given: Json, decoding: Decoding, path = '$jsonSchema', depth = 1): JsonObject {
  if (!isObject(given)) refuse(decoding, path, 'is not an object')
  if (depth > LIMITS.documentDepth) refuse(decoding, path, `is nested deeper than ${LIMITS.documentDepth} levels`)
  const entries = Object.entries(given).filter(([keyword]) => !REMARKS.has(keyword))
  return Object.fromEntries(
    entries.map(([keyword, operand]) => {
      const known = KEYWORDS.get(keyword)
      if (!known) refuse(decoding, path, `has the unsupported keyword ${keyword.slice(0, 40)}`)
      return [keyword, known.decode(operand, decoding, `${path}.${keyword}`, depth + 1)]
    }),
  )
}

/** The test of a value, for a schema that `decodeSchema` returned. */
export function schemaTest(schema: JsonObject): ValueTest {
  const tests = Object.entries(schema).map(([keyword, operand]) => {
    const known = KEYWORDS.get(keyword)
    if (!known) throw new Error(`an undecoded schema: ${keyword}`)
    return known.compile(operand, schema)
  })
  return (value) => tests.every((test) => test(value))
}

const REMARKS = new Set(['title', 'description'])

const plain: DecodeKeyword = (operand, decoding, path, depth) => decodeValue(operand, decoding, path, depth)

const natural: DecodeKeyword = (operand, decoding, path) => {
  const value = decodeValue(operand, decoding, path, 1)
  return Number.isSafeInteger(value) && Number(value) >= 0 ? value : refuse(decoding, path, 'is not a natural number')
}

const number: DecodeKeyword = (operand, decoding, path) => {
  const value = decodeValue(operand, decoding, path, 1)
  return rankOf(value) === RANK.number ? value : refuse(decoding, path, 'is not a number')
}

const list: DecodeKeyword = (operand, decoding, path, depth) => {
  const value = decodeValue(operand, decoding, path, depth)
  return isArray(value) && value.length ? value : refuse(decoding, path, 'is not a list with elements')
}

const names: DecodeKeyword = (operand, decoding, path, depth) => {
  const value = list(operand, decoding, path, depth)
  return isTexts(value) ? value : refuse(decoding, path, 'is not a list of texts')
}

const pattern: DecodeKeyword = (operand, decoding, path) => {
  try {
    compilePattern({ source: String(operand), options: '' })
    return String(operand)
  } catch (error) {
    return refuse(decoding, path, error instanceof Error ? error.message : 'is not a usable regular expression')
  }
}

const types =
  (known: Readonly<Record<string, string>>): DecodeKeyword =>
  (operand, decoding, path) => {
    const given = isArray(operand) ? operand : [operand]
    return given.map((name) => {
      const type = Object.hasOwn(known, String(name)) ? known[String(name)] : undefined
      return type ?? refuse(decoding, path, `names the unknown type ${String(name).slice(0, 40)}`)
    })
  }

const schema: DecodeKeyword = (operand, decoding, path, depth) => decodeSchema(operand, decoding, path, depth)

const schemaOrFlag: DecodeKeyword = (operand, decoding, path, depth) =>
  typeof operand === 'boolean' ? operand : schema(operand, decoding, path, depth)

const schemas: DecodeKeyword = (operand, decoding, path, depth) => {
  if (!isArray(operand) || operand.length === 0) refuse(decoding, path, 'is not a list of schemas')
  return operand.map((each) => schema(each, decoding, path, depth))
}

const schemaOrList: DecodeKeyword = (operand, decoding, path, depth) =>
  isArray(operand) ? schemas(operand, decoding, path, depth) : schema(operand, decoding, path, depth)

const schemaPerField: DecodeKeyword = (operand, decoding, path, depth) => {
  if (!isObject(operand)) refuse(decoding, path, 'is not an object of schemas')
  return Object.fromEntries(
    Object.entries(operand).map(([name, each]) => [name, schema(each, decoding, `${path}.${name}`, depth)]),
  )
}

const patternPerField: DecodeKeyword = (operand, decoding, path, depth) => {
  const decoded = schemaPerField(operand, decoding, path, depth)
  for (const name of Object.keys(decoded as JsonObject)) pattern(name, decoding, path, depth) // safe: just made an object
  return decoded
}

const isTexts = (value: Json): value is readonly string[] =>
  isArray(value) && value.every((each) => typeof each === 'string')

/** Tests that concern one kind of value leave all others alone, as JSON Schema says. */
const ofNumber =
  (test: (value: Json) => boolean): ValueTest =>
  (value) =>
    rankOf(value) !== RANK.number || test(value)
const ofText =
  (test: (value: string) => boolean): ValueTest =>
  (value) =>
    typeof value !== 'string' || test(value)
const ofArray =
  (test: (value: readonly Json[]) => boolean): ValueTest =>
  (value) =>
    !isArray(value) || test(value)
const ofObject =
  (test: (value: JsonObject) => boolean): ValueTest =>
  (value) =>
    !isPlainObject(value) || test(value)

const codePoints = (text: string) => [...text].length
const fieldsOf = (operand: Json) => Object.entries(operand as JsonObject) // safe: decoded as an object of schemas
const testOf = (operand: Json) => schemaTest(operand as JsonObject) // safe: decoded as a schema
const testsOf = (operand: Json) => (operand as readonly Json[]).map(testOf) // safe: decoded as a list of schemas
const anyOfTypes: Compile = (operand) => (value) => (operand as string[]).some((type) => isOfType(value, type)) // safe: decoded

const KEYWORDS: ReadonlyMap<string, { readonly decode: DecodeKeyword; readonly compile: Compile }> = new Map(
  // biome-ignore format: a table keeps its columns
  Object.entries<{ decode: DecodeKeyword; compile: Compile }>({
    bsonType:             { decode: types({ ...Object.fromEntries(Object.values(TYPE_NAMES).map((name) => [name, name])) }), compile: anyOfTypes },
    type:                 { decode: types(JSON_TYPES), compile: anyOfTypes },
    enum:                 { decode: list, compile: (operand) => (value) => (operand as Json[]).some((each) => equalValues(each, value)) },
    required:             { decode: names, compile: (operand) => ofObject((value) => (operand as string[]).every((name) => Object.hasOwn(value, name))) },
    properties:           { decode: schemaPerField, compile: compileProperties },
    patternProperties:    { decode: patternPerField, compile: compilePatternProperties },
    additionalProperties: { decode: schemaOrFlag, compile: compileAdditional },
    minProperties:        { decode: natural, compile: (operand) => ofObject((value) => Object.keys(value).length >= Number(operand)) },
    maxProperties:        { decode: natural, compile: (operand) => ofObject((value) => Object.keys(value).length <= Number(operand)) },
    items:                { decode: schemaOrList, compile: compileItems },
    minItems:             { decode: natural, compile: (operand) => ofArray((value) => value.length >= Number(operand)) },
    maxItems:             { decode: natural, compile: (operand) => ofArray((value) => value.length <= Number(operand)) },
    uniqueItems:          { decode: plain, compile: (operand) => ofArray((value) => operand !== true || !hasTwins(value)) },
    minimum:              { decode: number, compile: (operand, { exclusiveMinimum }) => ofNumber((value) => compareValues(value, operand) >= (exclusiveMinimum === true ? 1 : 0)) },
    maximum:              { decode: number, compile: (operand, { exclusiveMaximum }) => ofNumber((value) => compareValues(value, operand) <= (exclusiveMaximum === true ? -1 : 0)) },
    exclusiveMinimum:     { decode: plain, compile: () => () => true },
    exclusiveMaximum:     { decode: plain, compile: () => () => true },
    multipleOf:           { decode: number, compile: (operand) => ofNumber((value) => Number(numberOf(value)) % Number(numberOf(operand)) === 0) },
    minLength:            { decode: natural, compile: (operand) => ofText((value) => codePoints(value) >= Number(operand)) },
    maxLength:            { decode: natural, compile: (operand) => ofText((value) => codePoints(value) <= Number(operand)) },
    pattern:              { decode: pattern, compile: (operand) => ofText((value) => patternOf(String(operand)).test(value)) },
    allOf:                { decode: schemas, compile: (operand) => combined(operand, (passed, all) => passed === all) },
    anyOf:                { decode: schemas, compile: (operand) => combined(operand, (passed) => passed > 0) },
    oneOf:                { decode: schemas, compile: (operand) => combined(operand, (passed) => passed === 1) },
    not:                  { decode: schema, compile: (operand) => combined([operand], (passed) => passed === 0) },
  }),
)

function combined(operand: Json, holds: (passed: number, all: number) => boolean): ValueTest {
  const tests = testsOf(operand)
  return (value) => holds(tests.filter((test) => test(value)).length, tests.length)
}

const patternOf = (source: string) => compilePattern({ source, options: '' })

function compileProperties(operand: Json): ValueTest {
  const tests = fieldsOf(operand).map(([name, each]) => ({ name, test: testOf(each) }))
  return ofObject((value) =>
    tests.every(({ name, test }) => {
      const field = ownField(value, name)
      return field === undefined || test(field)
    }),
  )
}

function compilePatternProperties(operand: Json): ValueTest {
  const tests = fieldsOf(operand).map(([source, each]) => ({ source, test: testOf(each) }))
  return ofObject((value) =>
    Object.entries(value).every(([name, field]) =>
      tests.every(({ source, test }) => !patternOf(source).test(name) || test(field)),
    ),
  )
}

/** Fields that neither `properties` nor `patternProperties` names. */
function compileAdditional(operand: Json, { properties, patternProperties }: JsonObject): ValueTest {
  if (operand === true) return () => true
  const test = operand === false ? () => false : testOf(operand)
  const sources = isObject(patternProperties) ? Object.keys(patternProperties) : []
  const isNamed = (name: string) =>
    (isObject(properties) && Object.hasOwn(properties, name)) || sources.some((source) => patternOf(source).test(name))
  return ofObject((value) => Object.entries(value).every(([name, field]) => isNamed(name) || test(field)))
}

function compileItems(operand: Json): ValueTest {
  if (!isArray(operand)) {
    const test = testOf(operand)
    return ofArray((value) => value.every(test))
  }
  const tests = testsOf(operand)
  return ofArray((value) => value.slice(0, tests.length).every((element, place) => tests[place]?.(element) ?? true))
}

function hasTwins(values: readonly Json[]): boolean {
  const sorted = [...values].sort(compareValues)
  return sorted.some((value, place) => place > 0 && equalValues(value, sorted[place - 1]))
}
