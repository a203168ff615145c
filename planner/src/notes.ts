/** Remarks that a careful engineer would make about this input: assumptions, contradictions, things that cost later. */
import { APP_TYPES } from './app-types.ts'
import type { Assessment } from './assessment.ts'
import { type MeasuredCapacity, REFERENCE } from './capacity-reference.ts'
import { hasEvent } from './demand.ts'
import type { PlanInput } from './plan-input.ts'
import { formatNumber, formatPercent, type Text, text } from './text.ts'

/** So many times the usual number of people at once is no longer a busy evening but an appointment. */
const EVENT_FACTOR = 3

export function notesFor(input: PlanInput, assessment: Assessment, capacity: MeasuredCapacity | undefined): Text[] {
  const notes = [...input.notModelled]
  const { p50 } = assessment.estimate
  if (!input.type) {
    notes.push(
      text(
        'No type was given: the mix of logins, lists, details and forms is assumed.',
        '未给出类型：按登录、列表、详情、表单的混合负载估算。',
      ),
    )
  }
  if (input.images === undefined && p50.cdnGBPerMonth > 0) {
    notes.push(
      text(
        'Images are assumed on a CDN; say "images": "server" to see the difference.',
        '默认图片走 CDN；写 “images”: “server” 可看差别。',
      ),
    )
  }
  if (input.dau !== undefined && input.peakOnline !== undefined) {
    const usual = usualOnline(input)
    if (usual !== undefined && input.peakOnline > EVENT_FACTOR * usual) {
      const share = formatPercent(input.peakOnline / input.dau)
      notes.push(
        text(
          `${formatNumber(input.peakOnline)} at once is ${share} of the day’s users, against ${formatNumber(usual)} by the habits of this type: treat it as an event.`,
          `同时 ${formatNumber(input.peakOnline)} 人是日活的 ${share}，而此类应用通常约 ${formatNumber(usual)} 人：应按活动处理。`,
        ),
      )
    }
  }
  if (hasEvent(input) && input.overrides.participants === undefined) {
    notes.push(
      text(
        'How many take part, and within how many seconds, decides an event: give "participants" and "windowSeconds".',
        '活动由参与人数与到达窗口决定：请给出 “participants” 与 “windowSeconds”。',
      ),
    )
  }
  if (!capacity) {
    const { low, usual, high } = REFERENCE.cpuMsPerRequest
    notes.push(
      text(
        `CPU per request is a cautious reference of ${usual} ms (${low}–${high}), not a measurement of your box.`,
        `每请求 CPU 采用谨慎的参考值 ${usual} ms（${low}–${high}），并非你机器的实测。`,
      ),
    )
  }
  return notes
}

function usualOnline({ type, dau }: PlanInput): number | undefined {
  if (!type || dau === undefined) return undefined
  const { sessionsPerUser, secondsPerSession, peakFactor } = APP_TYPES[type].habits
  return (dau * sessionsPerUser.usual * secondsPerSession.usual * peakFactor.usual) / 86_400
}
