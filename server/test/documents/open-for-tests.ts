/** One engine for a `describe` block, with fresh collections and a clock that the test owns. */
import { after, before } from 'node:test'
import type {
  CollectionRules,
  DocumentCaller,
  Documents,
  IndexDefinition,
  Json,
  JsonObject,
} from '../../src/features/documents/document-request.ts'
import { openDocuments } from '../../src/features/documents/documents.ts'
import type { DocumentSettings, SlowQuery } from '../../src/features/documents/documents-needs.ts'
import { asFunction, type OpenedDatabase, quietLog } from './document-fixtures.ts'

export type DocumentsUnderTest = {
  documents(): Documents
  opened(): OpenedDatabase
  clock: { nowMs: number }
  slowQueries: SlowQuery[]
  freshCollection(
    records?: readonly JsonObject[],
    rules?: CollectionRules,
    indexes?: readonly IndexDefinition[],
  ): Promise<string>
  /** Ids of what the query finds, in their order. */
  found(collection: string, query: JsonObject, caller?: DocumentCaller): Promise<Json[]>
  /** The stored document, or null. */
  stored(collection: string, id: Json): Promise<JsonObject | null>
}

let opened = 0

export function openForTests(
  open: () => Promise<OpenedDatabase>,
  settings: Partial<DocumentSettings> = {},
): DocumentsUnderTest {
  let database: OpenedDatabase | undefined
  let engine: Documents | undefined
  let collections = 0
  const prefix = `t${++opened}x`
  const clock = { nowMs: Date.UTC(2026, 5, 1) }
  const slowQueries: SlowQuery[] = []
  before(async () => {
    database = await open()
    engine = await openDocuments({
      database: database.database,
      log: quietLog,
      now: () => clock.nowMs,
      settings,
      onSlowQuery: (query) => slowQueries.push(query),
    })
  })
  after(async () => {
    await engine?.close()
    await database?.close()
  })
  const required = <Value>(value: Value | undefined): Value => {
    if (value === undefined) throw new Error('used before the tests began')
    return value
  }
  const documents = () => required(engine)
  return {
    documents,
    opened: () => required(database),
    clock,
    slowQueries,
    async freshCollection(records = [], rules = 'PRIVATE', indexes = []) {
      const name = `${prefix}${++collections}`
      await documents().createCollection({ name, rules, indexes })
      for (let start = 0; start < records.length; start += 1000) {
        await documents().add({ collection: name, documents: records.slice(start, start + 1000) }, asFunction)
      }
      return name
    },
    async found(collection, query, caller = asFunction) {
      const answer = await documents().find({ collection, query, order: { _id: 1 }, limit: 1000 }, caller)
      return answer.documents.map((text) => JSON.parse(text)._id)
    },
    stored: async (collection, id) => JSON.parse((await documents().get({ collection, id }, asFunction)) ?? 'null'),
  }
}
