/** Hours in which only what cannot wait is told. By the clock of China, as everything that a person reads here. */

export type QuietHours = {
  /** `23:00`; may be later than `to`: the night goes over midnight. */
  readonly from: string
  readonly to: string
  /** `page`: red alarms, and their end, are told at once all the same. `nothing`: all of it waits for the morning. */
  readonly breaksThrough: 'page' | 'nothing'
}

export const TIME_OF_DAY = '^([01]\\d|2[0-3]):[0-5]\\d$'

const CHINA_OFFSET_MS = 8 * 3_600_000
const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60

export function isQuiet({ from, to }: Pick<QuietHours, 'from' | 'to'>, nowMs: number): boolean {
  const minute = Math.floor((nowMs + CHINA_OFFSET_MS) / MINUTE_MS) % DAY_MINUTES
  const [start, end] = [minuteOf(from), minuteOf(to)]
  return start <= end ? start <= minute && minute < end : start <= minute || minute < end
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 60 + minutes
}
