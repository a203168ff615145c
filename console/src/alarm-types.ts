/** Alarms as the server tells them. */

type Words = { en: string; zh: string }
export type Threshold = { at: number; forMs: number }
export type AlarmRule = {
  id: string
  title: Words
  advice: Words
  unit: string
  bad: 'above' | 'below'
  warn?: Threshold
  page?: Threshold
  level: 'ok' | 'warn' | 'page'
  isOff: boolean
  tunedIn?: 'config' | 'console'
  isPending: boolean
  value?: string
  sinceMs?: number
  silencedUntilMs?: number
}
export type AlarmEvent = { atMs: number; rule: string; change: string; level: string; value: string }
export type AlarmChannel = { id: string; kind: string; host: string; isSigned: boolean; from: 'config' | 'console' }
export type QuietHours = { from: string; to: string; breaksThrough: 'page' | 'nothing' }
export type AlarmState = {
  rules: AlarmRule[]
  events: AlarmEvent[]
  channels: AlarmChannel[]
  waiting: number
  quietHours: QuietHours | null
  heartbeat: boolean
  declared: { quietHours: boolean; heartbeat: boolean }
}
