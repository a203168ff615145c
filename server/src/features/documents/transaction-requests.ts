/** The verbs inside an interactive transaction: the same requests, answered from what the transaction sees. */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { prepareDocument, selectionFilter } from './change-documents.ts'
import type { Collection } from './collection.ts'
import { decodeFilter } from './decode-filter.ts'
import { decodeUpdate } from './decode-update.ts'
import { decodeValue, startDecoding } from './decode-value.ts'
import { allOf, type Filter } from './document-filter.ts'
import type {
  AddRequest,
  CountRequest,
  DocumentCaller,
  Documents,
  DocumentText,
  FindRequest,
  GetRequest,
  Json,
  JsonObject,
  RemoveRequest,
  SetRequest,
  UpdateRequest,
} from './document-request.ts'
import type { DocumentTransactions, OpenTransaction } from './document-transactions.ts'
import type { Engine } from './documents-needs.ts'
import { expressionTest } from './evaluate-expression.ts'
import { compileFilter } from './match-document.ts'
import { decodeProjection } from './project-document.ts'
import { pageOf, projectText, timeoutOf } from './read-documents.ts'
import { select } from './run-selection.ts'
import { decodeOrder, sortItems } from './sort-documents.ts'

type Verbs = Pick<Documents, 'find' | 'get' | 'count' | 'add' | 'set' | 'update' | 'updateAndReturn' | 'remove'>
type InTransaction = { readonly collection: string; readonly transactionId?: string }

/** For requests that carry a `transactionId`. Only server-side programs have one, so no rules apply. */
export function transactionRequests(engine: Engine, transactions: DocumentTransactions): Verbs {
  async function enter(request: InTransaction, caller: DocumentCaller) {
    const transaction = transactions.get(request.transactionId ?? '', caller)
    return { transaction, collection: await engine.catalogue.get(request.collection) }
  }

  /** All matching documents as the transaction sees them, in order. */
  async function matching(
    request: InTransaction,
    filter: Filter,
    order: JsonObject | undefined,
    caller: DocumentCaller,
  ) {
    const { transaction, collection } = await enter(request, caller)
    const candidates = await candidateIds(engine, collection, filter, caller)
    for (const record of transaction.records.values()) {
      if (record.collection.table === collection.table && record.text !== undefined)
        candidates.push(JSON.parse(record.text)._id)
    }
    const matches = compileFilter(filter, expressionTest(engine.now()))
    const found = new Map<string, { text: DocumentText; document: JsonObject }>()
    const texts = await transactions.read(transaction, collection, candidates)
    for (const [place, id] of candidates.entries()) {
      const text = texts[place]
      const document: JsonObject | undefined = text === undefined ? undefined : JSON.parse(text)
      if (text !== undefined && document && matches(document)) found.set(JSON.stringify(id), { text, document })
    }
    const items = sortItems([...found.values()], decodeOrder(order), ({ document }) => document)
    return { transaction, collection, items }
  }

  async function change(request: UpdateRequest, caller: DocumentCaller) {
    const nowMs = engine.now()
    const changes = decodeUpdate(request.changes, nowMs)
    const { transaction, collection, ids } = await selectedIds(request, caller, nowMs)
    let updated = 0
    let document: DocumentText | undefined
    for (const id of ids) {
      document = await transactions.update(transaction, collection, id, changes, selectionFilter(request, nowMs))
      if (document !== undefined) updated++
    }
    return { updated, document }
  }

  async function selectedIds(
    request: UpdateRequest | RemoveRequest,
    caller: DocumentCaller,
    nowMs: number,
  ): Promise<{ transaction: OpenTransaction; collection: Collection; ids: Json[] }> {
    const filter = selectionFilter(request, nowMs)
    if (filter.kind === 'field' && filter.path === '_id' && filter.test.kind === 'eq') {
      return { ...(await enter(request, caller)), ids: [filter.test.value] }
    }
    const { transaction, collection, items } = await matching(request, filter, undefined, caller)
    const chosen = request.multi === false ? items.slice(0, 1) : items
    return { transaction, collection, ids: chosen.map(({ document }) => document['_id'] ?? null) }
  }

  return {
    async find(request: FindRequest, caller) {
      const projection = decodeProjection(request.projection)
      const { skip, limit } = pageOf(request, caller)
      const { items } = await matching(request, decodeFilter(request.query, engine.now()), request.order, caller)
      const documents = items.slice(skip, skip + limit).map(({ text }) => projectText(text, projection))
      return { documents, skip, limit }
    },
    async get(request: GetRequest, caller) {
      const { transaction, collection } = await enter(request, caller)
      const [text] = await transactions.read(transaction, collection, [decodeId(request.id, engine.now())])
      return text === undefined ? undefined : projectText(text, decodeProjection(request.projection))
    },
    async count(request: CountRequest, caller) {
      const { items } = await matching(request, decodeFilter(request.query, engine.now()), undefined, caller)
      return items.length
    },
    async add(request: AddRequest, caller) {
      const { transaction, collection } = await enter(request, caller)
      if (request.documents.length > LIMITS.batchDocuments)
        throw new AppError('invalid_document', 'Too many documents at once.')
      const ids: Json[] = []
      for (const given of request.documents) {
        const document = prepareDocument(given, undefined, caller.identity, engine.now())
        await transactions.insert(transaction, collection, document)
        ids.push(document['_id'] ?? null)
      }
      return { ids }
    },
    async set(request: SetRequest, caller) {
      const { transaction, collection } = await enter(request, caller)
      const id = decodeId(request.id, engine.now())
      const document = prepareDocument(request.document, id, caller.identity, engine.now())
      const outcome = await transactions.put(transaction, collection, id, document)
      return outcome === 'created' ? { updated: 0, createdId: id } : { updated: 1, createdId: undefined }
    },
    update: async (request, caller) => ({ updated: (await change(request, caller)).updated }),
    updateAndReturn: change,
    async remove(request: RemoveRequest, caller) {
      const { transaction, collection, ids } = await selectedIds(request, caller, engine.now())
      let removed = 0
      for (const id of ids) if (await transactions.remove(transaction, collection, id)) removed++
      return { removed }
    },
  }
}

const decodeId = (id: Json, nowMs: number) => decodeValue(id, startDecoding('invalid_document', nowMs), '_id', 1)

/** Ids of stored documents that match; what the transaction itself changed is looked at afterwards. */
async function candidateIds(
  engine: Engine,
  collection: Collection,
  filter: Filter,
  caller: DocumentCaller,
): Promise<Json[]> {
  const texts = await select(engine, {
    collection,
    filter: allOf([filter]),
    order: [],
    skip: 0,
    limit: LIMITS.serverPageMax,
    timeoutMs: timeoutOf(engine, caller),
    expressionTest: expressionTest(engine.now()),
  })
  return texts.map((text) => JSON.parse(text)._id)
}
