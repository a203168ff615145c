/** `/v1/documents/collections…`: what the owner's tools do with collections, their rules and their indexes. */
import { LIMITS } from '@sampan/protocol/limits'
import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from '../../http/json-schema.ts'
import { requireOwnerTool } from '../sessions/current-session.ts'
import type { CollectionRules, Documents, IndexDefinition, JsonObject } from './document-request.ts'

const Name = Type.String({ minLength: 1, maxLength: LIMITS.collectionNameCharacters })
/** The engine itself reads and refuses rules and indexes, field by field. */
const Rules = Type.Unsafe<CollectionRules>({ anyOf: [{ type: 'string', maxLength: 16 }, { type: 'object' }] })
const Index = Type.Unsafe<IndexDefinition>({ type: 'object', required: ['fields'] })
const closed = { additionalProperties: false } as const

const Create = Type.Object(
  { name: Name, rules: Type.Optional(Rules), indexes: Type.Optional(Type.Array(Index, { maxItems: 64 })) },
  closed,
)
const SetRules = Type.Object({ name: Name, rules: Rules }, closed)
const CreateIndex = Type.Object({ name: Name, index: Index }, closed)
const DropIndex = Type.Object({ name: Name, index: Type.String({ minLength: 1, maxLength: 128 }) }, closed)
const Drop = Type.Object({ name: Name }, closed)
const Explain = Type.Object(
  {
    collection: Name,
    query: Type.Optional(Type.Unsafe<JsonObject>({ type: 'object' })),
    order: Type.Optional(Type.Unsafe<JsonObject>({ type: 'object' })),
  },
  closed,
)

/** Building an index on a million records takes this long on a small box. */
const DEFINE_DEADLINE_MS = 120_000

export function collectionRoutes(documents: Documents): FastifyPluginAsync {
  return async (app) => {
    app.addHook('preHandler', async ({ identity }) => requireOwnerTool(identity))
    const options = (summary: string, body: object) => ({
      schema: { summary, tags: ['collections'], body },
      config: { deadlineMs: DEFINE_DEADLINE_MS },
    })

    app.post('/list', { schema: { summary: 'All collections', tags: ['collections'] } }, async () => ({
      collections: await documents.listCollections(),
    }))
    app.post<{ Body: Static<typeof Create> }>('/', options('Create a collection', Create), async ({ body }) => {
      await documents.createCollection({ name: body.name, rules: body.rules ?? 'PRIVATE', indexes: body.indexes ?? [] })
      return {}
    })
    app.post<{ Body: Static<typeof SetRules> }>(
      '/rules',
      options('Set who may do what', SetRules),
      async ({ body }) => {
        await documents.setRules(body.name, body.rules)
        return {}
      },
    )
    app.post<{ Body: Static<typeof CreateIndex> }>('/indexes', options('Build an index', CreateIndex), ({ body }) =>
      documents.createIndex(body.name, body.index),
    )
    app.post<{ Body: Static<typeof DropIndex> }>(
      '/indexes/drop',
      options('Drop an index', DropIndex),
      async ({ body }) => {
        await documents.dropIndex(body.name, body.index)
        return {}
      },
    )
    app.post<{ Body: Static<typeof Drop> }>(
      '/drop',
      options('Drop a collection with its records', Drop),
      async ({ body }) => {
        await documents.dropCollection(body.name)
        return {}
      },
    )
    app.post<{ Body: Static<typeof Explain> }>(
      '/explain',
      options('How a query is answered', Explain),
      ({ body, identity }) => documents.explain(body, { identity }),
    )
  }
}
