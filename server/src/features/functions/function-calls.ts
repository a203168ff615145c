/** What is remembered of each call: enough to find out later what a function did. Kept in memory, bounded. */
import type { LogLine } from './call-outcome.ts'

export type CallRecord = {
  readonly requestId: string
  readonly function: string
  readonly startedAtMs: number
  readonly durationMs: number
  readonly memoryBytes: number
  /** `ok` or a code of the error table. */
  readonly status: string
  readonly message?: string
  readonly source: string
  readonly log: readonly LogLine[]
}

export type CallFilter = {
  readonly function?: string
  readonly requestId?: string
  readonly status?: 'ok' | 'failed'
  readonly beforeMs?: number
  readonly limit?: number
}

export interface CallJournal {
  add(record: CallRecord): void
  /** Newest first. */
  list(filter: CallFilter): Promise<CallRecord[]>
  close(): Promise<void>
}

const CALLS_MAX = 1_000
const PAGE = 50

export function openMemoryJournal(): CallJournal {
  const records: CallRecord[] = []
  return {
    add(record) {
      records.push(record)
      if (records.length > CALLS_MAX * 2) records.splice(0, records.length - CALLS_MAX)
    },
    async list({ limit = PAGE, ...filter }) {
      return records
        .filter((record) => matches(record, filter))
        .slice(-limit)
        .reverse()
    },
    async close() {},
  }
}

export function matches(record: CallRecord, filter: Omit<CallFilter, 'limit'>): boolean {
  return (
    (filter.function === undefined || record.function === filter.function) &&
    (filter.requestId === undefined || record.requestId === filter.requestId) &&
    (filter.status === undefined || (record.status === 'ok') === (filter.status === 'ok')) &&
    (filter.beforeMs === undefined || record.startedAtMs < filter.beforeMs)
  )
}
