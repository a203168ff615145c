/** What database, cache and functions tell about themselves, in the monitor's words. */
import type { Cache } from '../../cache/cache.ts'
import type { Database } from '../../database/database.ts'
import type { Functions } from '../functions/functions.ts'
import type { Payments } from '../payments/payments.ts'
import type { MetricsSource } from './monitor.ts'
import type { MonitorSettings } from './monitor-settings.ts'
import { countedSource, rememberedSource } from './remembered-source.ts'

/** Up to when the owner has looked at what differs from WeChat Pay's bills. */
export const PAYMENTS_SEEN_SETTING = 'payments-seen-until-ms'
const STATUS_EVERY_MS = 10_000

/** The answers are seen by the next sample: ten seconds later is early enough for alarms that need a minute. */
export function databaseSource(database: Database, now: () => number = Date.now): MetricsSource {
  const ping = rememberedSource({ look: () => timedPing(database), everyMs: 0, now })
  const threads = rememberedSource({ look: () => runningThreads(database), everyMs: STATUS_EVERY_MS, now })
  return () => {
    const { commits, scripts, failedScripts, queuedWrites, queuedReads, busyReaders, lastCommitMs } = database.stats()
    return {
      gauges: {
        ...ping().gauges,
        ...(database.dialect.name === 'mysql' && threads().gauges),
        'database.queuedWrites': queuedWrites,
        'database.queuedReads': queuedReads,
        'database.busyReaders': busyReaders,
        'database.lastCommitMs': lastCommitMs,
      },
      counters: {
        'database.commits': commits,
        'database.transactions': scripts,
        'database.failedTransactions': failedScripts,
      },
    }
  }
}

/** How long the simplest question takes: with a pool, mostly the wait for a connection. */
async function timedPing(database: Database) {
  const startedAtMs = performance.now()
  try {
    await database.ping()
    return { 'database.isDown': 0, 'database.waitMs': performance.now() - startedAtMs }
  } catch {
    return { 'database.isDown': 1 }
  }
}

async function runningThreads(database: Database) {
  const [row] = await database.read("SHOW GLOBAL STATUS LIKE 'Threads_running'", [], { cost: 'cheap' })
  return row && { 'database.threadsRunning': Number(row['Value']) }
}

/** Only a cache with a server of its own can be down or full. */
export function cacheSource(cache: Pick<Cache, 'health'>, now: () => number = Date.now): MetricsSource {
  const { health } = cache
  if (!health) return () => ({})
  let evictions: number | undefined
  const look = async () => {
    try {
      const told = await health()
      evictions = told.evictions
      return { 'cache.isDown': 0, ...(told.usedShare !== undefined && { 'cache.memoryUsed': told.usedShare }) }
    } catch {
      return { 'cache.isDown': 1 }
    }
  }
  const gauges = rememberedSource({ look, everyMs: STATUS_EVERY_MS, now })
  return () => ({ ...gauges(), ...(evictions !== undefined && { counters: { 'cache.evictions': evictions } }) })
}

/** Differences from WeChat Pay's bills that the owner has not looked at yet. */
export function paymentSource(
  payments: Pick<Payments, 'findings'>,
  settings: Pick<MonitorSettings, 'find'>,
  now: () => number = Date.now,
): MetricsSource {
  const count = async () => {
    const seenUntilMs = Number(settings.find(PAYMENTS_SEEN_SETTING) ?? 0)
    return (await payments.findings()).filter(({ foundAtMs }) => foundAtMs > seenUntilMs).length
  }
  return countedSource('payments.mismatches', count, now)
}

export function functionSource(functions: Pick<Functions, 'usage'>): MetricsSource {
  return () => {
    const { workers, running, waiting } = functions.usage()
    return { gauges: { 'functions.workers': workers, 'functions.running': running, 'functions.waiting': waiting } }
  }
}
