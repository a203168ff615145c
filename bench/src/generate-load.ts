/**
 * Sends one thread's share of a load and tallies the answers.
 *
 * Latency counts from the moment at which a request was due, not from when it could be sent. A generator that waits for
 * slow answers before it sends the next request hides exactly the delays that users would meet ("coordinated omission").
 */
import type { Histogram } from 'hdr-histogram-js'
import { type HttpAnswer, type HttpConnection, openHttpConnection } from './http-connection.ts'
import { openHttp2Connection } from './http2-connection.ts'
import { openHistogram, packHistogram, recordMs } from './latency-histogram.ts'
import type { LoadPlan, StepTally, ThreadTally } from './load-plan.ts'
import { compileRequest } from './request-template.ts'
import { type Random, seededRandom } from './seeded-random.ts'

const TICK_MS = 1
const SWEEP_MS = 100
const RECONNECT_DELAY_MS = 50

/** A connection's place: it survives the connection, which is opened again when it breaks. */
type Slot = {
  connection: HttpConnection | undefined
  step: Step | undefined
  dueAtMs: number
  sentAtMs: number
}

type Step = StepTally & {
  readonly nextRequest: () => string
  readonly expectStatus: number | undefined
  readonly expectText: string | undefined
  readonly latency: Histogram
  readonly refusal: Histogram
}

export function generateLoad(plan: LoadPlan, threadName: string, seed: number): Promise<ThreadTally> {
  const random = seededRandom(seed)
  const { host, port, isTls = false, isHttp2 = false, arrivals, timeoutMs } = plan
  const open = isHttp2 ? openHttp2Connection : openHttpConnection
  const steps = openSteps(plan, threadName, random)
  const pickStep = weightedPick(plan, steps, random)
  const due = openQueue()
  const lateness = openHistogram()
  const idle: Slot[] = []
  const slots: Slot[] = []
  const startMs = performance.now()
  const countFromMs = startMs + plan.warmUpMs
  const endMs = countFromMs + plan.durationMs
  let nextDueMs = startMs
  let refusalsWithRetryAfter = 0
  let isOver = false

  const isCounted = (atMs: number) => atMs >= countFromMs && atMs < endMs

  const connectSlot = (slot: Slot) => {
    slot.connection = open({
      host,
      port,
      isTls,
      onAnswer: (answer) => {
        if (answer.closes) slot.connection = undefined
        finish(slot, answer)
      },
      onClose: (error) => {
        slot.connection = undefined
        if (slot.step) finish(slot, error ?? new Error('connection closed'))
        if (isOver) return
        if (error) setTimeout(() => isOver || connectSlot(slot), RECONNECT_DELAY_MS)
        else connectSlot(slot)
      },
    })
  }

  const send = (slot: Slot, dueAtMs: number, nowMs: number) => {
    if (!slot.connection) connectSlot(slot)
    const step = pickStep()
    slot.step = step
    slot.dueAtMs = dueAtMs
    slot.sentAtMs = nowMs
    slot.connection?.send(step.nextRequest(), step.expectText !== undefined)
  }

  const finish = (slot: Slot, outcome: HttpAnswer | Error) => {
    const { step, dueAtMs } = slot
    if (!step) return
    const nowMs = performance.now()
    slot.step = undefined
    // By completion for the saturating load (its rate is completions per second), by due time for the open loop.
    if (isCounted(arrivals.kind === 'saturate' ? nowMs : dueAtMs)) {
      tally(step, outcome, nowMs - dueAtMs)
      if (!(outcome instanceof Error) && outcome.retryAfter) refusalsWithRetryAfter++
    }
    if (isOver) return
    if (arrivals.kind === 'saturate' && !(outcome instanceof Error)) send(slot, nowMs, nowMs)
    else idle.push(slot)
    if (arrivals.kind === 'rate') pump(nowMs)
  }

  /** Makes due what has become due, and sends as much as there are connections for. */
  const pump = (nowMs: number) => {
    if (arrivals.kind === 'rate') {
      const hadToWait = due.length > 0 || idle.length === 0
      while (nextDueMs <= nowMs && nextDueMs < endMs) {
        due.push(nextDueMs)
        if (!hadToWait) recordMs(lateness, nowMs - nextDueMs)
        nextDueMs += (-Math.log(1 - random.next()) * 1000) / arrivals.perSecond
      }
      while (due.length > 0 && idle.length > 0) {
        const dueAtMs = due.shift()
        if (nowMs - dueAtMs > timeoutMs) giveUp(dueAtMs)
        else send(idle.pop() as Slot, dueAtMs, nowMs) // safe: idle is not empty
      }
    } else {
      for (let slot = idle.pop(); slot; slot = idle.pop()) send(slot, nowMs, nowMs)
    }
  }

  const giveUp = (dueAtMs: number) => {
    if (isCounted(dueAtMs)) tally(pickStep(), new Error('no connection was free in time'), timeoutMs)
  }

  const sweep = () => {
    const nowMs = performance.now()
    for (const slot of slots) {
      if (!slot.step || nowMs - slot.sentAtMs < timeoutMs) continue
      finish(slot, new Error('timeout'))
      slot.connection?.close()
    }
  }

  const close = (): ThreadTally => {
    isOver = true
    for (let dueAtMs = due.shift(); !Number.isNaN(dueAtMs); dueAtMs = due.shift()) giveUp(dueAtMs)
    for (const slot of slots) {
      if (slot.step && arrivals.kind === 'rate') finish(slot, new Error('timeout'))
      slot.step = undefined
      slot.connection?.close()
    }
    return {
      steps: steps.map((step) => ({
        name: step.name,
        ok: step.ok,
        refused: step.refused,
        failed: step.failed,
        bytes: step.bytes,
        problems: step.problems,
        latency: packHistogram(step.latency),
        refusal: packHistogram(step.refusal),
      })),
      lateness: packHistogram(lateness),
      refusalsWithRetryAfter,
    }
  }

  for (let index = 0; index < plan.connections; index++) {
    const slot: Slot = { connection: undefined, step: undefined, dueAtMs: 0, sentAtMs: 0 }
    slots.push(slot)
    idle.push(slot)
    connectSlot(slot)
  }

  return new Promise((resolve) => {
    const sweeper = setInterval(sweep, SWEEP_MS)
    const tick = () => {
      const nowMs = performance.now()
      if (nowMs < endMs) {
        pump(nowMs)
        setTimeout(tick, TICK_MS)
        return
      }
      const isDrained = arrivals.kind === 'saturate' || (due.length === 0 && slots.every((slot) => !slot.step))
      if (isDrained || nowMs > endMs + timeoutMs) {
        clearInterval(sweeper)
        resolve(close())
      } else {
        pump(nowMs)
        setTimeout(tick, TICK_MS)
      }
    }
    tick()
  })
}

function tally(step: Step, outcome: HttpAnswer | Error, latencyMs: number) {
  if (outcome instanceof Error) {
    step.failed++
    recordMs(step.latency, latencyMs)
    note(step, outcome.message)
    return
  }
  step.bytes += outcome.bytes
  if (outcome.status === 429 || outcome.status === 503) {
    step.refused++
    recordMs(step.refusal, latencyMs)
    note(step, `status ${outcome.status}`)
    return
  }
  recordMs(step.latency, latencyMs)
  if (isGood(step, outcome)) step.ok++
  else {
    step.failed++
    const isUnexpectedText = outcome.status < 400
    note(step, isUnexpectedText ? `status ${outcome.status} without the expected text` : `status ${outcome.status}`)
  }
}

function isGood({ expectStatus, expectText }: Step, { status, body }: HttpAnswer): boolean {
  const isExpectedStatus = expectStatus === undefined ? status >= 200 && status < 300 : status === expectStatus
  return isExpectedStatus && (expectText === undefined || body.includes(expectText))
}

const note = (step: Step, problem: string) => {
  step.problems[problem] = (step.problems[problem] ?? 0) + 1
}

function openSteps(plan: LoadPlan, threadName: string, random: Random): Step[] {
  const { runName, users } = plan
  return plan.steps.map((step) => ({
    name: step.name,
    ok: 0,
    refused: 0,
    failed: 0,
    bytes: 0,
    problems: {},
    nextRequest: compileRequest(step, `${plan.host}:${plan.port}`, { random, runName, threadName, users }),
    expectStatus: step.expectStatus,
    expectText: step.expectText,
    latency: openHistogram(),
    refusal: openHistogram(),
  }))
}

function weightedPick({ steps: specs }: LoadPlan, steps: readonly Step[], random: Random): () => Step {
  const total = specs.reduce((sum, { weight }) => sum + weight, 0)
  const first = steps[0]
  if (!first || !(total > 0)) throw new Error('a scenario needs at least one step with a positive weight')
  return () => {
    let left = random.next() * total
    for (const [index, step] of steps.entries()) {
      left -= specs[index]?.weight ?? 0
      if (left < 0) return step
    }
    return first
  }
}

/** A first-in-first-out queue of times: `shift` of an array that grows to a million would copy it each time. */
function openQueue() {
  let times: number[] = []
  let head = 0
  return {
    get length() {
      return times.length - head
    },
    push: (timeMs: number) => void times.push(timeMs),
    /** NaN when empty. */
    shift(): number {
      if (head >= times.length) return Number.NaN
      const timeMs = times[head++] as number // safe: head is inside
      if (head > 10_000) {
        times = times.slice(head)
        head = 0
      }
      return timeMs
    },
  }
}
