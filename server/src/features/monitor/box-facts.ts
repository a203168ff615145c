/** What this server can take: measured by `sampan bench` if it was, otherwise the shipped reference figures. */
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { parseBox } from '@sampan/planner/box-input'
import { type MeasuredCapacity, REFERENCE } from '@sampan/planner/capacity-reference'
import type { CatalogueBundle } from '@sampan/planner/catalogue/bundles'
import { PlanInputError } from '@sampan/planner/plan-input-error'
import { AppError } from '../../errors.ts'
import type { MonitorSettings } from './monitor-settings.ts'

export type BoxFacts = {
  readonly cores: number
  readonly memoryBytes: number
  /** Requests per second with p95 ≤ 300 ms. */
  readonly requestsPerSecond: number
  readonly capacitySource: 'measured' | 'reference'
  readonly capacityAsOf: string
  readonly lineMbps: number | undefined
  readonly lineKind: 'fixed' | 'peak' | 'measured' | undefined
  /** null: without a quota; undefined: not known. */
  readonly trafficGB: number | null | undefined
  readonly bundle: CatalogueBundle | undefined
}

export const BUNDLE_SETTING = 'bundle'
/** Share of the CPU that may be busy before answers wait: the knee of the reference measurements. */
const USABLE_CPU_SHARE = 0.7
const MS_PER_SECOND = 1000

/** @param capacityFiles where `sampan bench` may have left its result; the first that exists counts */
export function readBoxFacts(settings: MonitorSettings, capacityFiles: readonly string[]): BoxFacts {
  const measured = readCapacity(capacityFiles)
  const name = settings.find(BUNDLE_SETTING)
  const box = typeof name === 'string' ? parseBundle(name) : undefined
  const cores = os.availableParallelism()
  const modelled = (cores * MS_PER_SECOND * USABLE_CPU_SHARE) / REFERENCE.cpuMsPerRequest.usual
  return {
    cores,
    memoryBytes: os.totalmem(),
    requestsPerSecond: measured?.kneeRequestsPerSecond ?? modelled,
    capacitySource: measured?.kneeRequestsPerSecond ? 'measured' : 'reference',
    capacityAsOf: measured?.kneeRequestsPerSecond ? measured.asOf : REFERENCE.asOf,
    lineMbps: measured?.lineMbps ?? box?.mbps,
    lineKind: measured?.lineMbps ? 'measured' : box?.mbpsKind,
    trafficGB: box?.trafficGB,
    bundle: box?.row,
  }
}

/** @throws {AppError} `invalid_request` for a bundle that nobody sells */
export function parseBundle(name: string) {
  try {
    return parseBox(name)
  } catch (error) {
    if (!(error instanceof PlanInputError)) throw error
    throw new AppError('invalid_request', error.message, { details: { field: 'bundle' } })
  }
}

function readCapacity(files: readonly string[]): MeasuredCapacity | undefined {
  for (const file of files) {
    try {
      const capacity: unknown = JSON.parse(readFileSync(file, 'utf8'))
      if (isCapacity(capacity)) return capacity
    } catch {
      // Not there, or half written: the next place, or the reference figures.
    }
  }
  return undefined
}

const isCapacity = (value: unknown): value is MeasuredCapacity =>
  typeof value === 'object' && value !== null && 'asOf' in value && 'cpuMsPerRequest' in value
