/**
 * Notices when the clock on the wall leaps: set by hand, corrected by the network, wrong after a pause of the machine.
 * What was promised until a certain time must not be taken away because of that.
 */
import type { Log } from '../../log.ts'

type Needs = {
  readonly now: () => number
  /** Goes on evenly. */
  readonly monotonicMs: () => number
  readonly log: Log
}

/** A clock that leaps further than this says nothing about how long something has lasted. */
const LEAP_MS = 2_000
/** Time to set the clock right. */
const FREEZE_MS = 60_000

/** Asked regularly: whether times that have passed may be believed to have passed. */
export function openClockGuard({ now, monotonicMs, log }: Needs): () => boolean {
  let offsetMs = now() - monotonicMs()
  let frozenUntilMs = Number.NEGATIVE_INFINITY

  return () => {
    const monotonic = monotonicMs()
    const leapMs = now() - monotonic - offsetMs
    if (Math.abs(leapMs) > LEAP_MS) {
      frozenUntilMs = monotonic + FREEZE_MS
      log.error({ leapMs: Math.round(leapMs), frozenMs: FREEZE_MS }, 'the clock leapt; nothing ends by time for now')
    }
    offsetMs += leapMs
    return monotonic >= frozenUntilMs
  }
}
