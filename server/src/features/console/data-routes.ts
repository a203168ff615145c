/** Collections and their records for the console, through the same engine and the same authoriser as every other door. */
import { Readable } from 'node:stream'
import { LIMITS } from '@sampan/protocol/limits'
import type { FastifyPluginAsync } from 'fastify'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import type { CollectionRules, Documents, IndexDefinition, JsonObject } from '../documents/document-request.ts'
import type { Audit } from './audit-log.ts'
import { identityOf } from './console-access.ts'
import { tryAs } from './rule-tester.ts'

const PAGE_MAX = 100
const EXPORT_PAGE = LIMITS.serverPageMax
const IMPORT_LINES_MAX = 1_000
const DEFINE_DEADLINE_MS = 120_000
const OPEN_ID = '^[\\w-]{1,64}$'
const strict = { additionalProperties: false } as const

const Name = Type.String({ minLength: 1, maxLength: LIMITS.collectionNameCharacters })
const Ejson = Type.Unsafe<JsonObject>({ type: 'object' })
const Id = Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 512 })
/** The engine reads and refuses rules and indexes itself, field by field. */
const Rules = Type.Unsafe<CollectionRules>({ anyOf: [{ type: 'string', maxLength: 16 }, { type: 'object' }] })
const Index = Type.Unsafe<IndexDefinition>({ type: 'object', required: ['fields'] })

const CreateBody = Type.Object({ name: Name, rules: Rules }, strict)
const FindBody = Type.Object(
  {
    query: Type.Optional(Ejson),
    order: Type.Optional(Ejson),
    projection: Type.Optional(Ejson),
    skip: Type.Optional(Type.Integer({ minimum: 0, maximum: 1e9 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MAX })),
  },
  strict,
)
const DocumentBody = Type.Object({ document: Ejson }, strict)
const ImportBody = Type.Object({ documents: Type.Array(Ejson, { maxItems: IMPORT_LINES_MAX }) }, strict)
const SetBody = Type.Object({ id: Id, document: Ejson }, strict)
const RemoveBody = Type.Object({ id: Id }, strict)
const RulesBody = Type.Object({ rules: Rules }, strict)
const ConfirmBody = Type.Object({ confirm: Type.String({ maxLength: 128 }) }, strict)
const TestBody = Type.Object(
  {
    action: Type.Union((['read', 'create', 'update', 'delete'] as const).map((action) => Type.Literal(action))),
    openId: Type.String({ pattern: `${OPEN_ID}|^$` }),
    id: Type.Optional(Id),
    query: Type.Optional(Ejson),
    document: Type.Optional(Ejson),
  },
  strict,
)
const NameParams = Type.Object({ name: Name })
const IndexParams = Type.Object({ name: Name, index: Type.String({ maxLength: 128 }) })
type ByName = { Params: Static<typeof NameParams> }

type Needs = {
  readonly database: Database
  readonly documents: Documents
  readonly audit: Audit
  readonly appId: string
}

export function dataRoutes({ database, documents, audit, appId }: Needs): FastifyPluginAsync {
  const params = { schema: { params: NameParams } }
  const body = <Body extends object>(schema: Body) => ({ schema: { params: NameParams, body: schema } })
  const viewer = { config: { role: 'viewer' as const } }
  const slowly = { config: { role: 'developer' as const, deadlineMs: DEFINE_DEADLINE_MS } }

  return async (app) => {
    app.get('/data', viewer, async () => ({ collections: await documents.listCollections() }))

    app.post<{ Body: Static<typeof CreateBody> }>('/data', { schema: { body: CreateBody } }, async (request) => {
      const { name, rules } = request.body
      await documents.createCollection({ name, rules, indexes: [] })
      await audit(request, 'collection.create', name, { rules })
      return {}
    })

    app.post<ByName & { Body: Static<typeof FindBody> }>(
      '/data/:name/find',
      { ...body(FindBody), ...viewer },
      async (request, reply) => {
        const { name } = request.params
        const { query = {}, limit = PAGE_MAX, ...rest } = request.body
        const caller = { identity: identityOf(request), timeoutMs: request.timeLeftMs() }
        const found = await documents.find({ collection: name, query, limit, ...rest }, caller)
        const total = await documents.count({ collection: name, query }, caller)
        // Documents are EJSON text already: passed through, not parsed.
        return reply.type('application/json').send(`{"total":${total},"documents":[${found.documents.join(',')}]}`)
      },
    )

    app.post<ByName & { Body: Static<typeof FindBody> }>(
      '/data/:name/explain',
      { ...body(FindBody), ...viewer },
      async (request) => {
        const { query, order } = request.body
        return documents.explain(
          { collection: request.params.name, ...(query && { query }), ...(order && { order }) },
          { identity: identityOf(request) },
        )
      },
    )

    app.post<ByName & { Body: Static<typeof DocumentBody> }>('/data/:name/add', body(DocumentBody), async (request) => {
      const { name } = request.params
      const { ids } = await documents.add(
        { collection: name, documents: [request.body.document] },
        { identity: identityOf(request) },
      )
      await audit(request, 'record.add', `${name}/${ids[0]}`)
      return { id: ids[0] }
    })

    app.post<ByName & { Body: Static<typeof ImportBody> }>(
      '/data/:name/import',
      { ...body(ImportBody), ...slowly },
      async (request) => {
        const { name } = request.params
        const { ids } = await documents.add(
          { collection: name, documents: request.body.documents },
          { identity: identityOf(request) },
        )
        await audit(request, 'record.import', name, { records: ids.length })
        return { added: ids.length }
      },
    )

    app.post<ByName & { Body: Static<typeof SetBody> }>('/data/:name/set', body(SetBody), async (request) => {
      const { name } = request.params
      const { id, document } = request.body
      const answer = await documents.set({ collection: name, id, document }, { identity: identityOf(request) })
      await audit(request, 'record.set', `${name}/${id}`)
      return { updated: answer.updated }
    })

    app.post<ByName & { Body: Static<typeof RemoveBody> }>('/data/:name/remove', body(RemoveBody), async (request) => {
      const { name } = request.params
      const answer = await documents.remove(
        { collection: name, id: request.body.id },
        { identity: identityOf(request) },
      )
      await audit(request, 'record.remove', `${name}/${request.body.id}`)
      return answer
    })

    app.get<ByName>(
      '/data/:name/export',
      { ...params, config: { deadlineMs: DEFINE_DEADLINE_MS } },
      async (request, reply) => {
        const { name } = request.params
        await audit(request, 'collection.export', name)
        reply
          .type('application/x-ndjson')
          .header('content-disposition', `attachment; filename="${encodeURIComponent(name)}.jsonl"`)
        return reply.send(Readable.from(exportLines(documents, name, identityOf(request))))
      },
    )

    app.put<ByName & { Body: Static<typeof RulesBody> }>('/data/:name/rules', body(RulesBody), async (request) => {
      const { name } = request.params
      await documents.setRules(name, request.body.rules)
      await audit(request, 'collection.rules', name, { rules: request.body.rules })
      return {}
    })

    app.post<ByName & { Body: Static<typeof Index> }>(
      '/data/:name/indexes',
      { ...body(Index), ...slowly },
      async (request) => {
        const created = await documents.createIndex(request.params.name, request.body)
        await audit(request, 'index.create', `${request.params.name}/${created.name}`, { fields: request.body.fields })
        return created
      },
    )

    app.delete<{ Params: Static<typeof IndexParams> }>(
      '/data/:name/indexes/:index',
      { schema: { params: IndexParams } },
      async (request) => {
        const { name, index } = request.params
        await documents.dropIndex(name, index)
        await audit(request, 'index.drop', `${name}/${index}`)
        return {}
      },
    )

    app.delete<ByName & { Body: Static<typeof ConfirmBody> }>('/data/:name', body(ConfirmBody), async (request) => {
      const { name } = request.params
      if (request.body.confirm !== name) {
        throw new AppError('confirmation_missing', 'The name that was typed is not the name of this collection.')
      }
      await documents.dropCollection(name)
      await audit(request, 'collection.drop', name)
      return {}
    })

    app.post<ByName & { Body: Static<typeof TestBody> }>(
      '/data/:name/may',
      { ...body(TestBody), ...viewer },
      async (request) =>
        tryAs({ documents, database, log: request.log }, { collection: request.params.name, appId, ...request.body }),
    )
  }
}

/** One record a line, in the order of their ids, a page at a time: memory stays small however large the collection. */
async function* exportLines(documents: Documents, collection: string, identity: ReturnType<typeof identityOf>) {
  let after: JsonObject | undefined
  for (;;) {
    const query = after ?? {}
    const page = await documents.find({ collection, query, order: { _id: 1 }, limit: EXPORT_PAGE }, { identity })
    if (page.documents.length) yield `${page.documents.join('\n')}\n`
    const last = page.documents.at(-1)
    if (!last || page.documents.length < EXPORT_PAGE) return
    const { _id } = JSON.parse(last) as { _id: string } // safe: every document has one
    after = { _id: { $gt: _id } }
  }
}
