/** What the owner told the monitor, kept beside the history: which server was bought, where alarms go. */
import type { MetricsHistory } from './metrics-history.ts'

export type MonitorSettings = ReturnType<typeof openMonitorSettings>

export function openMonitorSettings({ db }: Pick<MetricsHistory, 'db'>) {
  db.exec('CREATE TABLE IF NOT EXISTS settings (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID')
  const find = db.prepare<[string], { value: string }>('SELECT value FROM settings WHERE name = ?')
  const put = db.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)')

  return {
    /** The stored JSON; whoever reads it checks its shape, for an older version may have written it. */
    find(name: string): unknown {
      const row = find.get(name)
      return row && JSON.parse(row.value)
    },
    put: (name: string, value: unknown) => void put.run(name, JSON.stringify(value)),
  }
}
