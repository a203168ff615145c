/** The document engine's door: opens it on a database and offers the verbs that every other door translates into. */
import type { Database, DatabaseLog } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { addDocuments, removeSelected, setDocument, updateSelected } from './change-documents.ts'
import { openCatalogue } from './collection-catalogue.ts'
import { sourceFor } from './collection-tables.ts'
import type { Documents } from './document-request.ts'
import { DEFAULT_DOCUMENT_SETTINGS, type DocumentSettings, type Engine } from './documents-needs.ts'
import { manageCollections } from './manage-collections.ts'
import { countDocuments, findDocuments, getDocument } from './read-documents.ts'

type Needs = {
  readonly database: Database
  readonly log: DatabaseLog
  readonly now?: () => number
  readonly settings?: Partial<DocumentSettings>
}

export async function openDocuments({ database, now = Date.now, settings }: Needs): Promise<Documents> {
  const catalogue = await openCatalogue(database, now)
  const engine: Engine = {
    database,
    catalogue,
    source: sourceFor(database.dialect),
    settings: { ...DEFAULT_DOCUMENT_SETTINGS, ...settings },
    now,
  }
  return {
    find: (request, caller) => findDocuments(engine, request, caller),
    get: (request, caller) => getDocument(engine, request, caller),
    count: (request, caller) => countDocuments(engine, request, caller),
    add: (request, caller) => addDocuments(engine, request, caller),
    set: (request, caller) => setDocument(engine, request, caller),
    update: async (request, caller) => ({ updated: (await updateSelected(engine, request, caller, false)).updated }),
    updateAndReturn: (request, caller) => updateSelected(engine, request, caller, true),
    remove: (request, caller) => removeSelected(engine, request, caller),
    aggregate: () => Promise.reject(new AppError('not_supported', 'Aggregation is not there yet.')),
    explain: () => Promise.reject(new AppError('not_supported', 'Explain is not there yet.')),
    beginTransaction: () => Promise.reject(new AppError('not_supported', 'Transactions are not there yet.')),
    commitTransaction: () => Promise.reject(new AppError('not_supported', 'Transactions are not there yet.')),
    rollbackTransaction: () => Promise.reject(new AppError('not_supported', 'Transactions are not there yet.')),
    ...manageCollections(engine),
    async close() {},
  }
}
