/** Which ranges apply to this input: the type's habits, then the features', then WeChat's statistics, then own figures. */
import { APP_TYPES, DIRECT_HABITS, type Range } from './app-types.ts'
import { type MeasuredCapacity, measuredCpuMs, REFERENCE } from './capacity-reference.ts'
import type { Provenance } from './catalogue/sources.ts'
import { featureOf } from './features.ts'
import type { PlanInput } from './plan-input.ts'
import { type Text, text } from './text.ts'
import { calibrate, USUAL_PAGES_PER_SESSION } from './visit-trend.ts'

const range = (usual: number, low: number, high: number): Range => ({ low, usual, high })

/** Exactly known. */
export const exactly = (value: number): Range => ({ low: value, usual: value, high: value })

/** `only`: the parameter matters to inputs that have such a part. */
export type Parameter = { readonly name: Text; readonly unit: string; readonly only?: 'event' | 'sockets' | 'jobs' }

// biome-ignore format: a table keeps its columns
export const PARAMETERS = {
  sessionsPerUser:          { name: text('openings per user and day', '人均每日打开次数'), unit: '' },
  requestsPerSession:       { name: text('requests per opening', '每次打开的请求数'), unit: '' },
  secondsPerSession:        { name: text('seconds per opening', '每次停留秒数'), unit: 's' },
  responseKB:               { name: text('size of an answer', '每个响应大小'), unit: 'KB' },
  imageKBPerSession:        { name: text('images per opening', '每次打开的图片量'), unit: 'KB' },
  writeShare:               { name: text('share of writes', '写入占比'), unit: '' },
  peakFactor:               { name: text('busiest minute over the daily mean', '最忙一分钟与日均之比'), unit: '×' },
  pace:                     { name: text('pace of a person tapping', '用户点击快慢'), unit: '×' },
  cpuMsPerRequest:          { name: text('CPU per request', '每请求 CPU'), unit: 'ms' },
  eventShare:               { name: text('share of users who join the event', '参加活动的用户占比'), unit: '', only: 'event' },
  eventSeconds:             { name: text('seconds in which they arrive', '到达窗口'), unit: 's', only: 'event' },
  eventRequests:            { name: text('requests per participant', '每位参与者的请求数'), unit: '', only: 'event' },
  eventResponseKB:          { name: text('size of an answer in the event', '活动中每个响应大小'), unit: 'KB', only: 'event' },
  messagesPerUserPerSecond: { name: text('messages per user and second', '人均每秒消息数'), unit: '/s', only: 'sockets' },
  fanOut:                   { name: text('receivers per message', '每条消息的接收者'), unit: '', only: 'sockets' },
  messageKB:                { name: text('size of a message', '消息大小'), unit: 'KB', only: 'sockets' },
  jobsPerSession:           { name: text('heavy jobs per opening', '每次打开的重任务数'), unit: '', only: 'jobs' },
  cpuSecondsPerJob:         { name: text('CPU seconds per heavy job', '每个重任务的 CPU 秒'), unit: 's', only: 'jobs' },
} as const satisfies Record<string, Parameter>

export type ParameterName = keyof typeof PARAMETERS
/** The row without the narrow literal types of the table. */
export const parameterOf = (name: ParameterName): Parameter => PARAMETERS[name]

export type Ranges = { readonly [K in ParameterName]: Range }

export const PARAMETER_NAMES = Object.keys(PARAMETERS) as ParameterName[] // safe: the keys of a literal

/** Half of the requests of an app built on cloud functions reach one; the rest are documents, files and logins. */
const FUNCTION_SHARE = 0.5

/** Parameters that no type of app changes. */
// biome-ignore format: a table keeps its columns
const COMMON = {
  pace:                     range(1, 0.7, 1.5),
  eventShare:               range(0.5, 0.3, 0.8),
  eventSeconds:             range(60, 20, 300),
  eventRequests:            range(1, 1, 2), // one press each; some press again
  eventResponseKB:          range(1.5, 0.8, 3),
  messagesPerUserPerSecond: range(0.05, 0.02, 0.2),
  fanOut:                   range(3, 1, 10),
  messageKB:                range(0.2, 0.1, 0.5),
  jobsPerSession:           range(0.01, 0.003, 0.03),
  cpuSecondsPerJob:         range(10, 3, 30),
} satisfies Partial<Ranges>

/** A realtime app's users talk; the reference gives 0.2 to 2 messages a second. */
const REALTIME_MESSAGES = range(0.5, 0.2, 2)

/** Participants stated without a window press when the clock strikes. */
const HARD_START_SECONDS = 10

export function rangesFor(input: PlanInput, capacity: MeasuredCapacity | undefined): Ranges {
  const habits = input.type ? APP_TYPES[input.type].habits : DIRECT_HABITS
  const ranges: { -readonly [K in ParameterName]: Range } = {
    ...COMMON,
    ...habits,
    cpuMsPerRequest: cpuRange(input, capacity),
  }
  if (input.type === 'realtime') ranges.messagesPerUserPerSecond = REALTIME_MESSAGES

  for (const feature of input.features.map(featureOf)) {
    Object.assign(ranges, feature.event, feature.work)
    if (feature.connects && input.type !== 'realtime') Object.assign(ranges, feature.connects)
  }

  const known = calibrate(input.visits)
  if (known) {
    ranges.sessionsPerUser = exactly(known.sessionsPerUser)
    ranges.secondsPerSession = exactly(known.secondsPerSession)
    ranges.requestsPerSession = scaled(habits.requestsPerSession, known.pagesPerSession / USUAL_PAGES_PER_SESSION)
  }

  const { responseKB, cpuMsPerRequest, windowSeconds, participants, messagesPerSecond, fanOut, cpuSecondsPerJob } =
    input.overrides
  if (participants !== undefined && windowSeconds === undefined && !input.features.some((id) => featureOf(id).event)) {
    ranges.eventSeconds = exactly(HARD_START_SECONDS)
  }
  if (windowSeconds !== undefined) ranges.eventSeconds = exactly(windowSeconds)
  if (responseKB !== undefined) {
    ranges.responseKB = exactly(responseKB)
    ranges.eventResponseKB = exactly(responseKB)
  }
  if (cpuMsPerRequest !== undefined) ranges.cpuMsPerRequest = exactly(cpuMsPerRequest)
  // A stated number of messages is what the server handles: who receives them is already counted.
  if (messagesPerSecond !== undefined) ranges.fanOut = exactly(1)
  if (fanOut !== undefined) ranges.fanOut = exactly(fanOut)
  if (cpuSecondsPerJob !== undefined) ranges.cpuSecondsPerJob = exactly(cpuSecondsPerJob)
  return ranges
}

function cpuRange(input: PlanInput, capacity: MeasuredCapacity | undefined): Range {
  const usesFunctions = input.features.includes('functions')
  const measured = capacity && measuredCpuMs(capacity, usesFunctions ? FUNCTION_SHARE : 0)
  return measured ?? (usesFunctions ? REFERENCE.cpuMsPerRequestWithFunctions : REFERENCE.cpuMsPerRequest)
}

/** Where the cost of a request comes from, for the report. */
export function cpuProvenance(input: PlanInput, capacity: MeasuredCapacity | undefined): Provenance {
  if (input.overrides.cpuMsPerRequest !== undefined) return 'modelled'
  return capacity && measuredCpuMs(capacity, 0) ? 'measured' : 'guessed'
}

const scaled = ({ low, usual, high }: Range, factor: number): Range => ({
  low: low * factor,
  usual: usual * factor,
  high: high * factor,
})
