/**
 * Aggregations: leading `$match`, `$sort`, `$skip`, `$limit` and `$count` go into the database, lookups read the other
 * collection through the same authoriser, and the stages between run in a thread of their own.
 */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { type Identity, isUnderRules } from '../sessions/identity.ts'
import { type Aggregation, timeLeft } from './aggregation-context.ts'
import { authorise, withCallersId } from './authorise.ts'
import { decodeFilter } from './decode-filter.ts'
import { decodePipeline, type Stage } from './decode-pipeline.ts'
import { allOf, type Filter, pathsOf } from './document-filter.ts'
import type {
  AggregateRequest,
  DocumentCaller,
  DocumentText,
  Explanation,
  Json,
  JsonObject,
} from './document-request.ts'
import { isObject } from './document-values.ts'
import type { Engine } from './documents-needs.ts'
import { expressionTest } from './evaluate-expression.ts'
import { geoNear } from './geo-near.ts'
import { groupInSql, groupStatement } from './group-in-sql.ts'
import { lookUp } from './look-up.ts'
import { neededFields } from './pipeline-fields.ts'
import { protectedFieldsOf, withoutProtected } from './protected-fields.ts'
import { countSelection, explainSelection, timeoutOf } from './read-documents.ts'
import { selectMany } from './run-selection.ts'
import type { Selection } from './selection.ts'
import { decodeOrder, type SortKey } from './sort-documents.ts'

export async function aggregateDocuments(engine: Engine, request: AggregateRequest, caller: DocumentCaller) {
  const nowMs = engine.now()
  const stages = decodePipeline(request.stages, nowMs)
  const aggregation = { engine, caller, nowMs, deadlineMs: performance.now() + timeoutOf(engine, caller) }
  // Programs are written around CloudBase's 20 results; a limit anywhere shows that the program chose.
  const isLimited = stages.some(({ name }) => name === '$limit')
  const most = isLimited ? LIMITS.aggregatePageMax : LIMITS.aggregatePage
  const texts = await runPipeline(aggregation, request.collection, [...stages, { name: '$limit', spec: most }])
  return { documents: [...texts] }
}

/** What the database is asked first, and which stages run on its answer. */
export async function explainAggregate(
  engine: Engine,
  request: AggregateRequest,
  caller: DocumentCaller,
): Promise<Explanation> {
  const nowMs = engine.now()
  const stages = decodePipeline(request.stages, nowMs)
  const aggregation = { engine, caller, nowMs, deadlineMs: performance.now() + timeoutOf(engine, caller) }
  const { pushed, rest, selection } = await leadingSelection(aggregation, request.collection, stages)
  const isWhole = pushed.limit === Number.POSITIVE_INFINITY
  const grouped = isWhole ? groupStatement(engine, selection, rest[0]) : undefined
  const explained = await explainSelection(engine, selection, grouped?.sql)
  const left = rest.slice(grouped ? 1 : 0).map(({ name }) => name)
  return { ...explained, isExact: explained.isExact && left.length === 0, residual: [...explained.residual, ...left] }
}

/** @throws {AppError} `permission_denied`, `collection_not_found`, `invalid_query`, `query_too_expensive` */
async function runPipeline(
  aggregation: Aggregation,
  collectionName: string,
  stages: readonly Stage[],
): Promise<readonly DocumentText[]> {
  const { engine, caller } = aggregation
  const { identity } = caller
  const { collection, pushed, rest, selection } = await leadingSelection(aggregation, collectionName, stages)
  const [first, ...others] = rest
  if (first?.name === '$count' && pushed.skip === 0 && pushed.limit === Number.POSITIVE_INFINITY) {
    const total = await countSelection(engine, selection)
    return runRest(aggregation, total ? [JSON.stringify({ [String(first.spec)]: total })] : [], others)
  }
  if (first?.name === '$geoNear') {
    const nearby = await geoNear(aggregation, selection, first.spec)
    return runRest(aggregation, withoutProtected(collection, identity, nearby), others)
  }
  // Protected fields are taken out of the records before stages see them.
  const isPlain = !isUnderRules(identity) || protectedFieldsOf(collection).length === 0
  const isWhole = pushed.limit === Number.POSITIVE_INFINITY
  const groups = isPlain && isWhole ? await groupInSql(engine, selection, first) : undefined
  if (groups) return runRest(aggregation, groups, others)
  const found = await selectBounded(aggregation, selection, pushed.limit)
  return runRest(aggregation, withoutProtected(collection, identity, found), rest)
}

/** What the database does of a pipeline, authorised, and the stages that are left. */
async function leadingSelection(aggregation: Aggregation, collectionName: string, stages: readonly Stage[]) {
  const { engine, caller, nowMs } = aggregation
  const collection = await engine.catalogue.get(collectionName)
  const { pushed, rest } = splitPipeline(stages, nowMs, caller.identity)
  const { identity } = caller
  const allowed = await authorise(engine, {
    action: 'read',
    collection,
    identity,
    query: pushed.filter,
    paths: pushedPaths(pushed, rest),
  })
  const filter = allOf([allowed, pushed.filter])
  const selection: Selection = {
    collection,
    filter,
    order: pushed.order,
    skip: pushed.skip,
    limit: Math.min(pushed.limit, engine.settings.residualRowsMax + 1),
    timeoutMs: timeLeft(aggregation),
    expressionTest: expressionTest(nowMs),
    fields: neededFields(rest),
  }
  return { collection, pushed, rest, selection }
}

async function selectBounded({ engine }: Aggregation, selection: Selection, wanted: number) {
  const texts = await selectMany(engine, selection)
  const { residualRowsMax, residualBytesMax } = engine.settings
  const bytes = texts.reduce((sum, text) => sum + text.length, 0)
  if ((texts.length > residualRowsMax && wanted > residualRowsMax) || bytes > residualBytesMax) {
    throw new AppError(
      'query_too_expensive',
      'The aggregation reads too many records; narrow it with a $match in front.',
    )
  }
  return texts
}

/** Fields that the database is asked about before protected ones are taken away. */
function pushedPaths({ order }: Pushed, [first]: readonly Stage[]): string[] {
  const sorted = order.map(({ path }) => path)
  if (first?.name !== '$geoNear' || !isObject(first.spec)) return sorted
  const { key, query } = first.spec
  return [...sorted, ...(typeof key === 'string' ? [key] : []), ...pathsOf(decodeFilter(query ?? undefined, 0))]
}

type Pushed = { filter: Filter; order: readonly SortKey[]; skip: number; limit: number }

/** Takes the leading stages that the database can do, in the order in which it does them. */
function splitPipeline(
  stages: readonly Stage[],
  nowMs: number,
  identity: Identity,
): { pushed: Pushed; rest: readonly Stage[] } {
  const filters: Filter[] = []
  let place = 0
  const take = (name: string) => (stages[place]?.name === name ? stages[place++] : undefined)
  for (let stage = take('$match'); stage; stage = take('$match'))
    filters.push(decodeFilter(withCallersId(stage.spec as JsonObject, identity), nowMs))
  const sort = take('$sort')
  const skip = take('$skip')
  const limit = take('$limit')
  return {
    pushed: {
      filter: allOf(filters),
      order: decodeOrder(sort?.spec),
      skip: Number(skip?.spec ?? 0),
      limit: Number(limit?.spec ?? Number.POSITIVE_INFINITY),
    },
    rest: stages.slice(place),
  }
}

/** Alternates between the thread, lookups, which need the database, and facets, which may hold lookups. */
async function runRest(
  aggregation: Aggregation,
  texts: readonly DocumentText[],
  stages: readonly Stage[],
): Promise<readonly DocumentText[]> {
  const place = stages.findIndex(({ name }) => name === '$lookup' || name === '$facet')
  const computed = place < 0 ? stages : stages.slice(0, place)
  const misplaced = computed.find(({ name }) => name === '$geoNear')
  if (misplaced)
    throw new AppError('invalid_query', '$geoNear must be the first stage.', {
      details: { path: '$geoNear', reason: 'must be first' },
    })
  const results = await compute(aggregation, texts, computed)
  const stage = place < 0 ? undefined : stages[place]
  if (!stage) return results
  const next =
    stage.name === '$facet'
      ? await runFacets(aggregation, results, stage.spec)
      : await lookUp(aggregation, results, stage.spec, runPipeline)
  return runRest(aggregation, next, stages.slice(place + 1))
}

/** One document, with the results of each pipeline under its name. */
async function runFacets(
  aggregation: Aggregation,
  texts: readonly DocumentText[],
  spec: Json,
): Promise<DocumentText[]> {
  const facets: string[] = []
  let bytes = 0
  for (const [name, stages] of Object.entries(spec as Record<string, JsonObject[]>)) {
    const found = await runRest(aggregation, texts, decodePipeline(stages, aggregation.nowMs)) // safe: decoded by decodeFacet
    bytes += found.reduce((sum, text) => sum + text.length, 0)
    if (bytes > aggregation.engine.settings.residualBytesMax)
      throw new AppError('query_too_expensive', 'The facets hold too much; narrow them with $limit or $project.')
    facets.push(`${JSON.stringify(name)}:[${found.join(',')}]`)
  }
  return [`{${facets.join(',')}}`]
}

/** Cutting a list needs no thread. */
async function compute(
  aggregation: Aggregation,
  texts: readonly DocumentText[],
  stages: readonly Stage[],
): Promise<readonly DocumentText[]> {
  const [first, ...others] = stages
  if (!first) return texts
  if (first.name === '$limit') return compute(aggregation, texts.slice(0, Number(first.spec)), others)
  if (first.name === '$skip') return compute(aggregation, texts.slice(Number(first.spec)), others)
  return aggregation.engine.aggregations.run({ texts, stages, nowMs: aggregation.nowMs }, timeLeft(aggregation))
}
