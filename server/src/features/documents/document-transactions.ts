/**
 * Interactive transactions, optimistic: reads are remembered with their version, writes are kept here and seen by the
 * transaction's own reads; the commit checks the versions and writes everything in one database transaction. So a
 * program that stops half-way holds no lock.
 */
import { randomUUID } from 'node:crypto'
import type { SqlValue } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { isUnderRules } from '../sessions/identity.ts'
import { applyUpdate } from './apply-update.ts'
import type { Collection } from './collection.ts'
import { lockClause } from './collection-tables.ts'
import { commitEntries } from './commit-transaction.ts'
import { checkShape, documentText } from './decode-document.ts'
import type { Change } from './decode-update.ts'
import type { Filter } from './document-filter.ts'
import { findIdKey, idKey } from './document-id.ts'
import type { DocumentCaller, DocumentText, Json, JsonObject } from './document-request.ts'
import type { Engine } from './documents-needs.ts'
import { callerName } from './write-claim.ts'

/** MySQL answers keys as bytes. */
const textOfKey = (key: unknown) => (key instanceof Uint8Array ? Buffer.from(key).toString() : String(key))

/** Records that one transaction may touch. */
const TRANSACTION_RECORDS_LIMIT = 1_000

type SeenRecord = {
  readonly collection: Collection
  readonly key: string
  readonly seen: { readonly seq: SqlValue; readonly rev: number } | undefined
  /** As the transaction sees it now; undefined if it is not there. */
  text: DocumentText | undefined
  isChanged: boolean
}

export type OpenTransaction = {
  readonly id: string
  readonly owner: string
  readonly expiresAtMs: number
  readonly records: Map<string, SeenRecord>
}

export interface DocumentTransactions {
  begin(caller: DocumentCaller): string
  /** @throws {AppError} `transaction_not_found` if it ended, expired, or is someone else's */
  get(id: string, caller: DocumentCaller): OpenTransaction
  /** The documents with these ids, in their order; undefined where there is none. */
  read(
    transaction: OpenTransaction,
    collection: Collection,
    ids: readonly Json[],
  ): Promise<(DocumentText | undefined)[]>
  /** @throws {AppError} `document_exists` */
  insert(transaction: OpenTransaction, collection: Collection, document: JsonObject): Promise<void>
  put(
    transaction: OpenTransaction,
    collection: Collection,
    id: Json,
    document: JsonObject,
  ): Promise<'updated' | 'created'>
  /** The document as it is afterwards; undefined if there is none. */
  update(
    transaction: OpenTransaction,
    collection: Collection,
    id: Json,
    changes: readonly Change[],
    query: Filter,
  ): Promise<DocumentText | undefined>
  remove(transaction: OpenTransaction, collection: Collection, id: Json): Promise<boolean>
  /** @throws {AppError} `transaction_conflict` */
  commit(id: string, caller: DocumentCaller): Promise<void>
  rollback(id: string, caller: DocumentCaller): void
}

export function openTransactions(engine: Engine): DocumentTransactions {
  const { database, settings, now } = engine
  const open = new Map<string, OpenTransaction>()

  function dropExpired() {
    // In order of their beginning, and all live equally long: the first that lives ends the search.
    for (const [id, { expiresAtMs }] of open) {
      if (expiresAtMs > now()) return
      open.delete(id)
    }
  }

  async function recordOf(transaction: OpenTransaction, collection: Collection, id: Json): Promise<SeenRecord> {
    const key = findIdKey(id) ?? idKey(id)
    const place = `${collection.table} ${key}`
    const known = transaction.records.get(place)
    if (known) return known
    if (transaction.records.size >= TRANSACTION_RECORDS_LIMIT) {
      throw new AppError('query_too_expensive', `A transaction may touch ${TRANSACTION_RECORDS_LIMIT} records.`)
    }
    const table = database.dialect.quote(collection.table)
    const [row] = await database.read(`SELECT seq, rev, doc FROM ${table} WHERE _id = ?`, [key], { cost: 'cheap' })
    const record: SeenRecord = {
      collection,
      key,
      seen: row && { seq: row['seq'] ?? null, rev: Number(row['rev']) },
      text: row && String(row['doc']),
      isChanged: false,
    }
    // Two reads at once must share one record: the first that arrived counts.
    const other = transaction.records.get(place)
    if (!other) transaction.records.set(place, record)
    return other ?? record
  }

  async function recordsOf(transaction: OpenTransaction, collection: Collection, ids: readonly Json[]) {
    const before = transaction.records.size
    const records: SeenRecord[] = []
    for (const id of ids) records.push(await recordOf(transaction, collection, id))
    if (before > 0 && transaction.records.size > before) await refuseMixture(transaction)
    return records
  }

  async function oneRecord(transaction: OpenTransaction, collection: Collection, id: Json): Promise<SeenRecord> {
    const [record] = await recordsOf(transaction, collection, [id])
    if (!record) throw new Error('one id has one record')
    return record
  }

  /**
   * What was read before must still be as it was, now that something newer has been read: so that all reads together are
   * one state of the database, as with a snapshot, and not half of two.
   *
   * @throws {AppError} `transaction_conflict`
   */
  async function refuseMixture({ records }: OpenTransaction) {
    const keysByTable = Map.groupBy(records.values(), ({ collection }) => collection.table)
    for (const [table, seen] of keysByTable) {
      const keys = seen.map(({ key }) => key)
      const statement = `SELECT _id, seq, rev FROM ${database.dialect.quote(table)} WHERE _id IN (${keys.map(() => '?').join(',')})`
      const rows = await database.read(statement, keys, { cost: 'cheap' })
      const versions = new Map(rows.map((row) => [textOfKey(row['_id']), `${row['seq']} ${row['rev']}`]))
      const isSame = seen.every(
        (record) => versions.get(record.key) === (record.seen && `${record.seen.seq} ${record.seen.rev}`),
      )
      if (!isSame) throw new AppError('transaction_conflict', 'Another request changed a record of this transaction.')
    }
  }

  function change(record: SeenRecord, text: DocumentText | undefined) {
    record.text = text
    record.isChanged = true
  }

  const transactions: DocumentTransactions = {
    begin(caller) {
      if (isUnderRules(caller.identity))
        throw new AppError('permission_denied', 'Transactions are for functions and other server-side programs.')
      dropExpired()
      if (open.size >= settings.openTransactionsMax) {
        throw new AppError('overloaded', 'Too many transactions are open.', { details: { retryAfterSeconds: 1 } })
      }
      const id = randomUUID()
      open.set(id, {
        id,
        owner: callerName(caller.identity),
        expiresAtMs: now() + settings.transactionTtlMs,
        records: new Map(),
      })
      return id
    },
    get(id, caller) {
      const transaction = open.get(id)
      if (!transaction || transaction.expiresAtMs <= now() || transaction.owner !== callerName(caller.identity)) {
        throw new AppError('transaction_not_found', 'The transaction does not exist, has ended or has expired.')
      }
      return transaction
    },
    read: async (transaction, collection, ids) =>
      (await recordsOf(transaction, collection, ids)).map(({ text }) => text),
    async insert(transaction, collection, document) {
      const record = await oneRecord(transaction, collection, document['_id'] ?? null)
      if (record.text !== undefined) throw new AppError('document_exists', 'A record with this _id exists already.')
      change(record, documentText(document))
    },
    async put(transaction, collection, id, document) {
      const record = await oneRecord(transaction, collection, id)
      const outcome = record.text === undefined ? 'created' : 'updated'
      change(record, documentText(document))
      return outcome
    },
    async update(transaction, collection, id, changes, query) {
      const record = await oneRecord(transaction, collection, id)
      if (record.text === undefined) return undefined
      const document = applyUpdate(JSON.parse(record.text), changes, query)
      checkShape(document)
      change(record, documentText(document))
      return record.text
    },
    async remove(transaction, collection, id) {
      const record = await oneRecord(transaction, collection, id)
      if (record.text === undefined) return false
      change(record, undefined)
      return true
    },
    async commit(id, caller) {
      const { records } = transactions.get(id, caller)
      open.delete(id)
      // Locked in one order by every transaction, so that two of them cannot wait for each other.
      const entries = [...records.entries()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, { collection, key, seen, text, isChanged }]) => ({
          table: database.dialect.quote(collection.table),
          key,
          seen,
          text: isChanged ? (text ?? null) : undefined,
        }))
      if (entries.length === 0) return
      await database.transact(commitEntries, { entries, lock: lockClause(database.dialect) })
    },
    rollback(id, caller) {
      transactions.get(id, caller)
      open.delete(id)
    },
  }
  return transactions
}
