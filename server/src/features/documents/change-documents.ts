/** add, set, update and remove: authorise, decode, and hand a transaction script to the database. */
import { LIMITS } from '@sampan/protocol/limits'
import type { TransactionScript } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { type Identity, isUnderRules } from '../sessions/identity.ts'
import { isPositional } from './array-position.ts'
import { authorise, OWNER_FIELD, type Permission, refuseOwnerField, withCallersId, withOwner } from './authorise.ts'
import type { Collection } from './collection.ts'
import { lockClause } from './collection-tables.ts'
import { decodeDocument, documentText } from './decode-document.ts'
import { decodeFilter } from './decode-filter.ts'
import { type Change, decodeUpdate } from './decode-update.ts'
import { decodeValue, startDecoding } from './decode-value.ts'
import { allOf, EVERYTHING, type Filter } from './document-filter.ts'
import { idKey, newId } from './document-id.ts'
import { withField } from './document-path.ts'
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
import { NOTHING } from './evaluate-rule.ts'
import { protectedFieldsOf, withoutProtected } from './protected-fields.ts'
import { byId, timeoutOf } from './read-documents.ts'
import { writeSelection } from './select-for-write.ts'
import { claimOf } from './write-claim.ts'

/** A write that is authorised and decoded: only its transaction is missing. */
export type PreparedWrite<Args, Result, Answer> = {
  readonly script: TransactionScript<Args, Result>
  readonly args: Args
  answer(result: Result): Answer
}

async function run<Args, Result, Answer>(
  engine: Engine,
  caller: DocumentCaller,
  { script, args, answer }: PreparedWrite<Args, Result, Answer>,
): Promise<Answer> {
  return answer(await engine.database.transact(script, args, { timeoutMs: timeoutOf(engine, caller) }))
}

export const addDocuments = async (engine: Engine, request: AddRequest, caller: DocumentCaller) =>
  run(engine, caller, await prepareAdd(engine, request, caller))

export const setDocument = async (engine: Engine, request: SetRequest, caller: DocumentCaller) =>
  run(engine, caller, await prepareSet(engine, request, caller))

export const updateSelected = async (
  engine: Engine,
  request: UpdateRequest,
  caller: DocumentCaller,
  isReturning: boolean,
) => run(engine, caller, await prepareUpdate(engine, request, caller, isReturning))

export const removeSelected = async (engine: Engine, request: RemoveRequest, caller: DocumentCaller) =>
  run(engine, caller, await prepareRemove(engine, request, caller))

export async function prepareAdd(engine: Engine, request: AddRequest, caller: DocumentCaller) {
  const nowMs = engine.now()
  const collection = await engine.catalogue.get(request.collection)
  if (request.documents.length === 0 || request.documents.length > LIMITS.batchDocuments) {
    const reason = `must hold 1 to ${LIMITS.batchDocuments} documents`
    throw new AppError('invalid_document', `data ${reason}.`, { details: { path: 'data', reason } })
  }
  const documents = request.documents.map((document) => prepareDocument(document, undefined, caller.identity, nowMs))
  for (const document of documents) {
    await authorise(engine, { action: 'create', collection, identity: caller.identity, document })
  }
  const rows = documents.map((document) => ({ key: idKey(document['_id'] ?? null), text: documentText(document) }))
  const ids = documents.map((document) => document['_id'] ?? null)
  const target = targetOf(engine, collection, caller, ['add', request])
  return prepared(insertDocuments, { ...target, rows, ids }, (result) => ({
    ids: [...result.ids].filter((id) => id !== undefined),
  }))
}

/** Only tells the types of the parts apart. */
const prepared = <Args, Result, Answer>(
  script: TransactionScript<Args, Result>,
  args: Args,
  answer: (result: Result) => Answer,
): PreparedWrite<Args, Result, Answer> => ({ script, args, answer })

/** Decodes, puts `_id` first and the owner last, as CloudBase stores them. */
export function prepareDocument(
  document: JsonObject,
  id: Json | undefined,
  identity: Identity,
  nowMs: number,
): JsonObject {
  const { _id, ...fields } = decodeDocument(document, nowMs)
  return withOwner({ _id: id ?? _id ?? newId(nowMs), ...fields }, identity)
}

export async function prepareSet(engine: Engine, request: SetRequest, caller: DocumentCaller) {
  const nowMs = engine.now()
  const collection = await engine.catalogue.get(request.collection)
  const { identity } = caller
  const id = decodeValue(request.id, startDecoding('invalid_document', nowMs), '_id', 1)
  const document = prepareDocument(request.document, id, identity, nowMs)
  await authorise(engine, { action: 'create', collection, identity, document })
  const filter = await replaceFilter(engine, {
    action: 'update',
    collection,
    identity,
    query: byId(id, nowMs),
    data: document,
  })
  const text = documentText(document)
  const args = {
    ...targetOf(engine, collection, caller, ['set', request]),
    key: idKey(id),
    text,
    createText: text,
    filter: filter === EVERYTHING ? undefined : filter,
  }
  return prepared(putDocument, args, (result) => ({
    updated: result.updated,
    createdId: result.isCreated ? id : undefined,
  }))
}

/** Who may create but not replace may still set a record that is not there. */
async function replaceFilter(engine: Engine, permission: Permission): Promise<Filter> {
  // Replacing would take away fields that the caller cannot even see.
  if (isUnderRules(permission.identity) && protectedFieldsOf(permission.collection).length) return NOTHING
  try {
    return await authorise(engine, permission)
  } catch (error) {
    if (error instanceof AppError && error.code === 'permission_denied') return NOTHING
    throw error
  }
}

export async function prepareUpdate(
  engine: Engine,
  request: UpdateRequest,
  caller: DocumentCaller,
  isReturning: boolean,
) {
  const nowMs = engine.now()
  const changes = decodeUpdate(request.changes, nowMs)
  const touched = changes.flatMap((change) => (change.kind === 'rename' ? [change.path, change.to] : [change.path]))
  if (isUnderRules(caller.identity)) refuseOwnerField(touched.some((path) => path.split('.')[0] === OWNER_FIELD))
  const collection = await engine.catalogue.get(request.collection)
  const { identity } = caller
  const query = selectionFilter({ ...request, query: withCallersId(request.query, identity) }, nowMs)
  const data = plainData(changes)
  const filter = allOf([
    query,
    await authorise(engine, { action: 'update', collection, identity, query, data, paths: touched }),
  ])
  const args = {
    ...targetOf(engine, collection, caller, ['update', request]),
    ...(await writeSelection(engine, collection, filter, caller)),
    changes,
    isMulti: isMulti(request),
    isReturning,
    ...(changes.some(isPositional) && { query }),
  }
  return prepared(updateDocuments, args, (result) => {
    const [document] = withoutProtected(collection, identity, result.text === undefined ? [] : [result.text])
    return { updated: result.updated, document }
  })
}

export async function prepareRemove(engine: Engine, request: RemoveRequest, caller: DocumentCaller) {
  const collection = await engine.catalogue.get(request.collection)
  const { identity } = caller
  const query = selectionFilter({ ...request, query: withCallersId(request.query, identity) }, engine.now())
  const filter = allOf([query, await authorise(engine, { action: 'delete', collection, identity, query })])
  const args = {
    ...targetOf(engine, collection, caller, ['remove', request]),
    ...(await writeSelection(engine, collection, filter, caller)),
    isMulti: isMulti(request),
  }
  return prepared(removeDocuments, args, ({ removed }) => ({ removed }))
}

/** What an update sets to plain values, as rules see it in `request.data`. */
function plainData(changes: readonly Change[]): JsonObject {
  return changes.reduce<JsonObject>(
    (data, change) =>
      change.kind === 'set' && !isPositional(change) ? withField(data, change.path.split('.'), change.value) : data,
    {},
  )
}

const isMulti = ({ id, multi }: { id?: Json; multi?: boolean }) => id === undefined && multi !== false

export function selectionFilter(
  { id, query }: { readonly id?: Json; readonly query?: JsonObject | undefined },
  nowMs: number,
): Filter {
  if (id === undefined && query === undefined) {
    const details = { path: 'query', reason: 'is missing' }
    throw new AppError('invalid_query', 'A change needs an id or a query.', { details })
  }
  return allOf([...(id === undefined ? [] : [byId(id, nowMs)]), decodeFilter(query, nowMs)])
}

function targetOf(engine: Engine, collection: Collection, caller: DocumentCaller, parameters: Json | unknown) {
  const { dialect } = engine.database
  return {
    table: dialect.quote(collection.table),
    lock: lockClause(dialect),
    claim: claimOf(engine, caller, parameters),
  }
}
