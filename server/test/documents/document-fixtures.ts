/** What the document tests share: a database of their own, callers, and a quiet log. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { openSqlite } from '../../src/database/sqlite/open-sqlite.ts'
import type { DocumentCaller } from '../../src/features/documents/document-request.ts'
import { createDatabase, type PrivateServer } from '../database/private-servers.ts'

export const quietLog = { info() {}, warn() {}, error() {} }

export type OpenedDatabase = { database: Database; close(): Promise<void> }

export async function openTemporarySqlite(): Promise<OpenedDatabase> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sampan-documents-'))
  const database = await openSqlite({
    file: path.join(folder, 'app.db'),
    timeoutMs: 10_000,
    readerThreads: 1,
    log: quietLog,
  })
  return {
    database,
    async close() {
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A database of a private server, with a name of its own. */
export async function openPrivate(server: PrivateServer | undefined): Promise<OpenedDatabase> {
  if (!server) throw new Error('the server is not installed')
  const url = await createDatabase(server, `documents_${randomBytes(4).toString('hex')}`)
  const database = await openDatabase({ url, timeoutMs: 10_000, log: quietLog })
  return { database, close: () => database.close() }
}

export const asFunction: DocumentCaller = { identity: { kind: 'function', name: 'test' } }
export const asAnonymous: DocumentCaller = { identity: { kind: 'anonymous' } }

export const asUser = (openId: string, extras: Partial<DocumentCaller> = {}): DocumentCaller => ({
  identity: { kind: 'user', openId, appId: 'wx0000000000000001', sessionId: `session of ${openId}` },
  ...extras,
})
