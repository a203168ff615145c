/** This feature's SQL: which path holds which stored bytes, and who put them there. */
import { type Database, type Row, transactionScript } from '../../database/database.ts'

export type StoredFile = {
  readonly path: string
  readonly blobName: string
  readonly sizeBytes: number
  readonly contentType: string
  readonly sha256: string
  /** Empty: put there by the owner's code. */
  readonly ownerOpenId: string
  readonly createdAtMs: number
}

/**
 * Points the path at the new bytes. Answers the name of the bytes that it replaced; `refused` if they belong to
 * somebody else and `replaceOthers` is false.
 */
export const saveFile = transactionScript(
  import.meta.url,
  'saveFile',
  function* ({ file, replaceOthers }: { file: StoredFile; replaceOthers: boolean }) {
    const { rows } = yield {
      sql: 'SELECT blob_name, owner_open_id FROM files WHERE path = ?',
      params: [file.path],
      want: 'rows',
    }
    const [old] = rows
    if (old && !replaceOthers && old['owner_open_id'] !== file.ownerOpenId) return { refused: true }
    const facts = [file.blobName, file.sizeBytes, file.contentType, file.sha256, file.ownerOpenId, file.createdAtMs]
    yield old
      ? {
          sql: `UPDATE files SET blob_name = ?, size_bytes = ?, content_type = ?, sha256 = ?, owner_open_id = ?, created_at_ms = ?
                WHERE path = ?`,
          params: [...facts, file.path],
        }
      : {
          sql: `INSERT INTO files (blob_name, size_bytes, content_type, sha256, owner_open_id, created_at_ms, path)
                VALUES (?, ?, ?, ?, ?, ?, ?)`,
          params: [...facts, file.path],
        }
    return { refused: false, ...(old && { replacedBlob: String(old['blob_name']) }) }
  },
)

export const deleteFile = transactionScript(import.meta.url, 'deleteFile', function* (path: string) {
  const { changes } = yield { sql: 'DELETE FROM files WHERE path = ?', params: [path] }
  return changes
})

export async function findFile(database: Database, path: string): Promise<StoredFile | undefined> {
  const [row] = await database.read(
    'SELECT path, blob_name, size_bytes, content_type, sha256, owner_open_id, created_at_ms FROM files WHERE path = ?',
    [path],
    { cost: 'cheap' },
  )
  return row && toFile(row)
}

/** Files whose path follows `after`, in order of the path. */
export async function listFiles(database: Database, after: string, limit: number): Promise<StoredFile[]> {
  const rows = await database.read(
    `SELECT path, blob_name, size_bytes, content_type, sha256, owner_open_id, created_at_ms FROM files
     WHERE path > ? ORDER BY path LIMIT ?`,
    [after, limit],
  )
  return rows.map(toFile)
}

const toFile = (row: Row): StoredFile => ({
  path: String(row['path']),
  blobName: String(row['blob_name']),
  sizeBytes: Number(row['size_bytes']),
  contentType: String(row['content_type']),
  sha256: String(row['sha256']),
  ownerOpenId: String(row['owner_open_id'] ?? ''),
  createdAtMs: Number(row['created_at_ms']),
})
