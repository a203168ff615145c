/** Dialect A's database actions. Queries, updates and documents are texts of Extended JSON, in MongoDB's language. */
import { LIMITS } from '@sampan/protocol/limits'
import type { DocumentCaller, Json, JsonObject } from '../features/documents/document-request.ts'
import {
  type AdminAction,
  type AdminRequest,
  asObject,
  listField,
  numberField,
  objectField,
  optionalText,
  parseJson,
  textField,
} from './admin-request.ts'

/** The SDK gives up after 15 s by itself. */
const TIMEOUT_MS_MAX = 15_000

// biome-ignore format: a table keeps its columns
export const DOCUMENT_ACTIONS: Readonly<Record<string, AdminAction>> = {
  'database.getDocument':        getDocument,
  'database.insertDocument':     insertDocument,
  'database.modifyDocument':     modifyDocument,
  'database.removeDocument':     removeDocument,
  'database.calculateDocument':  calculateDocument,
  'database.aggregateDocuments': aggregateDocuments,
  'database.aggregate':          aggregateAsText,
  'database.modifyAndReturnDoc': modifyAndReturnDoc,
  'database.addCollection':      addCollection,
  'database.startTransaction':   startTransaction,
  'database.commitTransaction':  commitTransaction,
  'database.abortTransaction':   abortTransaction,
}

async function getDocument(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  const target = targetOf(request)
  const projection = objectField(request, 'projection')
  const id = documentId(request)
  if (id !== undefined) {
    const found = await documents.get({ ...target, id, ...(projection && { projection }) }, callerOf(request))
    return { data: { list: found === undefined ? [] : [found], offset: 0, limit: 1 } }
  }
  const query = objectField(request, 'query')
  const order = objectField(request, 'order')
  const skip = numberField(request, 'offset')
  const found = await documents.find(
    {
      ...target,
      ...(query && { query }),
      ...(order && { order }),
      ...(projection && { projection }),
      ...(skip !== undefined && { skip }),
      limit: numberField(request, 'limit') ?? LIMITS.serverPage,
    },
    callerOf(request),
  )
  return { data: { list: found.documents, offset: found.skip, limit: found.limit } }
}

async function insertDocument(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  const texts = listField(request, 'data', LIMITS.batchDocuments)
  const parsed = texts.map((item) =>
    asObject(typeof item === 'string' ? parseJson(item, 'data') : (item as Json), 'data'),
  ) // safe: JSON from the body
  const { ids } = await documents.add({ ...targetOf(request), documents: parsed }, callerOf(request))
  return { data: { insertedIds: ids } }
}

/** One action for three methods: `doc.set` replaces or creates, `doc.update` and `where().update` change. */
async function modifyDocument(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  const target = targetOf(request)
  const data = objectField(request, 'data') ?? {}
  const id = documentId(request)
  if (request.fields['merge'] === false && id !== undefined) {
    const { updated, createdId } = await documents.set({ ...target, id, document: data }, callerOf(request))
    return { data: { updated, ...(createdId !== undefined && { upsert_id: createdId }) } }
  }
  const { updated } = await documents.update({ ...target, ...matchOf(request), changes: data }, callerOf(request))
  return { data: { updated } }
}

async function removeDocument(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  const { removed } = await documents.remove({ ...targetOf(request), ...matchOf(request) }, callerOf(request))
  return { data: { deleted: removed } }
}

async function calculateDocument(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  const query = objectField(request, 'query')
  const total = await documents.count({ ...targetOf(request), ...(query && { query }) }, callerOf(request))
  return { data: { total } }
}

async function aggregateDocuments(request: AdminRequest, services: Services): ReturnType<AdminAction> {
  const found = await aggregated(request, services)
  return { data: { list: found.documents } }
}

function aggregated(request: AdminRequest, { documents }: Services) {
  const stages = listField(request, 'stages', LIMITS.aggregateStages).map((stage) => {
    const { stageKey, stageValue } = asObject(stage as Json, 'stages') // safe: JSON from the body
    const value = typeof stageValue === 'string' ? parseJson(stageValue, 'stages') : (stageValue ?? null)
    return { [String(stageKey)]: value }
  })
  return documents.aggregate({ ...targetOf(request), stages }, callerOf(request))
}

/** As @cloudbase/node-sdk up to 2.1 asks: the list is a text, too. */
async function aggregateAsText(request: AdminRequest, services: Services): ReturnType<AdminAction> {
  const found = await aggregated(request, services)
  return { data: { list: JSON.stringify(found.documents) } }
}

async function modifyAndReturnDoc(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  const query = objectField(request, 'query') ?? {}
  const changes = objectField(request, 'data') ?? {}
  const { updated, document } = await documents.updateAndReturn(
    { ...targetOf(request), query, changes },
    callerOf(request),
  )
  return { data: { updated, doc: document ?? null } }
}

async function addCollection(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  await documents.createCollection({ name: textField(request, 'collectionName'), rules: 'PRIVATE', indexes: [] })
  return { data: {} }
}

/** The one answer whose content does not lie under `data`. */
async function startTransaction(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  return await documents.beginTransaction(callerOf(request))
}

async function commitTransaction(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  await documents.commitTransaction(textField(request, 'transactionId'), callerOf(request))
  return { data: {} }
}

async function abortTransaction(request: AdminRequest, { documents }: Services): ReturnType<AdminAction> {
  await documents.rollbackTransaction(textField(request, 'transactionId'), callerOf(request))
  return { data: {} }
}

type Services = Parameters<AdminAction>[1]

const targetOf = (request: AdminRequest) => {
  const transactionId = optionalText(request, 'transactionId')
  return { collection: textField(request, 'collectionName'), ...(transactionId && { transactionId }) }
}

const callerOf = ({ identity, timeLeftMs }: AdminRequest): DocumentCaller => ({
  identity,
  timeoutMs: Math.min(timeLeftMs, TIMEOUT_MS_MAX),
})

/** The id that `doc(id)` asks for; undefined for queries. */
function documentId(request: AdminRequest): Json | undefined {
  if (request.fields['queryType'] !== 'DOC') return undefined
  return objectField(request, 'query')?.['_id']
}

function matchOf(request: AdminRequest): { id?: Json; query?: JsonObject; multi?: boolean } {
  const id = documentId(request)
  if (id !== undefined) return { id }
  return { query: objectField(request, 'query') ?? {}, multi: request.fields['multi'] !== false }
}
