/** What jobs tell about themselves: how many wait, run, and lie dead. */
import type { Jobs } from './jobs.ts'

type Gauges = { readonly gauges: Readonly<Record<string, number>> }

/** In the monitor's words. The counts are those of the sample before: early enough for an alarm that needs a minute. */
export function jobSource(jobs: Pick<Jobs, 'counts'>): () => Gauges {
  let counts = { waiting: 0, running: 0, dead: 0 }
  return () => {
    jobs.counts().then(
      (read) => {
        counts = read
      },
      () => {}, // the database's own gauge says that it is away
    )
    const { waiting, running, dead } = counts
    return { gauges: { 'jobs.waiting': waiting, 'jobs.running': running, 'jobs.deadLetters': dead } }
  }
}
