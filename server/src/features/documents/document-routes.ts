/** `POST /v1/documents/<verb>`: the public API, as @sampan/protocol/documents describes it. */
import { LIMITS } from '@sampan/protocol/limits'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { answerUnchanged } from '../../http/unchanged-answers.ts'
import type { DocumentCaller, Documents, DocumentText, Json, JsonObject } from './document-request.ts'

const Collection = Type.String({ minLength: 1, maxLength: LIMITS.collectionNameCharacters * 4 })
/** Extended JSON: the engine itself reads and refuses it, field by field. */
const Ejson = Type.Unsafe<JsonObject>({ type: 'object', additionalProperties: true })
const Id = Type.Unsafe<Json>({ description: 'A string, a number or an ObjectId in Extended JSON.' })
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const closed = { additionalProperties: false } as const
const { Optional } = Type

const Find = Type.Object(
  {
    collection: Collection,
    query: Optional(Ejson),
    order: Optional(Ejson),
    skip: Optional(Count),
    limit: Optional(Count),
    projection: Optional(Ejson),
  },
  closed,
)
const Get = Type.Object({ collection: Collection, id: Id, projection: Optional(Ejson) }, closed)
const CountBody = Type.Object({ collection: Collection, query: Optional(Ejson) }, closed)
const Add = Type.Object(
  {
    collection: Collection,
    data: Type.Union([Ejson, Type.Array(Ejson, { minItems: 1, maxItems: LIMITS.batchDocuments })]),
  },
  closed,
)
const SetBody = Type.Object({ collection: Collection, id: Id, data: Ejson }, closed)
const Update = Type.Object(
  { collection: Collection, id: Optional(Id), query: Optional(Ejson), data: Ejson, multi: Optional(Type.Boolean()) },
  closed,
)
const Remove = Type.Object(
  { collection: Collection, id: Optional(Id), query: Optional(Ejson), multi: Optional(Type.Boolean()) },
  closed,
)
const Aggregate = Type.Object(
  { collection: Collection, stages: Type.Array(Ejson, { maxItems: LIMITS.aggregateStages }) },
  closed,
)

export function documentRoutes({ documents }: { documents: Documents }): FastifyPluginAsync {
  const payloadOf = rememberPayloads()
  return async (app) => {
    answerUnchanged(app)
    app.post<{ Body: Static<typeof Find> }>('/find', { schema: { body: Find }, ...lists }, async (request, reply) => {
      const page = await documents.find(request.body, callerOf(request))
      return reply.type(JSON_TYPE).send(payloadOf(page))
    })
    app.post<{ Body: Static<typeof Get> }>('/get', { schema: { body: Get }, ...reads }, async (request, reply) => {
      const text = await documents.get(request.body, callerOf(request))
      if (text === undefined) {
        throw new AppError('document_not_found', `document with _id ${shown(request.body.id)} does not exist`)
      }
      return reply.type(JSON_TYPE).send(`{"data":${text}}`)
    })
    app.post<{ Body: Static<typeof CountBody> }>(
      '/count',
      { schema: { body: CountBody }, ...lists },
      async (request) => {
        return { total: await documents.count(request.body, callerOf(request)) }
      },
    )
    app.post<{ Body: Static<typeof Add> }>('/add', { schema: { body: Add } }, async (request) => {
      const { collection, data } = request.body
      const { ids } = await documents.add({ collection, documents: [data].flat() }, callerOf(request))
      return Array.isArray(data) ? { _ids: ids } : { _id: ids[0] }
    })
    app.post<{ Body: Static<typeof SetBody> }>('/set', { schema: { body: SetBody } }, async (request) => {
      const { collection, id, data } = request.body
      const { updated, createdId } = await documents.set({ collection, id, document: data }, callerOf(request))
      return { _id: id, updated, created: createdId === undefined ? 0 : 1 }
    })
    app.post<{ Body: Static<typeof Update> }>('/update', { schema: { body: Update } }, async (request) => {
      const { data, ...selection } = request.body
      return documents.update({ ...selection, changes: data }, callerOf(request))
    })
    app.post<{ Body: Static<typeof Remove> }>('/remove', { schema: { body: Remove } }, async (request) => {
      return documents.remove(request.body, callerOf(request))
    })
    app.post<{ Body: Static<typeof Aggregate> }>(
      '/aggregate',
      { schema: { body: Aggregate }, ...lists },
      async (request, reply) => {
        const { documents: texts } = await documents.aggregate(request.body, callerOf(request))
        return reply.type(JSON_TYPE).send(`{"data":${list(texts)}}`)
      },
    )
  }
}

/** When there is too much to do, lists are refused before single records, and both before writes. */
const lists = { config: { priority: 'list' } } as const
const reads = { config: { priority: 'read' } } as const

const JSON_TYPE = 'application/json; charset=utf-8'

/** A remembered page comes as the same object again: its text is joined and encoded once. */
function rememberPayloads() {
  const payloads = new WeakMap<Page, Buffer>()
  return (page: Page): Buffer => {
    let payload = payloads.get(page)
    if (!payload) {
      payload = Buffer.from(`{"data":${list(page.documents)},"skip":${page.skip},"limit":${page.limit}}`)
      payloads.set(page, payload)
    }
    return payload
  }
}

type Page = Awaited<ReturnType<Documents['find']>>

/** Documents go out as the text they are stored as. */
const list = (texts: readonly DocumentText[]) => `[${texts.join(',')}]`

const shown = (id: Json) => (typeof id === 'string' ? id : JSON.stringify(id))

function callerOf(request: FastifyRequest): DocumentCaller {
  const key = request.headers['idempotency-key']
  return {
    identity: request.identity,
    timeoutMs: request.timeLeftMs(),
    ...(typeof key === 'string' && { idempotencyKey: key }),
  }
}
