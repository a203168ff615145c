/** Stages of an aggregation that need no database, on documents in memory. Runs in the aggregation's thread. */
import { LIMITS } from '@sampan/protocol/limits'
import { Aggregator } from 'mingo/aggregator'
import { AppError } from '../../errors.ts'
import { restore, revive } from './aggregation-values.ts'
import { boundedContext, ExpressionBudget } from './bounded-expressions.ts'
import { decodeFilter } from './decode-filter.ts'
import type { Stage } from './decode-pipeline.ts'
import { someValueAt, withField } from './document-path.ts'
import type { Json, JsonObject } from './document-request.ts'
import { isArray, isPlainObject } from './document-values.ts'
import { expressionTest } from './evaluate-expression.ts'
import { compileFilter } from './match-document.ts'
import { decodeOrder, sortItems } from './sort-documents.ts'

/** Documents between two stages. */
const STAGE_DOCUMENTS_LIMIT = 200_000

type Documents = readonly JsonObject[]

export function runStages(documents: Documents, stages: readonly Stage[], nowMs: number): Documents {
  return stages.reduce((current, stage) => {
    const next = runStage(current, stage, nowMs)
    if (next.length > STAGE_DOCUMENTS_LIMIT) {
      throw new AppError(
        'query_too_expensive',
        `The aggregation holds more than ${STAGE_DOCUMENTS_LIMIT} documents at once.`,
      )
    }
    return next
  }, documents)
}

function runStage(documents: Documents, { name, spec }: Stage, nowMs: number): Documents {
  switch (name) {
    case '$match':
      return documents.filter(compileFilter(decodeFilter(spec, nowMs), expressionTest(nowMs)))
    case '$sort':
      return sortItems([...documents], decodeOrder(spec), (document) => document)
    case '$limit':
      return documents.slice(0, Number(spec))
    case '$skip':
      return documents.slice(Number(spec))
    case '$count':
      return documents.length ? [{ [String(spec)]: documents.length }] : []
    case '$sample':
      return sample(documents, Number((spec as JsonObject)['size'])) // safe: decoded with a size
    case '$unwind':
      return documents.flatMap((document) => unwind(document, spec as UnwindSpec)) // safe: decoded by decodeUnwind
    case '$unset':
      return compute(documents, '$project', Object.fromEntries((spec as string[]).map((path) => [path, 0]))) // safe: decoded
    case '$bucket':
      return bucket(documents, spec as BucketSpec) // safe: decoded by decodeBucket
    case '$sortByCount':
      return sortItems(
        [...compute(documents, '$group', { _id: spec, count: { $sum: 1 } })],
        [{ path: 'count', direction: -1 }],
        (document) => document,
      )
    default:
      return compute(documents, name, spec)
  }
}

/** mingo computes; its complaints are the caller's mistakes. */
function compute(documents: Documents, name: string, spec: Json): Documents {
  try {
    const budget = new ExpressionBudget()
    const options = { scriptEnabled: false, useStrictMode: true, failOnError: true, context: boundedContext(budget) }
    const aggregator = new Aggregator([{ [name]: revive(spec) }], options)
    const results = aggregator.run(documents.map((document) => revive(document) as Record<string, unknown>)) // safe: an object stays one
    return results
      .map((result) => restore(result, budget))
      .filter(isPlainObject)
      .map(idFirst)
  } catch (error) {
    if (error instanceof AppError) throw error
    const reason = error instanceof Error ? error.message : 'failed'
    throw new AppError('invalid_query', `${name}: ${reason}`, { details: { path: name, reason }, cause: error })
  }
}

type BucketSpec = {
  readonly groupBy: Json
  readonly boundaries: readonly Json[]
  readonly default?: Json
  readonly output: JsonObject
}

/** As a group by the lower boundary: mingo puts a value on a boundary into the bucket below. */
function bucket(documents: Documents, { groupBy, boundaries, output, default: other }: BucketSpec): Documents {
  const branches = boundaries.slice(0, -1).map((from, index) => ({
    case: { $and: [{ $gte: [groupBy, from] }, { $lt: [groupBy, boundaries[index + 1] ?? null] }] },
    // biome-ignore lint/suspicious/noThenProperty: the language's own word
    then: { $literal: from },
  }))
  const place = { $switch: { branches, ...(other !== undefined && { default: other }) } }
  const groups = compute(documents, '$group', { _id: place, ...output })
  return sortItems([...groups], [{ path: '_id', direction: 1 }], (document) => document)
}

const idFirst = ({ _id, ...others }: JsonObject): JsonObject => (_id === undefined ? others : { _id, ...others })

/** A fair choice: the first `size` of a shuffle. */
function sample(documents: Documents, size: number): Documents {
  const pool = [...documents]
  const chosen: JsonObject[] = []
  while (chosen.length < size && pool.length) {
    const place = Math.floor(Math.random() * pool.length)
    const [document] = pool.splice(place, 1, ...pool.slice(-1))
    pool.pop()
    if (document) chosen.push(document)
  }
  return chosen
}

type UnwindSpec = { readonly path: string; readonly indexPath: string | null; readonly keepsEmpty: boolean }

function unwind(document: JsonObject, { path, indexPath, keepsEmpty }: UnwindSpec): JsonObject[] {
  let value: Json | undefined
  someValueAt(document, path.split('.'), (each) => {
    value = each
    return true
  })
  const withIndex = (unwound: JsonObject, index: Json) =>
    indexPath === null ? unwound : withField(unwound, indexPath.split('.'), index)
  if (isArray(value) && value.length) {
    if (value.length > LIMITS.arrayElements)
      throw new AppError('query_too_expensive', `${path} has too many elements to unwind.`)
    return value.map((element, index) => withIndex(withField(document, path.split('.'), element), index))
  }
  const isEmpty = value === undefined || value === null || isArray(value)
  if (!isEmpty) return [withIndex(document, null)]
  if (!keepsEmpty) return []
  return [withIndex(isArray(value) ? withField(document, path.split('.'), undefined) : document, null)]
}
