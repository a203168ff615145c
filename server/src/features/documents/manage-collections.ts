/** Collections and their indexes: what the console, the configuration and createCollection() change. */
import { AppError } from '../../errors.ts'
import type { Documents } from './document-request.ts'
import type { Engine } from './documents-needs.ts'

type CollectionVerbs = Pick<
  Documents,
  | 'listCollections'
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
    async createCollection({ name, rules, indexes }) {
      await catalogue.create(name, rules)
      for (const index of indexes) await verbs.createIndex(name, index)
    },
    async declareCollection(definition) {
      const known = await catalogue.find(definition.name)
      if (!known) return verbs.createCollection(definition)
      if (JSON.stringify(known.rules) !== JSON.stringify(definition.rules)) {
        await catalogue.setRules(definition.name, definition.rules)
      }
    },
    async setRules(name, rules) {
      await catalogue.setRules(name, rules)
    },
    async createIndex() {
      throw new AppError('not_supported', 'Indexes are not there yet.')
    },
    async dropIndex() {
      throw new AppError('not_supported', 'Indexes are not there yet.')
    },
    async dropCollection(name) {
      await catalogue.drop(name)
    },
  }
  return verbs
}
