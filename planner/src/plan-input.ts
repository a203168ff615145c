/**
 * What somebody tells the advisor. Everything is optional as long as some load can be derived; a stated figure always
 * beats the model. Written by hand in JSON, by flags, or by the form of the console.
 */
import { APP_TYPE_IDS, APP_TYPES, type AppTypeId } from './app-types.ts'
import { type BoxInput, parseBox } from './box-input.ts'
import { FEATURE_IDS, type FeatureId, findFeature } from './features.ts'
import { closestWord, readChoice, readFields, readNumber, rejectUnknown } from './field-readers.ts'
import { PlanInputError } from './plan-input-error.ts'
import { quote, type Text, text } from './text.ts'
import { parseVisitTrend, type VisitDay } from './visit-trend.ts'

export type ImagePlace = 'server' | 'cdn'
export type DatabaseChoice = 'sqlite' | 'mysql' | 'postgres'

/** Figures that replace the model's, by name. Units are in the names; see the bounds below. */
export type Overrides = { readonly [K in OverrideName]?: number }

export type PlanInput = {
  readonly type?: AppTypeId
  /** Different people in a day. */
  readonly dau?: number
  /** People with the mini program open in the busiest minute. */
  readonly peakOnline?: number
  readonly features: readonly FeatureId[]
  /** Undefined: not decided, and the advisor may ask for a CDN as a condition. */
  readonly images?: ImagePlace
  readonly database: DatabaseChoice
  readonly bundle?: BoxInput
  readonly overrides: Overrides
  /** Days of WeChat's own statistics, which calibrate the model. */
  readonly visits: readonly VisitDay[]
  /** What was given and has no place in the model; said in the report, so that nothing is ignored silently. */
  readonly notModelled: readonly Text[]
}

type Bound = { readonly least: number; readonly most: number; readonly unit: string }

const BILLION = 1_000_000_000

/** WeChat has about 1.4 billion monthly users; no mini program has more in a day. */
export const MOST_USERS = 1.4 * BILLION

// biome-ignore format: a table keeps its columns
export const OVERRIDES = {
  requestsPerSecond:       { least: 0, most: 10_000_000,  unit: 'requests/s in the busiest minute' },
  meanRequestsPerSecond:   { least: 0, most: 10_000_000,  unit: 'requests/s over 24 hours' },
  burstRequestsPerSecond:  { least: 0, most: 100_000_000, unit: 'requests/s in the worst seconds' },
  responseKB:              { least: 0.01, most: 100_000,  unit: 'KB on the wire per answer' },
  imageKBPerSecond:        { least: 0, most: 100_000_000, unit: 'KB/s of images at the peak' },
  cpuMsPerRequest:         { least: 0.001, most: 60_000,  unit: 'ms of CPU per request, all parts together' },
  participants:            { least: 0, most: MOST_USERS,  unit: 'people in the event' },
  windowSeconds:           { least: 0.1, most: 86_400,    unit: 's in which they arrive' },
  writesPerSecond:         { least: 0, most: 10_000_000,  unit: 'commits/s at the peak' },
  items:                   { least: 0, most: MOST_USERS,  unit: 'things to win or buy' },
  connections:             { least: 0, most: 100_000_000, unit: 'open WebSockets' },
  messagesPerSecond:       { least: 0, most: 100_000_000, unit: 'WebSocket messages/s, all together' },
  fanOut:                  { least: 1, most: 1_000_000,   unit: 'receivers per message' },
  memoryMB:                { least: 0, most: 10_000_000,  unit: 'MB the stack itself needs' },
  jobsPerSecond:           { least: 0, most: 1_000_000,   unit: 'heavy jobs/s at the peak' },
  cpuSecondsPerJob:        { least: 0, most: 1_000_000,   unit: 's of CPU per heavy job' },
  environments:            { least: 1, most: 100,         unit: 'environments on the box' },
  sites:                   { least: 1, most: 10_000,      unit: 'filed sites on the box' },
  zones:                   { least: 1, most: 10,          unit: 'availability zones' },
} as const satisfies Record<string, Bound>

export type OverrideName = keyof typeof OVERRIDES

const OVERRIDE_NAMES = Object.keys(OVERRIDES) as OverrideName[] // safe: the keys of a literal

/** Any of these is enough to know how much work arrives. */
const LOAD_FIELDS: readonly OverrideName[] = [
  'requestsPerSecond',
  'meanRequestsPerSecond',
  'burstRequestsPerSecond',
  'imageKBPerSecond',
  'writesPerSecond',
  'participants',
  'connections',
  'messagesPerSecond',
  'memoryMB',
  'jobsPerSecond',
  'environments',
]

const FIELDS = [
  'type',
  'dau',
  'peakOnline',
  'features',
  'requirements',
  'images',
  'database',
  'bundle',
  'visits',
  'overrides',
  'name',
  'note',
  ...OVERRIDE_NAMES,
]

/**
 * @throws {PlanInputError} for anything that is not understood, naming the field and what to write instead
 */
export function parsePlanInput(value: unknown): PlanInput {
  const top = readFields(value, 'input')
  const fields = { ...top, ...(top['overrides'] === undefined ? {} : readFields(top['overrides'], 'overrides')) }
  const notModelled = rejectUnknown(fields, FIELDS)

  const type = readChoice(fields['type'], 'type', APP_TYPE_IDS)
  const images = readChoice(fields['images'], 'images', ['server', 'cdn'] as const)
  const database = readChoice(fields['database'], 'database', ['sqlite', 'mysql', 'postgres'] as const)
  const dau = readNumber(fields['dau'], 'dau', { least: 0, most: MOST_USERS, unit: 'people a day' })
  const peakOnline = readNumber(fields['peakOnline'], 'peakOnline', {
    least: 0,
    most: MOST_USERS,
    unit: 'people at once',
  })
  const features = readFeatures([
    ...listOf(fields['features'], 'features'),
    ...listOf(fields['requirements'], 'requirements'),
  ])
  const overrides = readOverrides(fields)
  const visits = parseVisitTrend(fields['visits'])
  const bundle = fields['bundle'] === undefined ? undefined : parseBox(fields['bundle'])

  const input: PlanInput = {
    ...(type === undefined ? {} : { type }),
    ...(dau === undefined ? {} : { dau }),
    ...(peakOnline === undefined ? {} : { peakOnline }),
    ...(images === undefined ? {} : { images }),
    ...(bundle === undefined ? {} : { bundle }),
    features: features.known,
    database: database ?? 'sqlite',
    overrides,
    visits,
    notModelled: [...notModelled, ...features.notModelled],
  }
  requireLoad(input)
  refuseContradictions(input)
  return input
}

function refuseContradictions({ dau, peakOnline, overrides }: PlanInput): void {
  if (dau !== undefined && peakOnline !== undefined && peakOnline > dau) {
    throw new PlanInputError(
      'contradiction',
      'peakOnline',
      text('More people at once than in the whole day.', '同时在线人数多于全天人数。'),
      text(
        '"dau" counts different people in a day; "peakOnline" those with the app open at one moment.',
        '“dau” 是一天内的不同用户数；“peakOnline” 是同一时刻打开小程序的人数。',
      ),
    )
  }
  const { requestsPerSecond, meanRequestsPerSecond } = overrides
  if (
    requestsPerSecond !== undefined &&
    meanRequestsPerSecond !== undefined &&
    meanRequestsPerSecond > requestsPerSecond
  ) {
    throw new PlanInputError(
      'contradiction',
      'meanRequestsPerSecond',
      text('The mean of the day is above the busiest minute.', '全天均值高于最忙的一分钟。'),
      text(
        '"requestsPerSecond" is the busiest minute, "meanRequestsPerSecond" the mean of 24 hours.',
        '“requestsPerSecond” 是最忙的一分钟，“meanRequestsPerSecond” 是 24 小时均值。',
      ),
    )
  }
}

function readOverrides(fields: Record<string, unknown>): Overrides {
  const overrides: { [K in OverrideName]?: number } = {}
  for (const name of OVERRIDE_NAMES) {
    const value = readNumber(fields[name], name, OVERRIDES[name])
    if (value !== undefined) overrides[name] = value
  }
  return overrides
}

function listOf(value: unknown, field: string): string[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value
  throw new PlanInputError(
    'unknown_value',
    field,
    text(`"${field}" must be a list of names.`, `“${field}”应为名称列表。`),
    text(
      `Write for example ["upload", "pay"]. Known: ${FEATURE_IDS.join(', ')}.`,
      `例如 ["upload", "pay"]。可用：${FEATURE_IDS.join('、')}。`,
    ),
  )
}

/** A near miss is a typing error and refused; a word the model has nothing for is kept and said in the report. */
function readFeatures(words: readonly string[]): { known: FeatureId[]; notModelled: Text[] } {
  const known = new Set<FeatureId>()
  const notModelled: Text[] = []
  for (const word of words) {
    const id = findFeature(word)
    const near = closestWord(word, FEATURE_IDS)
    if (id) known.add(id)
    else if (near) {
      throw new PlanInputError(
        'unknown_value',
        'features',
        text(`Unknown feature "${quote(word)}".`, `未知功能“${quote(word)}”。`),
        text(`Did you mean "${near}"?`, `是否想写“${near}”？`),
      )
    } else
      notModelled.push(
        text(
          `Feature "${quote(word)}" is not in the model and changes nothing.`,
          `功能“${quote(word)}”不在模型内，不影响结论。`,
        ),
      )
  }
  return { known: [...known], notModelled }
}

function requireLoad(input: PlanInput): void {
  const people = input.dau !== undefined || input.peakOnline !== undefined || input.visits.length > 0
  const load = LOAD_FIELDS.some((name) => input.overrides[name] !== undefined)
  const isRefusedAnyway = input.overrides.zones !== undefined || input.features.includes('two-zones')

  if (!people && !load && !isRefusedAnyway) {
    throw new PlanInputError(
      'missing',
      'dau',
      text('Nothing says how much load to expect.', '没有任何负载信息。'),
      text(
        'Give "dau" (people a day) with "type", or a figure of your own such as "requestsPerSecond".',
        '请给出 “dau”（日活）与 “type”，或自己的数字，如 “requestsPerSecond”。',
      ),
    )
  }
  if (people && !input.type && !load && !isRefusedAnyway) {
    throw new PlanInputError(
      'missing',
      'type',
      text(
        'People alone say little: a shop asks ten times as much of a server as a booking form.',
        '只有人数不够：商城的负载是预约表单的十倍。',
      ),
      text(
        `Add "type": one of ${APP_TYPE_IDS.join(', ')}.`,
        `请加上 “type”：${APP_TYPE_IDS.map((id) => `${id}（${APP_TYPES[id].name.zh}）`).join('、')}。`,
      ),
    )
  }
}
