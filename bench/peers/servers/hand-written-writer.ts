/** The writer thread: one transaction, one fsync, for each batch of forms. */
import { parentPort, workerData } from 'node:worker_threads'
import sqlite from 'better-sqlite3'

export type FormRow = {
  readonly userId: number
  readonly postId: number
  readonly name: string
  readonly phone: string
  readonly content: string
  readonly createdAt: number
}

// safe: only the store starts this file
const database = sqlite((workerData as { file: string }).file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
const insert = database.prepare(
  `INSERT INTO forms (user_id, post_id, name, phone, content, created_at)
   VALUES (@userId, @postId, @name, @phone, @content, @createdAt)`,
)
const insertAll = database.transaction((rows: readonly FormRow[]) =>
  rows.map((row) => Number(insert.run(row).lastInsertRowid)),
)

parentPort?.on('message', (rows: readonly FormRow[]) => parentPort?.postMessage(insertAll(rows)))
