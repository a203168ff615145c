/** Collections and their indexes: what the console, the configuration and createCollection() change. */
import { AppError } from '../../errors.ts'
import { buildIndex, removeIndex } from './build-index.ts'
import { checkIndex, OWNER_INDEX } from './collection-indexes.ts'
import type { Documents } from './document-request.ts'
import type { Engine } from './documents-needs.ts'
import { isElementIndex } from './indexed-elements.ts'

type CollectionVerbs = Pick<
  Documents,
  | 'listCollections'
  | 'findCollection'
  | 'createCollection'
  | 'declareCollection'
  | 'setRules'
  | 'createIndex'
  | 'dropIndex'
  | 'dropCollection'
>

export function manageCollections(engine: Engine): CollectionVerbs {
  const { catalogue, database } = engine

  const verbs: CollectionVerbs = {
    async listCollections() {
      const collections = await catalogue.list()
      return Promise.all(
        collections.map(async ({ name, table, rules, indexes }) => {
          const rows = await database.read(`SELECT COUNT(*) AS total FROM ${database.dialect.quote(table)}`)
          return { name, rules, indexes, documents: Number(rows[0]?.['total'] ?? 0) }
        }),
      )
    },
    findCollection: (name) => catalogue.find(name),
    async createCollection({ name, rules, indexes }) {
      const collection = await catalogue.create(name, rules)
      await buildIndex(engine, collection, OWNER_INDEX)
      for (const index of indexes) await verbs.createIndex(name, index)
    },
    async declareCollection(definition) {
      const known = await catalogue.find(definition.name)
      if (!known) return verbs.createCollection(definition)
      if (JSON.stringify(known.rules) !== JSON.stringify(definition.rules)) {
        await catalogue.setRules(definition.name, definition.rules)
      }
      for (const index of definition.indexes) await verbs.createIndex(definition.name, index)
    },
    async setRules(name, rules) {
      await catalogue.setRules(name, rules)
    },
    async createIndex(name, definition) {
      const collection = await catalogue.get(name)
      const index = checkIndex(definition, collection.indexes)
      const known = collection.indexes.find((each) => each.name === index.name)
      if (known && JSON.stringify(known) === JSON.stringify(index)) return { name: index.name }
      if (known) throw new AppError('invalid_query', `Another index of ${name} is called ${index.name}.`)
      await buildIndex(engine, collection, index)
      await catalogue.setIndexes(name, [...collection.indexes, index])
      return { name: index.name }
    },
    async dropIndex(name, indexName) {
      const collection = await catalogue.get(name)
      const index = collection.indexes.find((each) => each.name === indexName)
      if (!index) throw new AppError('invalid_query', `${name} has no index called ${indexName}.`)
      await catalogue.setIndexes(
        name,
        collection.indexes.filter((each) => each !== index),
      )
      await removeIndex(engine, collection, index)
    },
    async dropCollection(name) {
      const collection = await catalogue.get(name)
      for (const index of collection.indexes.filter(isElementIndex)) await verbs.dropIndex(name, index.name)
      await catalogue.drop(name)
    },
  }
  return verbs
}
