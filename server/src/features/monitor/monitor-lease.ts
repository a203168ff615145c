/**
 * Of several server processes on one machine, one looks at the machine and raises alarms: otherwise bytes on the line
 * would count twice and everybody would be told twice.
 */
import { randomUUID } from 'node:crypto'
import type { MetricsHistory } from './metrics-history.ts'

/** Three samples: a process that hangs or was killed is followed by another after this time. */
const LEASE_MS = 35_000

export function openMonitorLease({ db }: Pick<MetricsHistory, 'db'>, now: () => number) {
  const holder = randomUUID()
  db.exec(`CREATE TABLE IF NOT EXISTS lease (
    name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID`)
  const claim = db.prepare(`INSERT INTO lease (name, holder, until_ms) VALUES ('machine', @holder, @untilMs)
    ON CONFLICT (name) DO UPDATE SET holder = @holder, until_ms = @untilMs
    WHERE holder = @holder OR until_ms < @nowMs`)
  const release = db.prepare("DELETE FROM lease WHERE name = 'machine' AND holder = ?")

  return {
    /** Whether this process is the one; asks, and extends, each time. */
    holds: () => claim.run({ holder, untilMs: now() + LEASE_MS, nowMs: now() }).changes === 1,
    release: () => void release.run(holder),
  }
}
