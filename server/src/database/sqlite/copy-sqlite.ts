/** A consistent copy of a SQLite file while it is being written to: SQLite's own online backup, page by page. */
import { requireSupportedNode } from './open-sqlite.ts'

/** @throws {Error} if the copy does not pass SQLite's integrity check */
export async function copySqlite(file: string, copy: string, onProgress: (share: number) => void): Promise<void> {
  requireSupportedNode(process.versions)
  const { default: Sqlite } = await import('better-sqlite3')
  const source = new Sqlite(file, { readonly: true, fileMustExist: true })
  try {
    await source.backup(copy, {
      progress({ totalPages, remainingPages }) {
        onProgress(totalPages === 0 ? 1 : 1 - remainingPages / totalPages)
        return PAGES_AT_ONCE
      },
    })
  } finally {
    source.close()
  }
  const made = new Sqlite(copy)
  try {
    // The copy stands alone: without this it would ask for the writer's WAL mode and side files again.
    made.pragma('journal_mode = DELETE')
    const result: unknown = made.pragma('integrity_check', { simple: true })
    if (result !== 'ok') throw new Error(`The copy is damaged: ${String(result)}`)
  } finally {
    made.close()
  }
}

/** Between two portions writers get their turn: 4 MB take a few milliseconds. */
const PAGES_AT_ONCE = 1_024
