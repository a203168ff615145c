/** What `GET /console/api/overview` and `/metrics` answer. */
export type Resource = 'cpu' | 'requests' | 'memory' | 'line' | 'quota' | 'disk'
export type Reading = {
  resource: Resource
  used: number
  limit?: number
  unit: 'share' | 'perSecond' | 'mbps' | 'bytes'
  share?: number
  source: 'kernel' | 'measured' | 'reference' | 'bundle' | 'unknown'
}
export type Alarm = {
  fingerprint: string
  rule: string
  level: 'warn' | 'page'
  title: { en: string; zh: string }
  value: string
  sinceMs: number
}
export type Advice = {
  kind: 'grow' | 'tune' | 'fine' | 'learning'
  title: { en: string; zh: string }
  text: { en: string; zh: string }
  command?: string
}
export type Overview = {
  version: string
  uptimeMs: number
  facts: {
    cores: number
    memoryBytes: number
    requestsPerSecond: number
    capacitySource: 'measured' | 'reference'
    capacityAsOf: string
    lineMbps?: number
    trafficGB?: number | null
    bundle?: { id: string; priceYuanPerMonth: number }
  }
  load: Reading[]
  forecast: { monthBytes: number; monthEndBytes?: number; quotaEndsAtMs?: number; diskFullAtMs?: number }
  now: {
    requestsPerSecond: number
    errorShare: number
    p50Ms: number | null
    p95Ms: number | null
    p99Ms: number | null
    connections: number
    loopDelayP99Ms: number
    rssBytes: number
  }
  alarms: Alarm[]
  alarmChannels: number
  advice: Advice[]
}
export type ChartPoint = {
  atMs: number
  requestsPerSecond: number
  errorsPerSecond: number
  refusedPerSecond: number
  p50Ms: number | null
  p95Ms: number | null
  p99Ms: number | null
  cpu: number | null
  memoryUsed: number | null
  diskUsed: number | null
  outMbps: number
  connections: number | null
  loopDelayP99Ms: number | null
  rssBytes: number | null
}
export type RouteLine = {
  route: string
  count: number
  requestsPerSecond: number
  errors: number
  refused: number
  bytesOut: number
  p50Ms: number | null
  p95Ms: number | null
  p99Ms: number | null
}
export type Range = 'now' | 'hour' | 'day' | 'week' | 'quarter' | 'year'
