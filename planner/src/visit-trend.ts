/** WeChat counts visits for every mini program; with its figures the advisor calibrates itself instead of guessing. */

import { readFields, readNumber } from './field-readers.ts'
import { PlanInputError } from './plan-input-error.ts'
import { text } from './text.ts'

/**
 * One row of `getDailyVisitTrend`, in WeChat's own field names so that its answer can be pasted.
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/data-analysis/visit-trend/getDailyVisitTrend.html
 */
export type VisitDay = {
  readonly visit_uv: number
  readonly session_cnt: number
  readonly visit_pv: number
  /** Mean seconds per session. */
  readonly stay_time_session: number
}

export type Calibration = {
  readonly dau: number
  readonly sessionsPerUser: number
  readonly pagesPerSession: number
  readonly secondsPerSession: number
}

/** WeChat's documented sample; requests per page come from the type's default divided by this. */
export const USUAL_PAGES_PER_SESSION = 3.3

/** Accepts the list itself or the whole answer `{list: […]}`. */
export function parseVisitTrend(value: unknown): VisitDay[] {
  if (value === undefined || value === null) return []
  const list = Array.isArray(value) ? value : readFields(value, 'visits')['list']
  if (!Array.isArray(list)) {
    throw new PlanInputError(
      'unknown_value',
      'visits',
      text('"visits" must be a list of days.', '“visits”应为按天的列表。'),
      text('Paste the answer of getDailyVisitTrend.', '请粘贴 getDailyVisitTrend 的返回。'),
    )
  }
  return list.map((entry, index) => parseDay(entry, `visits[${index}]`))
}

function parseDay(value: unknown, field: string): VisitDay {
  const fields = readFields(value, field)
  const read = (name: keyof VisitDay) => {
    const number = readNumber(fields[name], `${field}.${name}`, { least: 0, most: 1e12, unit: name })
    if (number !== undefined) return number
    throw new PlanInputError(
      'missing',
      `${field}.${name}`,
      text(`"${field}.${name}" is missing.`, `缺少“${field}.${name}”。`),
      text('Paste the row as WeChat returns it.', '请按微信返回原样粘贴。'),
    )
  }
  return {
    visit_uv: read('visit_uv'),
    session_cnt: read('session_cnt'),
    visit_pv: read('visit_pv'),
    stay_time_session: read('stay_time_session'),
  }
}

/** The busiest day decides how many people; the habits are means over all days. */
export function calibrate(days: readonly VisitDay[]): Calibration | undefined {
  const users = sum(days, 'visit_uv')
  const sessions = sum(days, 'session_cnt')
  if (users <= 0 || sessions <= 0) return undefined
  const seconds = days.reduce((total, day) => total + day.stay_time_session * day.session_cnt, 0)
  return {
    dau: Math.max(...days.map((day) => day.visit_uv)),
    sessionsPerUser: sessions / users,
    pagesPerSession: Math.max(sum(days, 'visit_pv') / sessions, 0.1),
    secondsPerSession: Math.max(seconds / sessions, 1),
  }
}

const sum = (days: readonly VisitDay[], field: keyof VisitDay) => days.reduce((total, day) => total + day[field], 0)
