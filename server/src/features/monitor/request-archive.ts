/**
 * The last requests, kept over a restart: one row of the monitor's file for each ten seconds, not one per request, so that
 * a busy server spends a millisecond on it. Of more than a few hundred in that time the failed ones are kept first.
 */
import type { MetricsHistory } from './metrics-history.ts'
import type { SeenRequest } from './seen-request.ts'

/** Of one interval. */
const SAVED_AT_ONCE = 300
const REQUESTS_KEPT = 5_000

/** Texts of statements stand once in each row: most requests run the same few. */
type Packed = {
  texts: string[]
  requests: (Omit<SeenRequest, 'statements'> & { statements: [text: number, durationMs: number, isFailed: 0 | 1][] })[]
}

export type RequestArchive = ReturnType<typeof openRequestArchive>

export function openRequestArchive({ db }: Pick<MetricsHistory, 'db'>) {
  db.exec(`CREATE TABLE IF NOT EXISTS request_chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, requests INTEGER NOT NULL, packed TEXT NOT NULL)`)
  const insert = db.prepare('INSERT INTO request_chunks (requests, packed) VALUES (?, ?)')
  const sizes = db.prepare<[], { id: number; requests: number }>(
    'SELECT id, requests FROM request_chunks ORDER BY id DESC',
  )
  const drop = db.prepare('DELETE FROM request_chunks WHERE id < ?')
  const all = db.prepare<[], { packed: string }>('SELECT packed FROM request_chunks ORDER BY id')

  function dropOldest() {
    let kept = 0
    for (const { id, requests } of sizes.all()) {
      kept += requests
      if (kept >= REQUESTS_KEPT) return void drop.run(id)
    }
  }

  return {
    /** @param requests of the time since the last call, oldest first */
    save: db.transaction((requests: readonly SeenRequest[]) => {
      const chosen = mostTelling(requests)
      if (!chosen.length) return
      insert.run(chosen.length, JSON.stringify(pack(chosen)))
      dropOldest()
    }),
    /** Oldest first. */
    load: (): SeenRequest[] => all.all().flatMap(({ packed }) => unpack(JSON.parse(packed) as Packed)), // safe: `save` wrote it
  }
}

function mostTelling(requests: readonly SeenRequest[]): readonly SeenRequest[] {
  if (requests.length <= SAVED_AT_ONCE) return requests
  const failed = requests.filter(({ status }) => status >= 500).slice(-SAVED_AT_ONCE)
  const others = requests.filter(({ status }) => status < 500).slice(failed.length - SAVED_AT_ONCE)
  return failed.length === SAVED_AT_ONCE ? failed : [...failed, ...others].toSorted((a, b) => a.atMs - b.atMs)
}

function pack(requests: readonly SeenRequest[]): Packed {
  const places = new Map<string, number>()
  const placeOf = (text: string) => {
    const place = places.get(text) ?? places.size
    places.set(text, place)
    return place
  }
  const packed = requests.map(({ statements, ...rest }) => ({
    ...rest,
    statements: statements.map(({ sql, durationMs, isFailed }): [number, number, 0 | 1] => [
      placeOf(sql),
      Math.round(durationMs * 100) / 100,
      isFailed ? 1 : 0,
    ]),
  }))
  return { texts: [...places.keys()], requests: packed }
}

const unpack = ({ texts, requests }: Packed): SeenRequest[] =>
  requests.map((request) => ({
    ...request,
    statements: request.statements.map(([text, durationMs, isFailed]) => ({
      sql: texts[text] ?? '',
      durationMs,
      isFailed: isFailed === 1,
    })),
  }))
