/** What `cloud.database()` offers, as CloudBase documents it. */
import type { DocumentsApi, DocumentVerb } from '@sampan/protocol/documents'
import type { Answered, Callable, CallableBare } from '../call-style.ts'
import type { Watch, WatchOptions } from '../realtime-types.ts'
import type { Aggregate } from './aggregate.ts'
import type { DatabaseCommand } from './command.ts'
import type { Geo } from './geometry.ts'
import type { DatabaseRegExp, RegExpOptions, ServerDate } from './marker-values.ts'

/** How the builder reaches the server. */
export type DocumentCalls = <Verb extends DocumentVerb>(
  verb: Verb,
  request: DocumentsApi[Verb]['request'],
) => Promise<DocumentsApi[Verb]['response'] & Queued>

/** Set on the answer of a write that waits on the phone for the network. */
export type Queued = { isQueued?: true }

export type Fields = Record<string, unknown>
// biome-ignore lint/suspicious/noExplicitAny: pages read the fields of their own records without declaring them
export type RecordData = { _id?: string | number; [field: string]: any }
export type Data = { data: Fields }
export type Id = string | number

type Updated = Answered<{ stats: { updated: number } } & Queued>
type Removed = Answered<{ stats: { removed: number } } & Queued>

export type Watchable = { watch(options: WatchOptions): Watch }

/** A condition with order, page and fields. Each step returns a new one. */
export type Query = Watchable & {
  where(condition: object): Query
  orderBy(field: string, direction: string): Query
  limit(count: number): Query
  skip(count: number): Query
  field(fields: Fields): Query
  get: CallableBare<Answered<{ data: RecordData[] }>>
  count: CallableBare<Answered<{ total: number }>>
  update: Callable<Data, Updated>
  remove: CallableBare<Removed>
}

export type Collection = Query & {
  readonly collectionName: string
  doc(id: Id): Document
  add: Callable<Data, Answered<{ _id: Id } & Queued>>
  aggregate(): Aggregate
}

export type Document = Watchable & {
  field(fields: Fields): Document
  get: CallableBare<Answered<{ data: RecordData }>>
  set: CallableBare<Answered<{ _id: Id; stats: { updated: number; created: number } } & Queued>, Data>
  update: CallableBare<Updated, Data>
  remove: CallableBare<Removed>
}

export type Database = {
  readonly config: { env?: string; traceUser?: boolean }
  readonly command: DatabaseCommand
  readonly Geo: typeof Geo
  readonly serverDate: (options?: { offset?: number }) => ServerDate
  readonly RegExp: { new (options: RegExpOptions): DatabaseRegExp; (options: RegExpOptions): DatabaseRegExp }
  collection(name: string): Collection
}
