/**
 * The fastest honest store we know how to write by hand: better-sqlite3, prepared statements, answers cached as text,
 * and inserts sent to a writer thread that commits many of them with one fsync (`synchronous=FULL`).
 */
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import sqlite from 'better-sqlite3'
import { LRUCache } from 'lru-cache'
import type { FormRow } from './hand-written-writer.ts'

const LISTS = 1_000
const LIST_TTL_MS = 1_000
const DETAILS = 10_000

export function openHandWrittenStore(file: string) {
  const database = sqlite(file)
  database.pragma('journal_mode = WAL')
  database.pragma('cache_size = -65536')
  const selectList = database.prepare(
    `SELECT id, title, cover, summary, likes, created_at AS createdAt FROM posts
     WHERE category = ? AND status = 'open' ORDER BY created_at DESC LIMIT 20`,
  )
  const selectDetail = database.prepare('SELECT * FROM posts WHERE id = ?')
  const selectUser = database.prepare('SELECT id FROM users WHERE open_id = ?')
  const lists = new LRUCache<number, string>({ max: LISTS, ttl: LIST_TTL_MS })
  const details = new LRUCache<number, string>({ max: DETAILS })
  const writer = openWriter(file)

  return {
    findUserId: (openId: string) => (selectUser.get(openId) as { id: number } | undefined)?.id, // safe: the columns above
    list(category: number): string {
      const cached = lists.get(category)
      if (cached !== undefined) return cached
      const text = JSON.stringify({ data: selectList.all(category) })
      lists.set(category, text)
      return text
    },
    detail(id: number): string {
      const cached = details.get(id)
      if (cached !== undefined) return cached
      const text = JSON.stringify({ data: selectDetail.get(id) })
      details.set(id, text)
      return text
    },
    insertForm: writer.insert,
  }
}

/** One batch in flight: while the thread commits, the next batch gathers. */
function openWriter(file: string) {
  const thread = new Worker(new URL(`./hand-written-writer${path.extname(import.meta.url)}`, import.meta.url), {
    workerData: { file },
  })
  let gathering: { row: FormRow; done: (id: number) => void }[] = []
  let inFlight: typeof gathering = []

  const flush = () => {
    if (inFlight.length || !gathering.length) return
    inFlight = gathering
    gathering = []
    thread.postMessage(inFlight.map(({ row }) => row))
  }
  thread.on('message', (ids: number[]) => {
    const written = inFlight
    inFlight = []
    flush()
    for (const [index, { done }] of written.entries()) done(ids[index] ?? 0)
  })

  return {
    insert: (row: FormRow) =>
      new Promise<number>((resolve) => {
        if (!gathering.length) setImmediate(flush)
        gathering.push({ row, done: resolve })
      }),
  }
}
