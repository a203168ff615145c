/** `$lookup`: joins documents of another collection, read with the caller's own rights. */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import type { Aggregation } from './aggregation-context.ts'
import { decodePipeline, type Stage } from './decode-pipeline.ts'
import { someElementAt, withField } from './document-path.ts'
import type { DocumentText, Json, JsonObject } from './document-request.ts'
import { isArray, isObject } from './document-values.ts'

/** Documents that a correlated pipeline may run for: one query each. */
const CORRELATED_DOCUMENTS_LIMIT = 1_000
/** Joined documents in one lookup, all together. */
const JOINED_DOCUMENTS_LIMIT = 50_000

/** Runs a pipeline on another collection, with the caller's rights. */
type RunPipeline = (
  aggregation: Aggregation,
  collection: string,
  stages: readonly Stage[],
) => Promise<readonly DocumentText[]>

type LookupSpec = {
  readonly from: string
  readonly as: string
  readonly localField?: string
  readonly foreignField?: string
  readonly let?: JsonObject
  readonly pipeline?: readonly JsonObject[]
}

export async function lookUp(
  aggregation: Aggregation,
  texts: readonly DocumentText[],
  spec: Json,
  runPipeline: RunPipeline,
): Promise<DocumentText[]> {
  const lookup = spec as LookupSpec // safe: decoded by decodeLookup
  const documents = texts.map((text): JsonObject => JSON.parse(text))
  const { localField, foreignField } = lookup
  const joined =
    localField !== undefined && foreignField !== undefined
      ? await joinByField(aggregation, documents, { ...lookup, localField, foreignField }, runPipeline)
      : await joinByPipeline(aggregation, documents, lookup, runPipeline)
  return documents.map((document, index) =>
    JSON.stringify(withField(document, lookup.as.split('.'), joined[index] ?? [])),
  )
}

/** One query for up to `inValues` local values, then matched here. A missing field joins with null and missing. */
async function joinByField(
  aggregation: Aggregation,
  documents: readonly JsonObject[],
  { from, localField, foreignField, pipeline }: LookupSpec & { localField: string; foreignField: string },
  runPipeline: RunPipeline,
): Promise<JsonObject[][]> {
  const locals = documents.map((document) => valuesAt(document, localField))
  const wanted = new Map(locals.flat().map((value) => [JSON.stringify(value), value]))
  const foreign: JsonObject[] = []
  for (const values of chunks([...wanted.values()], LIMITS.inValues)) {
    const match: Stage = { name: '$match', spec: { [foreignField]: { $in: values } } }
    const found = await runPipeline(aggregation, from, [match])
    foreign.push(...found.map((text) => JSON.parse(text)))
    refuseTooMany(foreign.length)
  }
  const joined = joinEqual(locals, unique(foreign), foreignField)
  if (pipeline === undefined) return joined
  const stages = decodePipeline(pipeline, aggregation.nowMs)
  return Promise.all(joined.map(async (list) => runOn(aggregation, list, stages)))
}

async function runOn(
  { engine, nowMs, deadlineMs }: Aggregation,
  list: readonly JsonObject[],
  stages: readonly Stage[],
): Promise<JsonObject[]> {
  const texts = list.map((document) => JSON.stringify(document))
  const results = await engine.aggregations.run({ texts, stages, nowMs }, Math.max(1, deadlineMs - performance.now()))
  return results.map((text) => JSON.parse(text))
}

function joinEqual(locals: readonly Json[][], foreign: readonly JsonObject[], foreignField: string): JsonObject[][] {
  const byValue = new Map<string, JsonObject[]>()
  for (const document of foreign) {
    const keys = new Set(valuesAt(document, foreignField).map((value) => JSON.stringify(value)))
    for (const key of keys) byValue.set(key, [...(byValue.get(key) ?? []), document])
  }
  let total = 0
  return locals.map((values) => {
    const matches = unique(values.flatMap((value) => byValue.get(JSON.stringify(value)) ?? []))
    total += matches.length
    refuseTooMany(total)
    return matches
  })
}

/** The values that equality looks at: those at the path, and the elements of arrays there; null where there is none. */
function valuesAt(document: JsonObject, path: string): Json[] {
  const values: Json[] = []
  someElementAt(document, path.split('.'), (value) => {
    values.push(value ?? null)
    return false
  })
  return values.length ? values : [null]
}

const unique = <Item>(items: readonly Item[]) => [...new Set(items)]

function* chunks<Item>(items: readonly Item[], size: number) {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}

/** Without variables the pipeline's answer is the same for all documents; with them it runs for each. */
async function joinByPipeline(
  aggregation: Aggregation,
  documents: readonly JsonObject[],
  { from, let: variables = {}, pipeline = [] }: LookupSpec,
  runPipeline: RunPipeline,
): Promise<JsonObject[][]> {
  const run = async (stages: readonly JsonObject[]) => {
    const texts = await runPipeline(aggregation, from, decodePipeline(stages, aggregation.nowMs))
    return texts.map((text): JsonObject => JSON.parse(text))
  }
  if (Object.keys(variables).length === 0) {
    const shared = documents.length ? await run(pipeline) : []
    refuseTooMany(shared.length * documents.length)
    return documents.map(() => shared)
  }
  if (documents.length > CORRELATED_DOCUMENTS_LIMIT) {
    throw new AppError(
      'query_too_expensive',
      `A lookup with variables runs for at most ${CORRELATED_DOCUMENTS_LIMIT} documents.`,
    )
  }
  const { runStages } = await import('./run-stages.ts') // brings mingo along, which few requests need
  const project: Stage = { name: '$project', spec: { _id: 0, ...variables } }
  let total = 0
  const joined: JsonObject[][] = []
  for (const document of documents) {
    const [values = {}] = runStages([document], [project], aggregation.nowMs)
    const matches = await run(substitute(pipeline, values) as JsonObject[]) // safe: the shape is kept
    total += matches.length
    refuseTooMany(total)
    joined.push(matches)
  }
  return joined
}

function refuseTooMany(count: number) {
  if (count > JOINED_DOCUMENTS_LIMIT) {
    throw new AppError('query_too_expensive', `The lookup joins more than ${JOINED_DOCUMENTS_LIMIT} documents.`)
  }
}

/** `$$name` and `$$name.field` become literals, everywhere in the pipeline. */
function substitute(value: Json, values: JsonObject): Json {
  if (typeof value === 'string') {
    const [, name = '', path] = /^\$\$([^.]+)(?:\.(.+))?$/.exec(value) ?? []
    if (!name || /^(ROOT|CURRENT|NOW|this|value)$/.test(name)) return value
    if (!Object.hasOwn(values, name)) return value
    const literal = values[name] ?? null
    return { $literal: path === undefined ? literal : fieldAt(literal, path) }
  }
  if (isArray(value)) return value.map((element) => substitute(element, values))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, substitute(field, values)]))
}

function fieldAt(value: Json, path: string): Json {
  const [first] = valuesAt(isObject(value) ? value : {}, path)
  return first ?? null
}
