/**
 * Decides who is let in when there is more to do than can be done in time.
 *
 * Two signs say so. Requests that wait for something hold a place each, and places are limited. Requests that wait for
 * the event loop hold none: they lie in the kernel's buffers, and come in one long turn of the loop. So time within a
 * turn counts, too: what is read late in a turn has waited at least since the turn began.
 */
import { MessageChannel } from 'node:worker_threads'

export type Priority = 'always' | 'first' | 'write' | 'read' | 'list'

/** Share of the places that each kind may use. */
const SHARE = { always: Number.POSITIVE_INFINITY, first: 1, write: 0.9, read: 0.8, list: 0.7 } as const

/** Milliseconds of a turn within which each kind is still let in while the loop is overloaded. */
const LONGEST_WAIT_MS = { always: Number.POSITIVE_INFINITY, first: 250, write: 150, read: 120, list: 90 } as const

/** A turn this short leaves nobody waiting. */
const CALM_TURN_MS = 10
/** A short burst is worked off rather than refused; this long without a calm turn is an overload. */
const PATIENCE_MS = 250
/** The overload is over when no turn was long for this time: without it, letting in and refusing would alternate. */
const RELIEF_MS = 1_000
/** Even in a first burst nobody but `first` is let in after this long... */
const LONGEST_TURN_MS = 250
/** ...unless hardly anybody came in this turn: then something else took the time, and refusing would not help. */
const FEW_REQUESTS = 20

export type LoadGate = {
  /** True: let in, and `leave` must follow. */
  enter(priority: Priority): boolean
  leave(): void
  inFlight(): number
  isOverloaded(): boolean
}

type Turn = { readonly startedMs: number; requests: number; endsWhenReady: boolean }

export type LoopClock = {
  readonly nowMs: () => number
  /** Calls once when this turn of the event loop is over. */
  readonly afterTurn: (callback: () => void) => void
  /** Calls once when everything that is ready now has been handled: in an overload a turn may never be over. */
  readonly afterReady: (callback: () => void) => void
}

export function openLoopClock(): LoopClock {
  // A message to ourselves lies in the same queue of the kernel as the requests.
  const { port1, port2 } = new MessageChannel()
  let waiting: (() => void)[] = []
  port2.on('message', () => {
    const callbacks = waiting
    waiting = []
    for (const callback of callbacks) callback()
  })
  port2.unref()
  return {
    nowMs: () => performance.now(),
    afterTurn: (callback) => void setImmediate(callback),
    afterReady(callback) {
      waiting.push(callback)
      port1.postMessage(undefined)
    },
  }
}

export function openLoadGate(maxInFlight: number, { nowMs, afterTurn, afterReady }: LoopClock): LoadGate {
  let inFlight = 0
  let turn: Turn | undefined
  let lastCalmMs = nowMs()
  let lastEndMs = lastCalmMs
  let lastLongMs = Number.NEGATIVE_INFINITY
  let isOverloaded = false

  const endTurn = (ending: Turn) => {
    if (ending !== turn) return
    turn = undefined
    const endMs = nowMs()
    lastEndMs = endMs
    const isLong = endMs - ending.startedMs > CALM_TURN_MS
    if (isLong) lastLongMs = endMs
    else lastCalmMs = endMs
    if (isLong && endMs - lastCalmMs > PATIENCE_MS) isOverloaded = true
    if (isOverloaded && endMs - lastLongMs > RELIEF_MS) isOverloaded = false
  }

  /** How long what is read now has waited at least. */
  const waitedMs = () => {
    const now = nowMs()
    const current = turn
    if (!current) {
      const started = { startedMs: now, requests: 1, endsWhenReady: false }
      turn = started
      // Without requests nobody has waited, however long ago the last calm turn was.
      if (now - lastEndMs > CALM_TURN_MS) lastCalmMs = now
      afterTurn(() => endTurn(started))
      return 0
    }
    current.requests += 1
    if (!current.endsWhenReady && now - current.startedMs > CALM_TURN_MS) {
      current.endsWhenReady = true
      afterReady(() => endTurn(current))
    }
    return now - current.startedMs
  }

  return {
    enter(priority) {
      if (priority === 'always') {
        inFlight += 1
        return true
      }
      const waited = waitedMs()
      const isLate = isOverloaded
        ? waited > LONGEST_WAIT_MS[priority]
        : waited > LONGEST_TURN_MS && (turn?.requests ?? 0) > FEW_REQUESTS && priority !== 'first'
      if (isLate || inFlight >= maxInFlight * SHARE[priority]) return false
      inFlight += 1
      return true
    },
    leave() {
      inFlight -= 1
    },
    inFlight: () => inFlight,
    isOverloaded: () => isOverloaded,
  }
}
