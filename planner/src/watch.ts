/** The numbers at which the answer is due for another look. */
import { type Assessment, BANDS, headroomOf } from './assessment.ts'
import type { Resource } from './constraints.ts'
import { formatNumber, type Text, text } from './text.ts'

export type Watch = { readonly resource: Resource | 'load'; readonly at: number; readonly unit: string } & Text

const watch = (resource: Watch['resource'], at: number, unit: string, words: Text): Watch => ({
  resource,
  at,
  unit,
  ...words,
})

/** Holds for every design: queueing and memory behave the same on one machine and on ten. */
const ALWAYS: readonly Watch[] = [
  watch(
    'cpu',
    BANDS.withAlarms,
    'share',
    text('CPU above 70 % in the busiest hour on three of seven days.', '七天里有三天最忙一小时 CPU 高于 70%。'),
  ),
  watch(
    'memory',
    0.15,
    'share free',
    text('Available memory below 15 %, or any OOM kill.', '可用内存低于 15%，或出现 OOM。'),
  ),
]

/** Of the month's quota; the rest is the time to react. */
const QUOTA_ALARM_SHARE = 0.9
const TEN_YEARS_DAYS = 3650

/** For a design on one box the limits are known and become numbers. */
export function watchFor(assessment: Assessment, isOneBox: boolean, dau: number | undefined): Watch[] {
  if (!isOneBox) return [...ALWAYS]
  const limitOf = (name: Resource) => assessment.constraints.find(({ resource }) => resource === name)?.limit
  const line = limitOf('bandwidth')
  const quota = limitOf('traffic')
  const disk = limitOf('disk')
  return [
    ...ALWAYS,
    ...(line === undefined ? [] : [watchLine(line * BANDS.withAlarms)]),
    ...(quota === undefined ? [] : [watchQuota(quota * QUOTA_ALARM_SHARE)]),
    ...(disk === undefined ? [] : [watchDisk(disk / Math.max(assessment.estimate.demand.diskGBPerDay, 1e-6))]),
    ...(dau === undefined ? [] : [watchUsers(Math.floor(dau * headroomOf(assessment, dau).factor * BANDS.withAlarms))]),
  ]
}

function watchLine(mbps: number): Watch {
  const at = formatNumber(mbps)
  return watch(
    'bandwidth',
    mbps,
    'Mbps',
    text(`Outbound line above ${at} Mbps for ten minutes.`, `出站带宽连续十分钟高于 ${at} Mbps。`),
  )
}

function watchQuota(gigabytes: number): Watch {
  const at = formatNumber(gigabytes)
  return watch(
    'traffic',
    gigabytes,
    'GB',
    text(`Traffic forecast above ${at} GB for the month.`, `当月流量预测高于 ${at} GB。`),
  )
}

function watchDisk(days: number): Watch {
  const inDays = formatNumber(days)
  const when =
    days > TEN_YEARS_DAYS
      ? text('in more than ten years', '十年以上')
      : text(`in about ${inDays} days`, `约 ${inDays} 天后`)
  return watch(
    'disk',
    0.8,
    'share',
    text(`Disk 80 % full: ${when.en} at this rate.`, `磁盘用到 80%：按此速度${when.zh}。`),
  )
}

function watchUsers(users: number): Watch {
  const at = formatNumber(users)
  return watch('load', users, 'daily users', text(`Come back at ${at} daily users.`, `日活到 ${at} 时再来看。`))
}
