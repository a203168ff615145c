/** What database and functions tell about themselves, in the monitor's words. */
import type { Database } from '../../database/database.ts'
import type { Functions } from '../functions/functions.ts'
import type { MetricsSource } from './monitor.ts'

export function databaseSource(database: Database): MetricsSource {
  let isDown = false
  return () => {
    // The answer is seen by the next sample: ten seconds later is early enough for an alarm that needs a minute.
    database.ping().then(
      () => {
        isDown = false
      },
      () => {
        isDown = true
      },
    )
    const { commits, scripts, failedScripts, queuedWrites, queuedReads, busyReaders, lastCommitMs } = database.stats()
    return {
      gauges: {
        'database.isDown': Number(isDown),
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

export function functionSource(functions: Pick<Functions, 'usage'>): MetricsSource {
  return () => {
    const { workers, running, waiting } = functions.usage()
    return { gauges: { 'functions.workers': workers, 'functions.running': running, 'functions.waiting': waiting } }
  }
}
