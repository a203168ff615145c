/**
 * Which collections exist, with their rules and indexes: rows of `sampan_collections`, cached in memory. A version number
 * beside them is looked at once a second, so that several processes agree within that time.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { LIMITS } from '@sampan/protocol/limits'
import type { Database, Dialect, Row } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { changeCollection, deleteCollection, insertCollection } from './catalogue-scripts.ts'
import { checkRules } from './check-rules.ts'
import type { Collection, NamedIndex } from './collection.ts'
import { OWNER_INDEX } from './collection-indexes.ts'
import { createTableSql, sourceFor, systemTablesSql, tableNameOf } from './collection-tables.ts'
import type { CollectionRules } from './document-request.ts'

const VERSION_CHECK_MS = 1_000

export interface CollectionCatalogue {
  /** @throws {AppError} `collection_not_found` */
  get(name: string): Promise<Collection>
  find(name: string): Promise<Collection | undefined>
  list(): Promise<readonly Collection[]>
  /** @throws {AppError} `collection_exists`, `invalid_request` */
  create(name: string, rules: CollectionRules): Promise<Collection>
  setRules(name: string, rules: CollectionRules): Promise<void>
  setIndexes(name: string, indexes: Collection['indexes']): Promise<void>
  drop(name: string): Promise<void>
}

export async function openCatalogue(database: Database, now: () => number): Promise<CollectionCatalogue> {
  const { dialect } = database
  for (const statement of systemTablesSql(dialect)) await defineTogether(database, statement)
  let collections = new Map<string, Collection>()
  let version = -1
  let checkedAtMs = Number.NEGATIVE_INFINITY
  let checking: Promise<void> | undefined

  async function load() {
    const [row] = await database.read('SELECT version FROM sampan_catalogue WHERE id = 1', [], { cost: 'cheap' })
    const current = Number(row?.['version'] ?? 0)
    if (current !== version) {
      const rows = await database.read(
        'SELECT name, table_name, rules, indexes FROM sampan_collections ORDER BY name',
        [],
        {
          cost: 'cheap',
        },
      )
      collections = new Map(
        rows.map((row) => readCollection(row, dialect)).map((collection) => [collection.name, collection]),
      )
      version = current
    }
    checkedAtMs = now()
  }

  async function refresh(isForced = false) {
    if (!isForced && Math.abs(now() - checkedAtMs) < VERSION_CHECK_MS) return
    checking ??= load().finally(() => {
      checking = undefined
    })
    await checking
  }

  async function find(name: string) {
    await refresh()
    const known = collections.get(name)
    if (known) return known
    // Another process may have created it within the last second.
    await refresh(true)
    return collections.get(name)
  }

  async function get(name: string) {
    const collection = await find(name)
    if (!collection) throw new AppError('collection_not_found', `[ResourceNotFound] Db or Table not exist: ${name}`)
    return collection
  }

  return {
    find,
    get,
    async list() {
      await refresh(true)
      return [...collections.values()]
    },
    async create(name, rules) {
      checkCollectionName(name)
      checkRules(rules)
      if (await find(name)) throw new AppError('collection_exists', `The collection ${name} exists already.`)
      const table = tableNameOf(name)
      await database.define(createTableSql(dialect, table))
      await database.transact(insertCollection, { name, table, rules: JSON.stringify(rules), indexes: '[]' })
      await refresh(true)
      return get(name)
    },
    async setRules(name, rules) {
      checkRules(rules)
      await get(name)
      await database.transact(changeCollection, { name, rules: JSON.stringify(rules) })
      await refresh(true)
    },
    async setIndexes(name, indexes) {
      await get(name)
      await database.transact(changeCollection, { name, indexes: JSON.stringify(indexes) })
      await refresh(true)
    },
    async drop(name) {
      const { table } = await get(name)
      await database.transact(deleteCollection, name)
      await refresh(true)
      await database.define(`DROP TABLE IF EXISTS ${dialect.quote(table)}`)
    },
  }
}

const DEFINE_ATTEMPTS = 5
const DEFINE_RETRY_MS = 100

/** Processes that start at once define the same things at once: the database lets one of them, the others look again. */
async function defineTogether(database: Database, statement: string) {
  for (let attempt = 1; ; attempt++) {
    try {
      await database.define(statement)
      return
    } catch (error) {
      if (attempt >= DEFINE_ATTEMPTS) throw error
      await delay(DEFINE_RETRY_MS * attempt)
    }
  }
}

function readCollection(row: Row, dialect: Dialect): Collection {
  const indexes: NamedIndex[] = JSON.parse(textOf(row['indexes']))
  return {
    name: textOf(row['name']),
    table: textOf(row['table_name']),
    rules: JSON.parse(textOf(row['rules'])),
    indexes,
    source: sourceFor(dialect, [OWNER_INDEX, ...indexes], textOf(row['table_name'])),
  }
}

/** MySQL answers binary columns as bytes. */
const textOf = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString() : String(value))

/** CloudBase's alphabet, and letters of any language. */
function checkCollectionName(name: string) {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_-]*$/u.test(name) && [...name].length <= LIMITS.collectionNameCharacters) return
  const reason = `must be 1 to ${LIMITS.collectionNameCharacters} letters, digits, underscores or hyphens`
  throw new AppError('invalid_request', `The collection's name ${reason}.`, { details: { path: 'collection', reason } })
}
