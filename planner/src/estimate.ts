/** A thousand draws of the parameters, summed up: the demand to plan with, and how wide the range is. */

import { stackMemoryMB } from './box-capacity.ts'
import type { MeasuredCapacity } from './capacity-reference.ts'
import type { Provenance } from './catalogue/sources.ts'
import { type Demand, type DemandFacts, demandFacts, demandOf, type Parameters } from './demand.ts'
import { cpuProvenance, PARAMETER_NAMES, type ParameterName, type Ranges } from './parameters.ts'
import type { PlanInput } from './plan-input.ts'
import { DRAWS, quantileOf, valuesOf } from './random.ts'

export type Estimate = {
  /** Each figure at its planning quantile; not one draw, so the figures need not fit together exactly. */
  readonly demand: Demand
  readonly p50: Demand
  readonly p90: Demand
  readonly stackMemoryMB: number
  readonly memorySource: Provenance
  readonly cpuSource: Provenance
  readonly queriesPerSecond: number
  readonly queryLimit: number
}

/** With own figures or WeChat's statistics the ranges are too wide; the reference then plans with the median and 30 %. */
const CALIBRATED_MARGIN = 1.3

/** Queries behind one request: the session is cached, the page needs one or two. */
const QUERIES_PER_REQUEST = 1.5
/** Indexed queries a second one core answers: measured 5,700 (SQLite), 1,430 (MariaDB), 894 (PostgreSQL), planned at half. */
const QUERY_LIMIT = { sqlite: 2800, mysql: 700, postgres: 450 } as const

export type EstimateOptions = {
  readonly input: PlanInput
  readonly ranges: Ranges
  readonly sendsImages: boolean
  readonly measured: MeasuredCapacity | undefined
  readonly cores: number
}

export function estimate({ input, ranges, sendsImages, measured, cores }: EstimateOptions): Estimate {
  const facts = demandFacts(input, sendsImages, usualParameters(ranges))
  const sorted = sortedDemands(drawDemands(facts, ranges))
  const p50 = mapDemand((field) => quantileOf(sorted[field], 0.5))
  const p90 = mapDemand((field) => quantileOf(sorted[field], 0.9))
  const demand = hasOwnFigures(input) ? lower(p90, scale(p50, CALIBRATED_MARGIN)) : p90
  return {
    demand,
    p50,
    p90,
    stackMemoryMB: stackMemoryMB(input, measured),
    memorySource: measured?.idleMemoryMB === undefined ? 'modelled' : 'measured',
    cpuSource: cpuProvenance(input, measured),
    queriesPerSecond: demand.peakRequestsPerSecond * QUERIES_PER_REQUEST,
    queryLimit: QUERY_LIMIT[input.database] * Math.max(1, cores),
  }
}

/** Whether the user measured the load rather than hoping for it. */
export const hasOwnFigures = ({ visits, overrides, dau }: PlanInput): boolean =>
  visits.length > 0 ||
  overrides.requestsPerSecond !== undefined ||
  overrides.meanRequestsPerSecond !== undefined ||
  overrides.burstRequestsPerSecond !== undefined ||
  overrides.connections !== undefined ||
  (dau === undefined && overrides.participants !== undefined && overrides.windowSeconds !== undefined)

function drawDemands(facts: DemandFacts, ranges: Ranges): Demand[] {
  const columns = PARAMETER_NAMES.map((name) => [name, valuesOf(name, ranges[name])] as const)
  return Array.from({ length: DRAWS }, (_, index) => {
    const draw: Partial<Record<ParameterName, number>> = {}
    for (const [name, column] of columns) draw[name] = column[index] ?? ranges[name].usual
    return demandOf(facts, draw as Parameters) // safe: every name was set in the loop
  })
}

function usualParameters(ranges: Ranges): Parameters {
  const values: Partial<Record<ParameterName, number>> = {}
  for (const name of PARAMETER_NAMES) values[name] = ranges[name].usual
  return values as Parameters // safe: every name was set in the loop
}

/** Each figure on its own, in order. Half of them are zero for most inputs, and zeros need no sorting. */
const sortedDemands = (draws: readonly Demand[]) =>
  mapDemand((field) => {
    const column = Float64Array.from(draws, (draw) => draw[field])
    return column.every((value) => value === column[0]) ? column : column.sort()
  })

const lower = (a: Demand, b: Demand) => mapDemand((field) => Math.min(a[field], b[field]))
const scale = (demand: Demand, factor: number) => mapDemand((field) => demand[field] * factor)

function mapDemand<T>(value: (field: keyof Demand) => T): { readonly [K in keyof Demand]: T } {
  return {
    meanRequestsPerSecond: value('meanRequestsPerSecond'),
    peakRequestsPerSecond: value('peakRequestsPerSecond'),
    concurrentUsers: value('concurrentUsers'),
    megabitPerSecond: value('megabitPerSecond'),
    imageMegabitPerSecond: value('imageMegabitPerSecond'),
    trafficGBPerMonth: value('trafficGBPerMonth'),
    cdnGBPerMonth: value('cdnGBPerMonth'),
    connections: value('connections'),
    messagesPerSecond: value('messagesPerSecond'),
    writesPerSecond: value('writesPerSecond'),
    cpuCores: value('cpuCores'),
    jobCores: value('jobCores'),
    diskGBPerDay: value('diskGBPerDay'),
  }
}
