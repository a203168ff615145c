import type { MeasuredCapacity, RequestKind } from './capacity-reference.ts'
import { readFields, readNumber } from './field-readers.ts'
import { PlanInputError } from './plan-input-error.ts'
import { text } from './text.ts'

const KINDS: readonly RequestKind[] = ['login', 'list', 'detail', 'write', 'function', 'nginx']

// biome-ignore format: a table keeps its columns
const FIGURES = {
  kneeRequestsPerSecond:  { least: 0.1, most: 1e7, unit: 'requests/s' },
  kilobytesPerConnection: { least: 0.1, most: 1e5, unit: 'KB' },
  fsyncMs:                { least: 0.001, most: 1e4, unit: 'ms' },
  lineMbps:               { least: 0.01, most: 1e6, unit: 'Mbps' },
  idleMemoryMB:           { least: 1, most: 1e7, unit: 'MB' },
} as const

/**
 * Reads the content of capacity.json.
 * @throws {PlanInputError} if it is not one, naming the field
 */
export function parseCapacity(value: unknown): MeasuredCapacity {
  const fields = readFields(value, 'capacity')
  const costs = fields['cpuMsPerRequest']
  if (costs === undefined) {
    throw new PlanInputError(
      'missing',
      'capacity.cpuMsPerRequest',
      text('This is not a capacity file: "cpuMsPerRequest" is missing.', '这不是容量文件：缺少 “cpuMsPerRequest”。'),
      text('Write one with `sampan bench`.', '请用 `sampan bench` 生成。'),
    )
  }
  const costFields = readFields(costs, 'capacity.cpuMsPerRequest')
  const cpuMsPerRequest: { [K in RequestKind]?: number } = {}
  for (const kind of KINDS) {
    const ms = readNumber(costFields[kind], `capacity.cpuMsPerRequest.${kind}`, { least: 0, most: 1e5, unit: 'ms' })
    if (ms !== undefined) cpuMsPerRequest[kind] = ms
  }
  const figures: { -readonly [K in keyof typeof FIGURES]?: number } = {}
  for (const name of Object.keys(FIGURES) as (keyof typeof FIGURES)[]) {
    // safe: the keys of a literal
    const figure = readNumber(fields[name], `capacity.${name}`, FIGURES[name])
    if (figure !== undefined) figures[name] = figure
  }
  const cores = readNumber(fields['cores'], 'capacity.cores', { least: 0.1, most: 1024, unit: 'cores' }) ?? 1
  return {
    asOf: String(fields['asOf'] ?? ''),
    machine: String(fields['machine'] ?? ''),
    cores,
    cpuMsPerRequest,
    ...figures,
  }
}
