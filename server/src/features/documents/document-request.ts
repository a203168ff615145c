/**
 * The request tree: what every door (phone, functions, console, realtime, export) builds and hands to `Documents`.
 *
 * `query`, `data`, `order`, `projection` and `stages` are parsed JSON that still holds Extended JSON (`{"$date": …}`,
 * `{"$numberInt": "1"}`, CloudBase's `{"$tcb_server_date": {"offset": 0}}`), exactly as the wire carries it: MongoDB's
 * query, update and aggregation language. `Documents` is the only place that interprets them.
 */
import type { Row, SqlValue } from '../../database/database.ts'
import type { Identity } from '../sessions/identity.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** What all requests share. */
type Common = {
  readonly collection: string
  /** Inside this transaction. */
  readonly transactionId?: string
}

export type FindRequest = Common & {
  readonly query?: JsonObject
  /** `{ field: 1 | -1 }`, in order. */
  readonly order?: JsonObject
  readonly skip?: number
  readonly limit?: number
  readonly projection?: JsonObject
}
/** `doc(id).get()`: answers at most one document; the security rules treat it apart from a query. */
export type GetRequest = Common & { readonly id: Json; readonly projection?: JsonObject }
export type CountRequest = Common & { readonly query?: JsonObject }
export type AddRequest = Common & { readonly documents: readonly JsonObject[] }
/** Replaces the document, or creates it. */
export type SetRequest = Common & { readonly id: Json; readonly document: JsonObject }
export type UpdateRequest = Common & {
  /** Either one document by id, or all (`multi`) or one of those that match the query. */
  readonly id?: Json
  readonly query?: JsonObject
  readonly multi?: boolean
  /** MongoDB update operators: `{ $set: …, $inc: … }`. */
  readonly changes: JsonObject
}
export type RemoveRequest = Common & { readonly id?: Json; readonly query?: JsonObject; readonly multi?: boolean }
export type AggregateRequest = Common & { readonly stages: readonly JsonObject[] }

/** One of several writes that happen together or not at all. SQL is for the owner's code only. */
export type TogetherStep =
  | { readonly add: AddRequest }
  | { readonly set: SetRequest }
  | { readonly update: UpdateRequest }
  | { readonly remove: RemoveRequest }
  | SqlTogetherStep
export type SqlTogetherStep = {
  /** One statement with `?` for its parameters. */
  readonly sql: string
  readonly params?: readonly SqlValue[]
  /** Rows that it must change; with any other number nothing is written. */
  readonly changes?: number
}
/** What a step did: as its verb answers, or what the statement returned. */
export type TogetherOutcome =
  | { readonly ids: readonly Json[] }
  | { readonly updated: number; readonly createdId?: Json | undefined }
  | { readonly removed: number }
  | { readonly changes: number; readonly rows: readonly Row[] }

/** Who asks, until when, and under which Idempotency-Key. */
export type DocumentCaller = {
  readonly identity: Identity
  /** Time left for this request, in milliseconds. */
  readonly timeoutMs?: number
  readonly idempotencyKey?: string
}

/** A document as its stored EJSON text: passed through to the wire without parsing. */
export type DocumentText = string

export type Explanation = {
  readonly sql: string
  /** The database's own plan, one line per step. */
  readonly plan: readonly string[]
  readonly index: string | undefined
  /** True if SQL alone decides; otherwise `residual` names what runs in JavaScript on the rows that SQL returns. */
  readonly isExact: boolean
  readonly residual: readonly string[]
  /** A ready command that creates the index which would help, if one would. */
  readonly proposedIndex: string | undefined
}

/** The simple permission modes of CloudBase, or security rules. */
export type CollectionRules =
  | 'READONLY'
  | 'PRIVATE'
  | 'ADMINWRITE'
  | 'ADMINONLY'
  | ({ readonly [action in 'read' | 'write' | 'create' | 'update' | 'delete']?: boolean | string | undefined } & {
      /** A simple mode, where only protected fields are to be added to it. */
      readonly mode?: 'READONLY' | 'PRIVATE' | 'ADMINWRITE' | 'ADMINONLY' | undefined
      /** Fields, by path, that clients can neither read nor write, filter or sort by. */
      readonly protectedFields?: readonly string[] | undefined
    })

export type IndexDefinition = {
  readonly name?: string | undefined
  /** `{ 'a.b': 1, createdAt: -1 }`, `{ location: '2dsphere' }`, or `{ members: 'array' }` for a list's elements. */
  readonly fields: Readonly<Record<string, 1 | -1 | '2dsphere' | 'array'>>
  readonly unique?: boolean | undefined
}

export type CollectionDefinition = {
  readonly name: string
  readonly rules: CollectionRules
  readonly indexes: readonly IndexDefinition[]
}

/** The document engine, as the doors see it. All methods throw AppErrors from the "documents" part of the table. */
export interface Documents {
  find(
    request: FindRequest,
    caller: DocumentCaller,
  ): Promise<{ documents: DocumentText[]; limit: number; skip: number }>
  get(request: GetRequest, caller: DocumentCaller): Promise<DocumentText | undefined>
  count(request: CountRequest, caller: DocumentCaller): Promise<number>
  add(request: AddRequest, caller: DocumentCaller): Promise<{ ids: Json[] }>
  set(request: SetRequest, caller: DocumentCaller): Promise<{ updated: number; createdId: Json | undefined }>
  update(request: UpdateRequest, caller: DocumentCaller): Promise<{ updated: number }>
  /** CloudBase's modifyAndReturnDoc: changes one document and answers it as it is afterwards. */
  updateAndReturn(
    request: UpdateRequest,
    caller: DocumentCaller,
  ): Promise<{ updated: number; document: DocumentText | undefined }>
  remove(request: RemoveRequest, caller: DocumentCaller): Promise<{ removed: number }>
  /**
   * Several writes, of documents and in SQL, in one transaction.
   * @throws {AppError} as each of them; `transaction_conflict` where a statement changed another number of rows
   */
  writeTogether(steps: readonly TogetherStep[], caller: DocumentCaller): Promise<TogetherOutcome[]>
  aggregate(request: AggregateRequest, caller: DocumentCaller): Promise<{ documents: DocumentText[] }>
  explain(request: FindRequest | AggregateRequest, caller: DocumentCaller): Promise<Explanation>

  beginTransaction(caller: DocumentCaller): Promise<{ transactionId: string }>
  commitTransaction(transactionId: string, caller: DocumentCaller): Promise<void>
  rollbackTransaction(transactionId: string, caller: DocumentCaller): Promise<void>

  listCollections(): Promise<(CollectionDefinition & { documents: number })[]>
  /** One collection's rules and indexes, from memory. */
  findCollection(name: string): Promise<CollectionDefinition | undefined>
  /** @throws {AppError} `collection_exists` */
  createCollection(definition: CollectionDefinition): Promise<void>
  /** Makes the collection as the project declares it: creates it, sets rules, adds missing indexes. Never drops data. */
  declareCollection(definition: CollectionDefinition): Promise<void>
  setRules(collection: string, rules: CollectionRules): Promise<void>
  createIndex(collection: string, index: IndexDefinition): Promise<{ name: string }>
  dropIndex(collection: string, name: string): Promise<void>
  dropCollection(collection: string): Promise<void>
  close(): Promise<void>
}
