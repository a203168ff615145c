/** add, set, update and remove: authorise, decode, and hand a transaction script to the database. */
import { createHash } from 'node:crypto'
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { type Identity, isUnderRules } from '../sessions/identity.ts'
import { authorise, OWNER_FIELD, refuseOwnerField, withOwner } from './authorise.ts'
import type { Collection } from './collection-catalogue.ts'
import { insertIfAbsent, lockClause } from './collection-tables.ts'
import { compileFilterSql } from './compile-filter.ts'
import { decodeDocument, documentText } from './decode-document.ts'
import { decodeFilter } from './decode-filter.ts'
import { decodeUpdate } from './decode-update.ts'
import { decodeValue, startDecoding } from './decode-value.ts'
import { allOf, EVERYTHING, type Filter } from './document-filter.ts'
import { idKey, newId } from './document-id.ts'
import type {
  AddRequest,
  DocumentCaller,
  Json,
  JsonObject,
  RemoveRequest,
  SetRequest,
  UpdateRequest,
} from './document-request.ts'
import { insertDocuments, putDocument, removeDocuments, updateDocuments } from './document-writes.ts'
import type { Engine } from './documents-needs.ts'
import { byId, timeoutOf } from './read-documents.ts'
import type { IdempotencyClaim } from './write-idempotency.ts'

export async function addDocuments(
  engine: Engine,
  request: AddRequest,
  caller: DocumentCaller,
): Promise<{ ids: Json[] }> {
  const nowMs = engine.now()
  const collection = await engine.catalogue.get(request.collection)
  authorise('create', collection, caller.identity)
  if (request.documents.length === 0 || request.documents.length > LIMITS.batchDocuments) {
    const reason = `must hold 1 to ${LIMITS.batchDocuments} documents`
    throw new AppError('invalid_document', `data ${reason}.`, { details: { path: 'data', reason } })
  }
  const documents = request.documents.map((document) => prepare(document, undefined, caller.identity, nowMs))
  const rows = documents.map((document) => ({ key: idKey(document['_id'] ?? null), text: documentText(document) }))
  const ids = documents.map((document) => document['_id'] ?? null)
  const target = targetOf(engine, collection, caller, ['add', request])
  const result = await engine.database.transact(
    insertDocuments,
    { ...target, rows, ids },
    { timeoutMs: timeoutOf(engine, caller) },
  )
  return { ids: [...result.ids].filter((id) => id !== undefined) }
}

/** Decodes, puts `_id` first and the owner last, as CloudBase stores them. */
function prepare(document: JsonObject, id: Json | undefined, identity: Identity, nowMs: number): JsonObject {
  const { _id, ...fields } = decodeDocument(document, nowMs)
  return withOwner({ _id: id ?? _id ?? newId(nowMs), ...fields }, identity)
}

export async function setDocument(engine: Engine, request: SetRequest, caller: DocumentCaller) {
  const nowMs = engine.now()
  const collection = await engine.catalogue.get(request.collection)
  const filter = authorise('update', collection, caller.identity)
  authorise('create', collection, caller.identity)
  const id = decodeValue(request.id, startDecoding('invalid_document', nowMs), '_id', 1)
  const document = prepare(request.document, id, caller.identity, nowMs)
  const text = documentText(document)
  const result = await engine.database.transact(
    putDocument,
    {
      ...targetOf(engine, collection, caller, ['set', request]),
      key: idKey(id),
      text,
      createText: text,
      filter: filter === EVERYTHING ? undefined : filter,
    },
    { timeoutMs: timeoutOf(engine, caller) },
  )
  return { updated: result.updated, createdId: result.isCreated ? id : undefined }
}

export async function updateSelected(
  engine: Engine,
  request: UpdateRequest,
  caller: DocumentCaller,
  isReturning: boolean,
) {
  const nowMs = engine.now()
  const changes = decodeUpdate(request.changes, nowMs)
  if (isUnderRules(caller.identity)) {
    const touched = changes.flatMap((change) => (change.kind === 'rename' ? [change.path, change.to] : [change.path]))
    refuseOwnerField(touched.some((path) => path.split('.')[0] === OWNER_FIELD))
  }
  const collection = await engine.catalogue.get(request.collection)
  const filter = allOf([authorise('update', collection, caller.identity), selectionOf(request, nowMs)])
  const result = await engine.database.transact(
    updateDocuments,
    {
      ...targetOf(engine, collection, caller, ['update', request]),
      ...compiledSelection(engine, collection, filter),
      changes,
      isMulti: isMulti(request),
      isReturning,
    },
    { timeoutMs: timeoutOf(engine, caller) },
  )
  return { updated: result.updated, document: result.text }
}

export async function removeSelected(engine: Engine, request: RemoveRequest, caller: DocumentCaller) {
  const collection = await engine.catalogue.get(request.collection)
  const filter = allOf([authorise('delete', collection, caller.identity), selectionOf(request, engine.now())])
  return engine.database.transact(
    removeDocuments,
    {
      ...targetOf(engine, collection, caller, ['remove', request]),
      ...compiledSelection(engine, collection, filter),
      isMulti: isMulti(request),
    },
    { timeoutMs: timeoutOf(engine, caller) },
  )
}

const isMulti = ({ id, multi }: { id?: Json; multi?: boolean }) => id === undefined && multi !== false

function selectionOf({ id, query }: { id?: Json; query?: JsonObject }, nowMs: number): Filter {
  if (id === undefined && query === undefined) {
    const details = { path: 'query', reason: 'is missing' }
    throw new AppError('invalid_query', 'A change needs an id or a query.', { details })
  }
  return allOf([...(id === undefined ? [] : [byId(id, nowMs)]), decodeFilter(query, nowMs)])
}

function compiledSelection(engine: Engine, collection: Collection, filter: Filter) {
  const { sql, isExact } = compileFilterSql(filter, collection.source)
  const guard = engine.database.dialect.deadlineGuard
  const isById = sql.text.startsWith('_id = ?') || sql.text.startsWith('(_id = ? AND')
  const where = guard && !isById ? `${sql.text} AND ${guard}` : sql.text
  return { where, params: sql.params, filter: isExact ? undefined : filter }
}

function targetOf(engine: Engine, collection: Collection, caller: DocumentCaller, parameters: Json | unknown) {
  const { dialect } = engine.database
  return {
    table: dialect.quote(collection.table),
    lock: lockClause(dialect),
    claim: claimOf(engine, caller, parameters),
  }
}

/** Keys of different callers never meet. */
function claimOf(
  { now, settings, database }: Engine,
  { identity, idempotencyKey }: DocumentCaller,
  parameters: unknown,
): IdempotencyClaim | undefined {
  if (idempotencyKey === undefined) return undefined
  if (idempotencyKey === '' || idempotencyKey.length > LIMITS.idempotencyKeyCharacters) {
    const reason = `must have 1 to ${LIMITS.idempotencyKeyCharacters} characters`
    throw new AppError('invalid_request', `Idempotency-Key ${reason}.`, {
      details: { path: 'Idempotency-Key', reason },
    })
  }
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const nowMs = now()
  return {
    id: sha256(JSON.stringify([callerName(identity), idempotencyKey])),
    hash: sha256(JSON.stringify(parameters)),
    nowMs,
    expiresAtMs: nowMs + settings.idempotencyTtlMs,
    insertSql: insertIfAbsent(database.dialect, 'sampan_idempotency (id, hash, expires_at_ms) VALUES (?, ?, ?)'),
  }
}

function callerName(identity: Identity): string {
  switch (identity.kind) {
    case 'user':
      return `user ${identity.appId} ${identity.openId}`
    case 'function':
      return `function ${identity.name} ${identity.user?.openId ?? ''}`
    case 'key':
      return `key ${identity.keyId}`
    case 'administrator':
      return `administrator ${identity.id}`
    case 'anonymous':
      return 'anonymous'
  }
}
