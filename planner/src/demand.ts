/** How much arrives: from people and habits to requests, megabits, connections and CPU, for one draw of the parameters. */

import { REFERENCE } from './capacity-reference.ts'
import { featureOf } from './features.ts'
import type { ParameterName } from './parameters.ts'
import type { PlanInput } from './plan-input.ts'
import { calibrate } from './visit-trend.ts'

export type Parameters = { readonly [K in ParameterName]: number }

/** One draw's demand. Peak means the busiest minute, with an event or burst on top if there is one. */
export type Demand = {
  readonly meanRequestsPerSecond: number
  readonly peakRequestsPerSecond: number
  readonly concurrentUsers: number
  readonly megabitPerSecond: number
  /** The part of the line that images take. */
  readonly imageMegabitPerSecond: number
  readonly trafficGBPerMonth: number
  /** Sent by a CDN instead of this server. */
  readonly cdnGBPerMonth: number
  readonly connections: number
  readonly messagesPerSecond: number
  readonly writesPerSecond: number
  /** CPU seconds per second, all processes. */
  readonly cpuCores: number
  /** The part of `cpuCores` that heavy jobs take. */
  readonly jobCores: number
  readonly diskGBPerDay: number
}

const SECONDS_PER_DAY = 86_400
const DAYS_PER_MONTH = 30
const KB_PER_GB = 1_000_000
const MEGABIT_PER_KB = 8 / 1000

/** A WebSocket frame's share of TLS record, TCP and IP headers. */
const FRAME_OVERHEAD_KB = 0.06
const PING_SECONDS = 30
const PING_KB = 0.12

/** Half of the writes add a row of half a kilobyte; indexes and a week of binary log make it 2.5 times as much. */
const DISK_KB_PER_WRITE = 0.5 * 0.5 * 2.5
/** 300 bytes of access log a request, eight times smaller once rotated and compressed, kept for 14 days of 30. */
const LOG_KB_PER_REQUEST = (0.3 / 8) * (14 / 30)
/** Uploads kept on the server's disk: one in twenty openings brings one picture. */
const UPLOADS_PER_SESSION = 0.05
const UPLOAD_KB = 300

/** Everything about the input that no draw changes. */
export type DemandFacts = {
  readonly input: PlanInput
  readonly dau: number | undefined
  /** Requests a second of one person with the app open, at the usual pace. */
  readonly requestsPerOnlineSecond: number
  readonly secondsPerSession: number
  /** A stated rate without a type is about answers, not pictures. */
  readonly hasImages: boolean
  readonly sendsImages: boolean
  readonly holdsConnections: boolean
  readonly hasEvent: boolean
  readonly hasJobs: boolean
}

export function demandFacts(input: PlanInput, sendsImages: boolean, usual: Parameters): DemandFacts {
  const features = input.features.map(featureOf)
  const { overrides } = input
  return {
    input,
    dau: input.dau ?? calibrate(input.visits)?.dau,
    requestsPerOnlineSecond: usual.requestsPerSession / usual.secondsPerSession,
    secondsPerSession: usual.secondsPerSession,
    hasImages: input.type !== undefined || input.images !== undefined || overrides.imageKBPerSecond !== undefined,
    sendsImages,
    holdsConnections: input.type === 'realtime' || features.some((feature) => feature.connects),
    hasEvent: hasEvent(input),
    hasJobs: overrides.jobsPerSecond !== undefined || features.some((feature) => feature.work),
  }
}

/** Whether a crowd arrives at one moment, stated or implied by a feature. */
export const hasEvent = ({ type, overrides, features }: PlanInput): boolean =>
  type === 'event' || overrides.participants !== undefined || features.some((id) => featureOf(id).event)

export function demandOf(facts: DemandFacts, draw: Parameters): Demand {
  const { overrides } = facts.input
  const rates = requestRates(facts, draw)
  const event = eventRates(facts, draw)
  const burst = overrides.burstRequestsPerSecond
  const peakRequestsPerSecond = burst === undefined ? rates.peak + event.requests : Math.max(rates.peak, burst)

  const extraMegabit =
    burst === undefined
      ? event.requests * draw.eventResponseKB * MEGABIT_PER_KB
      : Math.max(0, burst - rates.peak) * draw.responseKB * MEGABIT_PER_KB
  const imageKBPerSession = facts.hasImages ? draw.imageKBPerSession : 0
  const imageKBPerSecond = overrides.imageKBPerSecond ?? rates.sessionsPeak * imageKBPerSession
  const meanImageKBPerSecond =
    overrides.imageKBPerSecond === undefined
      ? rates.sessionsMean * imageKBPerSession
      : imageKBPerSecond / draw.peakFactor
  const images = imagePaths(facts.sendsImages, imageKBPerSecond, meanImageKBPerSecond)
  const sockets = socketDemand(facts, draw, rates.concurrentUsers)
  const jobsPerSecond = facts.hasJobs ? (overrides.jobsPerSecond ?? rates.sessionsPeak * draw.jobsPerSession) : 0
  const jobCores = jobsPerSecond * draw.cpuSecondsPerJob
  const jsonMegabit = rates.peak * draw.responseKB * MEGABIT_PER_KB
  const meanKBPerSecond =
    rates.mean * draw.responseKB + images.serverMeanKB + sockets.megabit / MEGABIT_PER_KB / draw.peakFactor

  return {
    meanRequestsPerSecond: rates.mean,
    peakRequestsPerSecond,
    concurrentUsers: rates.concurrentUsers,
    megabitPerSecond: jsonMegabit + extraMegabit + images.megabit + sockets.megabit,
    imageMegabitPerSecond: images.megabit,
    trafficGBPerMonth: monthlyGB(meanKBPerSecond),
    cdnGBPerMonth: monthlyGB(images.cdnMeanKB),
    connections: sockets.connections,
    messagesPerSecond: sockets.messages,
    writesPerSecond: overrides.writesPerSecond ?? rates.peak * draw.writeShare + event.writes,
    cpuCores: (peakRequestsPerSecond * draw.cpuMsPerRequest + sockets.cpuMs) / 1000 + jobCores,
    jobCores,
    diskGBPerDay: diskGrowth(facts, draw, rates),
  }
}

type Rates = { mean: number; peak: number; sessionsMean: number; sessionsPeak: number; concurrentUsers: number }

/** A stated rate beats people online, which beat daily users; what is not stated follows from the peak factor. */
function requestRates(
  { input, dau, requestsPerOnlineSecond, secondsPerSession }: DemandFacts,
  draw: Parameters,
): Rates {
  const { requestsPerSecond, meanRequestsPerSecond } = input.overrides
  const dailySessions = dau === undefined ? undefined : (dau * draw.sessionsPerUser) / SECONDS_PER_DAY
  const modelledMean = dailySessions === undefined ? undefined : dailySessions * draw.requestsPerSession
  const online = input.peakOnline

  const onlinePeak = online === undefined ? undefined : online * requestsPerOnlineSecond * draw.pace
  const knownMean = meanRequestsPerSecond ?? (requestsPerSecond === undefined ? modelledMean : undefined)
  const peak =
    requestsPerSecond ??
    (meanRequestsPerSecond === undefined ? onlinePeak : undefined) ??
    (knownMean ?? 0) * draw.peakFactor
  const mean = Math.min(knownMean ?? peak / draw.peakFactor, peak)

  const sessionsMean = dailySessions ?? mean / draw.requestsPerSession
  const sessionsPeak =
    online === undefined
      ? dailySessions === undefined
        ? peak / draw.requestsPerSession
        : dailySessions * draw.peakFactor
      : (online / secondsPerSession) * draw.pace
  const concurrentUsers = online ?? sessionsPeak * draw.secondsPerSession
  return { mean, peak, sessionsMean, sessionsPeak, concurrentUsers }
}

function eventRates({ input, dau, hasEvent }: DemandFacts, draw: Parameters): { requests: number; writes: number } {
  if (!hasEvent) return { requests: 0, writes: 0 }
  const people = input.overrides.participants ?? (dau ?? input.peakOnline ?? 0) * draw.eventShare
  const winners = Math.min(people, input.overrides.items ?? people)
  return { requests: (people * draw.eventRequests) / draw.eventSeconds, writes: winners / draw.eventSeconds }
}

function imagePaths(sendsImages: boolean, peakKB: number, meanKB: number) {
  return sendsImages
    ? { megabit: peakKB * MEGABIT_PER_KB, serverMeanKB: meanKB, cdnMeanKB: 0 }
    : { megabit: 0, serverMeanKB: 0, cdnMeanKB: meanKB }
}

function socketDemand(facts: DemandFacts, draw: Parameters, concurrentUsers: number) {
  const { connections: stated, messagesPerSecond } = facts.input.overrides
  const connections = stated ?? (facts.holdsConnections ? concurrentUsers : 0)
  const messages = messagesPerSecond ?? connections * draw.messagesPerUserPerSecond
  const deliveries = messages * draw.fanOut
  const kilobytes = deliveries * (draw.messageKB + FRAME_OVERHEAD_KB) + (connections / PING_SECONDS) * PING_KB
  const cpuMs = messages * REFERENCE.cpuMsPerMessage + deliveries * REFERENCE.cpuMsPerDelivery
  return { connections, messages, megabit: kilobytes * MEGABIT_PER_KB, cpuMs }
}

function diskGrowth({ input, sendsImages }: DemandFacts, draw: Parameters, { mean, sessionsMean }: Rates): number {
  const keepsUploads = sendsImages && input.features.includes('upload')
  const uploadKB = keepsUploads ? sessionsMean * UPLOADS_PER_SESSION * UPLOAD_KB : 0
  const rowsKB = mean * draw.writeShare * DISK_KB_PER_WRITE
  return ((rowsKB + mean * LOG_KB_PER_REQUEST + uploadKB) * SECONDS_PER_DAY) / KB_PER_GB
}

const monthlyGB = (kilobytesPerSecond: number) => (kilobytesPerSecond * SECONDS_PER_DAY * DAYS_PER_MONTH) / KB_PER_GB
