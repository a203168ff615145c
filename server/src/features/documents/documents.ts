/** The document engine's door: opens it on a database and offers the verbs that every other door translates into. */
import { LRUCache } from 'lru-cache'
import type { Database, DatabaseLog } from '../../database/database.ts'
import { aggregateDocuments, explainAggregate } from './aggregate-documents.ts'
import { openAggregationPool } from './aggregation-pool.ts'
import { cacheFinds } from './cached-finds.ts'
import { addDocuments, removeSelected, setDocument, updateSelected } from './change-documents.ts'
import { openCatalogue } from './collection-catalogue.ts'
import type { Documents } from './document-request.ts'
import { openTransactions } from './document-transactions.ts'
import { DEFAULT_DOCUMENT_SETTINGS, type DocumentSettings, type Engine, type SlowQuery } from './documents-needs.ts'
import { manageCollections } from './manage-collections.ts'
import { countDocuments, explainFind, findDocuments, getDocument } from './read-documents.ts'
import { transactionRequests } from './transaction-requests.ts'
import { writeTogether } from './write-together.ts'

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
  const transactions = openTransactions(engine)
  const inside = transactionRequests(engine, transactions)
  const isInside = (request: { readonly transactionId?: string }) => request.transactionId !== undefined
  const documents: Documents = {
    find: (request, caller) =>
      isInside(request) ? inside.find(request, caller) : findDocuments(engine, request, caller),
    get: (request, caller) => (isInside(request) ? inside.get(request, caller) : getDocument(engine, request, caller)),
    count: (request, caller) =>
      isInside(request) ? inside.count(request, caller) : countDocuments(engine, request, caller),
    add: (request, caller) => (isInside(request) ? inside.add(request, caller) : addDocuments(engine, request, caller)),
    set: (request, caller) => (isInside(request) ? inside.set(request, caller) : setDocument(engine, request, caller)),
    async update(request, caller) {
      if (isInside(request)) return inside.update(request, caller)
      return { updated: (await updateSelected(engine, request, caller, false)).updated }
    },
    updateAndReturn: (request, caller) =>
      isInside(request) ? inside.updateAndReturn(request, caller) : updateSelected(engine, request, caller, true),
    remove: (request, caller) =>
      isInside(request) ? inside.remove(request, caller) : removeSelected(engine, request, caller),
    writeTogether: (steps, caller) => writeTogether(engine, steps, caller),
    aggregate: (request, caller) => aggregateDocuments(engine, request, caller),
    explain: (request, caller) =>
      'stages' in request ? explainAggregate(engine, request, caller) : explainFind(engine, request, caller),
    beginTransaction: async (caller) => ({ transactionId: transactions.begin(caller) }),
    commitTransaction: (id, caller) => transactions.commit(id, caller),
    rollbackTransaction: async (id, caller) => transactions.rollback(id, caller),
    ...manageCollections(engine),
    close: () => engine.aggregations.close(),
  }
  // Several processes may share the other databases; there a page that another one changed would be wrong for a second.
  return database.dialect.name === 'sqlite' ? cacheFinds(documents, engine) : documents
}
