/** The document engine's door: opens it on a database and offers the verbs that every other door translates into. */
import { LRUCache } from 'lru-cache'
import type { Database, DatabaseLog } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { aggregateDocuments } from './aggregate-documents.ts'
import { openAggregationPool } from './aggregation-pool.ts'
import { addDocuments, removeSelected, setDocument, updateSelected } from './change-documents.ts'
import { openCatalogue } from './collection-catalogue.ts'
import type { Documents } from './document-request.ts'
import { DEFAULT_DOCUMENT_SETTINGS, type DocumentSettings, type Engine, type SlowQuery } from './documents-needs.ts'
import { manageCollections } from './manage-collections.ts'
import { countDocuments, explainFind, findDocuments, getDocument } from './read-documents.ts'

type Needs = {
  readonly database: Database
  readonly log: DatabaseLog
  readonly now?: () => number
  readonly settings?: Partial<DocumentSettings>
  readonly onSlowQuery?: (query: SlowQuery) => void
}

/** What the engine learns about single statements is bounded, and forgotten so that it is tried anew. */
const REMEMBERED_SHAPES = 500
const REMEMBERED_MS = 60_000

export async function openDocuments({
  database,
  log,
  now = Date.now,
  settings,
  onSlowQuery,
}: Needs): Promise<Documents> {
  const catalogue = await openCatalogue(database, now)
  const engine: Engine = {
    database,
    catalogue,
    settings: { ...DEFAULT_DOCUMENT_SETTINGS, ...settings },
    now,
    log,
    onSlowQuery,
    slowShapes: new LRUCache({ max: REMEMBERED_SHAPES, ttl: REMEMBERED_MS }),
    aggregations: openAggregationPool(),
    arrayIndexes: new LRUCache({ max: REMEMBERED_SHAPES, ttl: REMEMBERED_MS }),
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
    aggregate: (request, caller) => aggregateDocuments(engine, request, caller),
    explain: (request, caller) => explainFind(engine, request, caller),
    beginTransaction: () => Promise.reject(new AppError('not_supported', 'Transactions are not there yet.')),
    commitTransaction: () => Promise.reject(new AppError('not_supported', 'Transactions are not there yet.')),
    rollbackTransaction: () => Promise.reject(new AppError('not_supported', 'Transactions are not there yet.')),
    ...manageCollections(engine),
    close: () => engine.aggregations.close(),
  }
}
