/** What a room of many members costs: how many small messages reach them per second, and how late. */
import type { Histogram } from 'hdr-histogram-js'
import { type LatencySummary, openHistogram, recordMs, summarise } from './latency-histogram.ts'
import type { OpenSocket } from './open-sockets.ts'

export type FanOut = {
  readonly members: number
  readonly messageBytes: number
  /** Each message is said when the one before has reached everybody: nothing can be written together. */
  readonly oneAtATime: FanOutRate
  /** Several are under way, as in a room where people talk at once. */
  readonly severalAtATime: FanOutRate
  /** Open loop at half the rate of one at a time, from the moment a message was due to its arrival at each member. */
  readonly latency: LatencySummary
  readonly latencyAtPerSecond: number
  readonly lost: number
}

export type FanOutRate = {
  /** Messages that reached a member, per second, as fast as they go. */
  readonly perSecond: number
  /** Of the server process. */
  readonly perCpuSecond: number | undefined
  /** The generator's own CPU during it, in cores: at 1 it was the limit. */
  readonly generatorCores: number
}

type Plan = {
  readonly room: string
  readonly durationMs: number
  /** CPU seconds that the server has used. */
  readonly readServerSeconds: () => number | undefined
}

export class RoomRefusedError extends Error {
  override readonly name = 'RoomRefusedError'
}

/** Messages under way at once in a busy room. */
const SEVERAL = 8
/** Of text in each message; with the frame of the room around it about 200 bytes arrive. */
const TEXT = '舢板'.repeat(10)
const STAMP = '"dueMs":'
const STAMP_DIGITS = 13
const SETTLE_LIMIT_MS = 5_000
const LATENCY_SHARE = 0.5

export async function measureFanOut(members: readonly OpenSocket[], plan: Plan): Promise<FanOut> {
  await joinAll(members, plan.room)
  const say = openSpeakers(members, plan.room)
  const { durationMs, readServerSeconds } = plan
  const full = (underWay: number) => saturate(members, say, { underWay, durationMs, readServerSeconds })
  await full(SEVERAL)
  const { messageBytes, ...oneAtATime } = await full(1)
  const { messageBytes: _same, ...severalAtATime } = await full(SEVERAL)
  const saysPerSecond = (oneAtATime.perSecond / members.length) * LATENCY_SHARE
  const calm = await measureLatency(members, say, { saysPerSecond, durationMs })
  return {
    ...{ members: members.length, messageBytes, oneAtATime, severalAtATime },
    latency: summarise(calm.latency),
    latencyAtPerSecond: saysPerSecond * members.length,
    lost: calm.lost,
  }
}

/** @throws {RoomRefusedError} */
function joinAll(members: readonly OpenSocket[], room: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let joined = 0
    const limit = setTimeout(
      () => reject(new RoomRefusedError('not everybody was let in in time')),
      SETTLE_LIMIT_MS * 2,
    )
    for (const member of members) {
      member.onText = (buffer, start, end) => {
        const text = buffer.toString('utf8', start, end)
        if (text.includes('"JOINED"')) joined++
        else reject(new RoomRefusedError(text.slice(0, 300)))
        if (joined < members.length) return
        clearTimeout(limit)
        resolve()
      }
      member.send('JOIN_ROOM', { room })
    }
  })
}

/** Members take turns: each may only send so many frames a second. */
function openSpeakers(members: readonly OpenSocket[], room: string): (dueMs: number) => void {
  let next = 0
  return (dueMs) => {
    // As a whole number of always equally many digits it is found in the bytes without parsing them.
    const data = { text: TEXT, dueMs: Math.round(dueMs) + STAMP_OFFSET }
    members[next++ % members.length]?.send('SAY', { room, data })
  }
}

/** Makes the milliseconds since the start 13 digits long. */
const STAMP_OFFSET = 1_000_000_000_000

const isEvent = (buffer: Buffer, start: number, end: number) =>
  // Members also get SAID for what they said; events are the frames that begin like this.
  end - start > 24 && buffer.toString('latin1', start, start + 23) === '{"msgType":"ROOM_EVENT"'

async function saturate(
  members: readonly OpenSocket[],
  say: (dueMs: number) => void,
  { underWay, durationMs, readServerSeconds }: Omit<Plan, 'room'> & { underWay: number },
): Promise<FanOutRate & { messageBytes: number }> {
  let received = 0
  let said = 0
  let messageBytes = 0
  let isOver = false
  const sayMore = () => {
    while (!isOver && said - Math.floor(received / members.length) < underWay) {
      said++
      say(performance.now())
    }
  }
  for (const member of members) {
    member.onText = (buffer, start, end) => {
      if (!isEvent(buffer, start, end)) return
      messageBytes = end - start
      if (++received % members.length === 0) sayMore()
    }
  }
  const before = { atMs: performance.now(), cpu: process.cpuUsage(), server: readServerSeconds() }
  sayMore()
  await new Promise((resolve) => setTimeout(resolve, durationMs))
  const seconds = (performance.now() - before.atMs) / 1000
  const counted = received
  const server = readServerSeconds()
  const { user, system } = process.cpuUsage(before.cpu)
  isOver = true
  await settled(() => received >= said * members.length)
  return {
    messageBytes,
    perSecond: counted / seconds,
    perCpuSecond: server === undefined || before.server === undefined ? undefined : counted / (server - before.server),
    generatorCores: (user + system) / 1e6 / seconds,
  }
}

async function measureLatency(
  members: readonly OpenSocket[],
  say: (dueMs: number) => void,
  { saysPerSecond, durationMs }: { saysPerSecond: number; durationMs: number },
): Promise<{ latency: Histogram; lost: number }> {
  const latency = openHistogram()
  let received = 0
  for (const member of members) {
    member.onText = (buffer, start, end) => {
      if (!isEvent(buffer, start, end)) return
      received++
      const stamp = buffer.indexOf(STAMP, start, 'latin1') + STAMP.length
      recordMs(
        latency,
        performance.now() - (Number(buffer.toString('latin1', stamp, stamp + STAMP_DIGITS)) - STAMP_OFFSET),
      )
    }
  }
  const startMs = performance.now()
  let said = 0
  while (performance.now() - startMs < durationMs) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * saysPerSecond)
    while (said < due) say(startMs + (++said / saysPerSecond) * 1000)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await settled(() => received >= said * members.length)
  return { latency, lost: said * members.length - received }
}

async function settled(isDone: () => boolean): Promise<void> {
  const endMs = performance.now() + SETTLE_LIMIT_MS
  while (!isDone() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10))
}
