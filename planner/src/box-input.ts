/** Which server the question is about: a catalogue id, a shorthand such as `2c4g6m`, or the figures themselves. */
import { BUNDLES, type CatalogueBundle } from './catalogue/bundles.ts'
import { readChoice, readFields, readNumber, rejectUnknown } from './field-readers.ts'
import { PlanInputError } from './plan-input-error.ts'
import { quote, text } from './text.ts'

/** A server as the model sees it. `trafficGB: null` means no quota. */
export type Box = {
  readonly cores: number
  readonly memoryGB: number
  readonly mbps: number
  readonly mbpsKind: 'fixed' | 'peak'
  readonly trafficGB: number | null
  readonly diskGB: number
}

/** A box, and the catalogue row it is, when it is one. */
export type BoxInput = Box & { readonly row?: CatalogueBundle }

/** A line sold as this or more is a shared ceiling in every catalogue seen; smaller ones are shaped. */
const PEAK_LINE_FROM_MBPS = 30

const SHORTHAND = /^(\d+(?:\.\d+)?)c(\d+(?:\.\d+)?)g(?:(\d+(?:\.\d+)?)m)?$/i

export function parseBox(value: unknown): BoxInput {
  return typeof value === 'string' ? parseNamedBox(value) : parseBoxFields(readFields(value, 'bundle'))
}

/** The row as a box, or undefined when the vendor does not publish its line. */
export function boxOf(row: CatalogueBundle): BoxInput | undefined {
  if (row.mbps === 'unknown' || row.trafficGB === 'unknown') return undefined
  const { cores, memoryGB, mbps, mbpsKind } = row
  const trafficGB = row.trafficGB === 'unlimited' ? null : row.trafficGB
  return {
    cores,
    memoryGB,
    mbps,
    mbpsKind,
    trafficGB,
    diskGB: row.diskGB === 'unknown' ? usualDiskGB(memoryGB) : row.diskGB,
    row,
  }
}

function parseNamedBox(name: string): BoxInput {
  const row = BUNDLES.find((candidate) => candidate.id === name)
  const known = row && boxOf(row)
  if (known) return known

  const [, cores, memory, line] = SHORTHAND.exec(name.trim()) ?? []
  if (!cores || !memory) {
    throw new PlanInputError(
      'unknown_value',
      'bundle',
      text(`Unknown bundle "${quote(name)}".`, `未知套餐“${quote(name)}”。`),
      text(
        'Write cores, memory and line as 2c4g6m or 2c4g200m, or an id from the catalogue.',
        '请写成 2c4g6m、2c4g200m，或目录中的套餐编号。',
      ),
    )
  }
  return line
    ? parseBoxFields({ cores: Number(cores), memoryGB: Number(memory), mbps: Number(line) })
    : cheapestOfSize(Number(cores), Number(memory), name)
}

function cheapestOfSize(cores: number, memoryGB: number, name: string): BoxInput {
  const found = BUNDLES.filter((row) => row.region === 'mainland' && row.cores === cores && row.memoryGB === memoryGB)
    .sort((a, b) => a.priceYuanPerMonth - b.priceYuanPerMonth)
    .map(boxOf)
    .find((box) => box !== undefined)
  if (found) return found
  throw new PlanInputError(
    'missing',
    'bundle.mbps',
    text(`The line of "${name}" is not known.`, `未知“${name}”的带宽。`),
    text('Add it: 2c4g6m means 6 Mbps.', '请补上：2c4g6m 表示 6 Mbps。'),
  )
}

function parseBoxFields(fields: Record<string, unknown>): BoxInput {
  rejectUnknown(fields, [
    'cores',
    'memoryGB',
    'mbps',
    'mbpsKind',
    'trafficGB',
    'diskGB',
    'name',
    'id',
    'priceYuanPerMonth',
  ])
  const cores = need(fields, 'cores', 0.1, 512)
  const memoryGB = need(fields, 'memoryGB', 0.25, 16_384)
  const mbps = need(fields, 'mbps', 0.1, 100_000)
  const mbpsKind =
    readChoice(fields['mbpsKind'], 'bundle.mbpsKind', ['fixed', 'peak'] as const) ??
    (mbps >= PEAK_LINE_FROM_MBPS ? 'peak' : 'fixed')
  const row = BUNDLES.filter((candidate) => candidate.region === 'mainland')
    .filter((candidate) => candidate.cores === cores && candidate.memoryGB === memoryGB && candidate.mbps === mbps)
    .sort((a, b) => Number(a.isSuperseded ?? false) - Number(b.isSuperseded ?? false))[0]
  const rowTraffic = row && typeof row.trafficGB === 'number' ? row.trafficGB : null
  const stated = readNumber(fields['trafficGB'], 'bundle.trafficGB', { least: 1, most: 1e9, unit: 'GB a month' })
  const trafficGB = stated ?? (fields['trafficGB'] === null ? null : rowTraffic)
  const diskGB =
    readNumber(fields['diskGB'], 'bundle.diskGB', { least: 5, most: 1e6, unit: 'GB' }) ??
    (typeof row?.diskGB === 'number' ? row.diskGB : usualDiskGB(memoryGB))
  return { cores, memoryGB, mbps, mbpsKind, trafficGB, diskGB, ...(row ? { row } : {}) }
}

function need(fields: Record<string, unknown>, name: string, least: number, most: number): number {
  const value = readNumber(fields[name], `bundle.${name}`, { least, most, unit: name })
  if (value !== undefined) return value
  throw new PlanInputError(
    'missing',
    `bundle.${name}`,
    text(`"bundle.${name}" is missing.`, `缺少“bundle.${name}”。`),
    text(
      'A bundle needs cores, memoryGB and mbps, or a shorthand such as "2c4g6m".',
      '套餐需要 cores、memoryGB、mbps，或简写 “2c4g6m”。',
    ),
  )
}

/** What bundles of that memory come with. */
const usualDiskGB = (memoryGB: number): number => (memoryGB <= 2 ? 40 : memoryGB <= 4 ? 50 : memoryGB <= 8 ? 80 : 180)
