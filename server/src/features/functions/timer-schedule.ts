/** When a function's timer fires: CloudBase's seven-field expressions, in UTC+8. */
import { Cron } from 'croner'

export type FunctionTrigger = {
  readonly name: string
  /** Seconds, minutes, hours, day, month, weekday, year; in UTC+8, as in CloudBase. */
  readonly cron: string
}

const ZONE = 'Asia/Shanghai'

/** The first slot after this moment; undefined if there is none or the expression is wrong. */
export function nextSlotMs({ cron }: FunctionTrigger, afterMs: number): number | undefined {
  return parse(cron)?.nextRun(new Date(afterMs))?.getTime()
}

/** The last slot at or before this moment, at most `sinceMs` old. */
export function lastSlotMs(trigger: FunctionTrigger, nowMs: number, sinceMs: number): number | undefined {
  const [last] = parse(trigger.cron)?.previousRuns(1, new Date(nowMs + 1)) ?? []
  const slotMs = last?.getTime()
  return slotMs !== undefined && slotMs > sinceMs ? slotMs : undefined
}

/** Why an expression cannot be used; undefined if it can. */
export function cronProblem(cron: string): string | undefined {
  if (cron.trim().split(/\s+/).length !== 7) return 'it needs seven fields: second minute hour day month weekday year'
  return parse(cron) ? undefined : 'one of its fields is not valid'
}

function parse(cron: string): Cron | undefined {
  try {
    // Given both, CloudBase fires when either the day or the weekday fits, as croner does in this mode.
    return new Cron(cron, { timezone: ZONE, paused: true, domAndDow: false })
  } catch {
    return undefined // cronProblem says so when the function is read
  }
}
