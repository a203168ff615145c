/** An aggregation at the entrance: known stages with known operators, everything in its stored form. */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { decodeExpression } from './decode-expression.ts'
import { checkPath } from './decode-filter.ts'
import { checkFieldName, type Decoding, decodeValue, refuse, startDecoding } from './decode-value.ts'
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isObject } from './document-values.ts'

/** One stage, checked. `$match`, `$sort` and `$geoNear` keep their own language, decoded where they run. */
export type Stage = { readonly name: string; readonly spec: Json }

/** Pipelines inside lookups, counted from the outermost. */
const PIPELINE_DEPTH_LIMIT = 3

/** @throws {AppError} `invalid_query` */
export function decodePipeline(stages: unknown, nowMs: number, depth = 1): Stage[] {
  const decoding = startDecoding('invalid_query', nowMs)
  if (!Array.isArray(stages)) refuse(decoding, 'stages', 'is not an array')
  if (stages.length > LIMITS.aggregateStages)
    refuse(decoding, 'stages', `has more than ${LIMITS.aggregateStages} stages`)
  if (depth === 1) refuseDeep(stages, decoding)
  if (depth > PIPELINE_DEPTH_LIMIT)
    refuse(decoding, 'stages', `is nested deeper than ${PIPELINE_DEPTH_LIMIT} pipelines`)
  return stages.map((stage: unknown) => {
    const [entry, ...others] = isObject(stage) ? Object.entries(stage) : []
    if (!entry || others.length) refuse(decoding, 'stages', 'has a stage that is not one operator')
    const [name, spec] = entry
    const decode = STAGES.get(name)
    if (!decode)
      throw new AppError('invalid_query', `The stage ${name.slice(0, 40)} is not supported.`, {
        details: { path: name, reason: 'is not supported' },
      })
    return { name, spec: decode(spec, decoding, name, depth) }
  })
}

/** Levels of a whole pipeline: of the documents in it, and of the stages and pipelines around them. */
const LEVELS_LIMIT = LIMITS.documentDepth * 2

/** Stages travel to a thread and are walked several times: what is too deep must not come that far. */
function refuseDeep(stages: readonly unknown[], decoding: Decoding) {
  let level: unknown[] = [...stages]
  for (let depth = 0; level.length; depth++) {
    if (depth > LEVELS_LIMIT) refuse(decoding, 'stages', `is nested deeper than ${LEVELS_LIMIT} levels`)
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))
  }
}

type DecodeStage = (spec: Json, decoding: Decoding, name: string, depth: number) => Json

const asGiven: DecodeStage = (spec, decoding, name) => {
  if (!isObject(spec)) refuse(decoding, name, 'needs an object')
  return spec
}

const naturalNumber: DecodeStage = (spec, decoding, name) => {
  const count = decodeValue(spec, decoding, name, 1)
  if (!Number.isSafeInteger(count) || Number(count) < (name === '$limit' ? 1 : 0))
    refuse(decoding, name, 'is not a natural number')
  return count
}

/** Fields with expressions; for `$project` also 0, 1, true and false. */
const expressions: DecodeStage = (spec, decoding, name) => {
  if (!isObject(spec) || Object.keys(spec).length === 0) refuse(decoding, name, 'needs an object with fields')
  for (const path of Object.keys(spec)) checkPath(path, decoding)
  return decodeExpression(spec, decoding, name)
}

const STAGES: ReadonlyMap<string, DecodeStage> = new Map<string, DecodeStage>([
  ['$match', asGiven],
  ['$sort', asGiven],
  ['$geoNear', asGiven],
  ['$limit', naturalNumber],
  ['$skip', naturalNumber],
  ['$count', decodeCount],
  ['$sample', decodeSample],
  ['$unwind', decodeUnwind],
  ['$lookup', decodeLookup],
  ['$facet', decodeFacet],
  ['$project', expressions],
  ['$addFields', expressions],
  ['$set', expressions],
  ['$unset', decodeUnset],
  ['$group', decodeGroup],
  ['$bucket', decodeBucket],
  ['$bucketAuto', (spec, decoding, name) => decodeExpression(spec, decoding, name)],
  ['$sortByCount', (spec, decoding, name) => decodeExpression(spec, decoding, name)],
  ['$replaceRoot', (spec, decoding, name) => decodeExpression(spec, decoding, name)],
  ['$replaceWith', (spec, decoding, name) => decodeExpression(spec, decoding, name)],
])

function decodeCount(spec: Json, decoding: Decoding, name: string): Json {
  if (typeof spec !== 'string' || spec === '' || spec.includes('.') || spec.startsWith('$')) {
    refuse(decoding, name, 'needs the name of a field')
  }
  checkPath(spec, decoding)
  return spec
}

function decodeSample(spec: Json, decoding: Decoding, name: string): Json {
  const size = isObject(spec) ? decodeValue(spec['size'] ?? null, decoding, name, 1) : undefined
  if (!Number.isSafeInteger(size) || Number(size) < 1) refuse(decoding, name, 'needs a size of at least 1')
  return { size: Number(size) }
}

function decodeUnwind(spec: Json, decoding: Decoding, name: string): Json {
  const given = isObject(spec) ? decodeValue(spec, decoding, name, 1) : { path: spec }
  const { path, includeArrayIndex, preserveNullAndEmptyArrays, ...others } = given as JsonObject // safe: an object either way
  if (typeof path !== 'string' || !path.startsWith('$') || Object.keys(others).length)
    refuse(decoding, name, 'needs a path that begins with $')
  checkPath(path.slice(1), decoding)
  if (includeArrayIndex !== undefined && includeArrayIndex !== null) {
    if (typeof includeArrayIndex !== 'string') refuse(decoding, name, 'has an includeArrayIndex that is not a field')
    checkPath(includeArrayIndex, decoding)
  }
  return {
    path: path.slice(1),
    indexPath: includeArrayIndex ?? null,
    keepsEmpty: preserveNullAndEmptyArrays === true,
  }
}

function decodeUnset(spec: Json, decoding: Decoding, name: string): Json {
  const paths = isArray(spec) ? spec : [spec]
  for (const path of paths) {
    if (typeof path !== 'string') refuse(decoding, name, 'needs field names')
    checkPath(path, decoding)
  }
  return [...paths]
}

function decodeGroup(spec: Json, decoding: Decoding, name: string): Json {
  if (!isObject(spec) || spec['_id'] === undefined) refuse(decoding, name, 'needs an _id')
  return decodeExpression(spec, decoding, name)
}

function decodeBucket(spec: Json, decoding: Decoding, name: string): Json {
  const decoded = decodeExpression(spec, decoding, name)
  const { groupBy, boundaries, output, ...others } = isObject(decoded) ? decoded : {}
  if (groupBy === undefined || !isArray(boundaries) || boundaries.length < 2) {
    refuse(decoding, name, 'needs groupBy and at least two boundaries')
  }
  return { groupBy, boundaries, output: output ?? { count: { $sum: 1 } }, ...others }
}

/** Pipelines by name, all on the same documents. */
function decodeFacet(spec: Json, decoding: Decoding, name: string, depth: number): Json {
  if (!isObject(spec) || Object.keys(spec).length === 0) refuse(decoding, name, 'needs an object of pipelines')
  for (const [facet, stages] of Object.entries(spec)) {
    checkFieldName(facet, decoding, facet)
    const misplaced = decodePipeline(stages, decoding.nowMs, depth + 1).find((stage) => NOT_IN_FACETS.has(stage.name))
    if (misplaced) refuse(decoding, name, `may not hold ${misplaced.name}`)
  }
  return spec
}

const NOT_IN_FACETS = new Set(['$facet', '$geoNear'])

function decodeLookup(spec: Json, decoding: Decoding, name: string, depth: number): Json {
  if (!isObject(spec)) refuse(decoding, name, 'needs an object')
  const { from, as, localField, foreignField, let: variables, pipeline, ...others } = spec
  const [unknown] = Object.keys(others)
  if (unknown) refuse(decoding, name, `has the unknown part ${unknown.slice(0, 40)}`)
  if (typeof from !== 'string' || typeof as !== 'string') refuse(decoding, name, 'needs from and as')
  checkPath(as, decoding)
  const isByField = typeof localField === 'string' && typeof foreignField === 'string'
  if (isByField) for (const path of [localField, foreignField]) checkPath(path, decoding)
  if (!isByField && pipeline === undefined) refuse(decoding, name, 'needs localField and foreignField, or a pipeline')
  // Checked now, so that a mistake shows before any document is read.
  if (pipeline !== undefined) decodePipeline(pipeline, decoding.nowMs, depth + 1)
  return {
    from,
    as,
    ...(isByField && { localField, foreignField }),
    ...(isObject(variables) && { let: decodeExpression(variables, decoding, name) }),
    ...(pipeline !== undefined && { pipeline }),
  }
}
