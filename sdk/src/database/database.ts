/** `cloud.database()`: each method says what to send and how to read the answer; `caller` does the rest. */
import type { EjsonObject } from '@sampan/protocol/documents'
import { type Answered, type Callbacks, report } from '../call-style.ts'
import { badArgument, databaseErrMsg } from '../cloud-error.ts'
import { isPlainObject } from '../plain-object.ts'
import type { OpenWatchCall } from '../realtime-types.ts'
import { createAggregate } from './aggregate.ts'
import { command } from './command.ts'
import type { Collection, Data, Database, Document, DocumentCalls, Fields, Id, Query } from './database-types.ts'
import { decodeValue } from './decode.ts'
import { encodeQuery, encodeUpdate, encodeValue } from './encode.ts'
import { Geo } from './geometry.ts'
import { DatabaseRegExp, type RegExpOptions, ServerDate } from './marker-values.ts'

export function createDatabase(calls: DocumentCalls, watch: OpenWatchCall, config: Database['config']): Database {
  return {
    config,
    command,
    Geo,
    serverDate: ({ offset } = {}) => new ServerDate(offset),
    // A plain function returns what it makes whether it is called with `new` or without.
    RegExp: function make(options: RegExpOptions) {
      return new DatabaseRegExp(options)
    } as unknown as Database['RegExp'],
    collection(name) {
      if (!name) throw new Error('Collection name is required')
      return createCollection({ calls, watch }, name)
    },
  }
}

/** How the builder reaches the server. */
type Server = { readonly calls: DocumentCalls; readonly watch: OpenWatchCall }

function createCollection(server: Server, collection: string): Collection {
  const call = caller(server, 'collection', collection)
  const members = {
    collectionName: collection,
    doc(id: Id) {
      if (typeof id !== 'string' && typeof id !== 'number') throw new Error('docId必须为字符串或数字')
      return createDocument(server, { collection, id })
    },
    add: call(
      'add',
      (options: Data) => ({ collection, data: encodeValue(checkData(options)) }),
      ({ _id, _ids }: Fields) => (_ids ? { _ids } : { _id }),
    ),
    aggregate: () =>
      createAggregate((stages) => {
        const end = call(
          'aggregate',
          () => ({ collection, stages }),
          ({ data }: { data: unknown[] }) => ({ list: data.map(decodeValue) }),
        )
        return end() as Promise<{ list: unknown[]; errMsg: string }> // without callbacks it is a promise
      }),
  }
  return Object.assign(createQuery(server, { collection }, {}), members) as Collection // call() states no types
}

type Target = { collection: string; query?: EjsonObject }
type Page = { order?: EjsonObject; skip?: number; limit?: number; projection?: EjsonObject }

function createQuery(server: Server, target: Target, page: Page): Query {
  const call = caller(server, 'collection', target.collection)
  const withPage = (more: Page) => createQuery(server, target, { ...page, ...more })
  return {
    where: (condition) => createQuery(server, { ...target, query: encodeQuery(checkCondition(condition)) }, page),
    orderBy(field, direction) {
      if (direction !== 'asc' && direction !== 'desc') throw new Error('排序字符不合法')
      return withPage({ order: { ...page.order, [field]: encodeValue(direction === 'desc' ? -1 : 1) } })
    },
    limit: (count) => withPage({ limit: checkInteger('limit', count) }),
    skip: (count) => withPage({ skip: checkInteger('skip', count) }),
    field: (fields) => withPage({ projection: encodeProjection(fields) }),
    get: call(
      'get',
      () => ({ ...target, ...page }),
      ({ data }: { data: unknown[] }) => ({ data: data.map(decodeValue) }),
      'find',
    ),
    count: call(
      'count',
      () => target,
      ({ total }: { total: number }) => ({ total }),
    ),
    update: call(
      'update',
      (options: Data) => ({ ...target, data: encodeUpdate(checkChanges(options)), multi: true }),
      readUpdated,
    ),
    remove: call('remove', () => ({ ...target, multi: true }), readRemoved),
    watch: (options) => server.watch({ ...target, ...page }, options),
  } as Query // call() states no types
}

function createDocument(server: Server, target: { collection: string; id: Id; projection?: EjsonObject }): Document {
  const { collection, id } = target
  const call = caller(server, 'document', collection, id)
  return {
    field: (fields) => createDocument(server, { ...target, projection: encodeProjection(fields) }),
    get: call(
      'get',
      () => target,
      ({ data }: Data) => ({ data: decodeValue(data) }),
    ),
    set: call(
      'set',
      (options: Data) => ({ collection, id, data: encodeValue(checkChanges(options)) }),
      ({ _id, updated, created }: Fields) => ({ _id, stats: { updated, created } }),
    ),
    update: call(
      'update',
      (options: Data) => ({ collection, id, data: encodeUpdate(checkChanges(options)) }),
      readUpdated,
    ),
    remove: call('remove', () => ({ collection, id }), readRemoved),
    watch: (options) => server.watch({ collection, query: { _id: encodeValue(id) } }, options),
  } as Document // call() states no types
}

type AnyCalls = (verb: string, request: object) => Promise<{ isQueued?: true }>

/** Makes methods such as `collection.get`: by promise or by callbacks, with CloudBase's texts for success and failure. */
function caller({ calls }: Server, noun: 'collection' | 'document', collection: string, id?: Id) {
  return <Options, Answer, Result extends object>(
    name: string,
    request: (options: Options) => object,
    read: (answer: Answer) => Result,
    verb = name,
  ) =>
    (options?: unknown) =>
      report(options as Callbacks<Answered<Result>> | undefined, {
        api: `${noun}.${name}`,
        work: async () => {
          const answer = await (calls as unknown as AnyCalls)(verb, request((options || {}) as Options)) // what the protocol says of the verb
          return { ...read(answer as Answer), ...(answer.isQueued && { isQueued: true }) }
        },
        describe: (api, facts) => databaseErrMsg(api, facts, collection, id),
      })
}

const readUpdated = ({ updated }: { updated: number }) => ({ stats: { updated } })
const readRemoved = ({ removed }: { removed: number }) => ({ stats: { removed } })

function checkCondition(condition: unknown) {
  if (!isPlainObject(condition)) throw new Error('查询参数必须为对象')
  const keys = Object.keys(condition)
  if (keys.length && keys.every((key) => condition[key] === undefined))
    throw new Error('查询参数对象值不能均为undefined')
  return condition
}

function checkInteger(name: string, value: number) {
  if (!Number.isInteger(value)) throw new Error(`${name} must be integer`)
  return value
}

/** `{ a: true, b: 0, list: _.project.slice(3) }` → `{ a: 1, b: 0, list: { $slice: 3 } }` */
function encodeProjection(fields: Fields): EjsonObject {
  const projection: Fields = {}
  for (const key of Object.keys(fields)) {
    const wanted = fields[key]
    projection[key] = typeof wanted === 'object' ? wanted : Number(wanted) > 0 ? 1 : 0
  }
  return encodeValue(projection) as EjsonObject // an object stays one
}

function checkData({ data }: Data) {
  if (!data || typeof data !== 'object') throw badArgument('参数必需是非空对象')
  return data
}

/** Changes of a record, which keeps its id. */
function checkChanges(options: Data) {
  const data = checkData(options)
  if ('_id' in data) throw badArgument('不能更新_id的值')
  return data
}
