/** Tells listeners in this process which collections changed, after the change is durable. */
import { LRUCache } from 'lru-cache'
import type { Documents, TogetherStep } from './document-request.ts'

export type CollectionChange = { readonly collection: string }
export type ChangeListener = (change: CollectionChange) => void

export type ObservedDocuments = { readonly documents: Documents; onChange(listener: ChangeListener): () => void }

/** Transactions that are neither committed nor rolled back are forgotten: they have expired by then. */
const OPEN_TRANSACTIONS_MAX = 10_000
const TRANSACTION_MS = 10 * 60_000

/** Wraps the engine: every door that writes through the wrapped one is heard. */
export function observeChanges(engine: Documents): ObservedDocuments {
  const listeners = new Set<ChangeListener>()
  /** Collections that an open transaction wrote to. */
  const written = new LRUCache<string, Set<string>>({ max: OPEN_TRANSACTIONS_MAX, ttl: TRANSACTION_MS })

  const tell = (collection: string) => {
    for (const listener of listeners) listener({ collection })
  }
  const after = async <Result>(request: { collection: string; transactionId?: string }, work: Promise<Result>) => {
    const result = await work
    const { collection, transactionId } = request
    if (transactionId === undefined) tell(collection)
    else written.set(transactionId, (written.get(transactionId) ?? new Set()).add(collection))
    return result
  }

  const documents: Documents = {
    ...engine,
    add: (request, caller) => after(request, engine.add(request, caller)),
    set: (request, caller) => after(request, engine.set(request, caller)),
    update: (request, caller) => after(request, engine.update(request, caller)),
    updateAndReturn: (request, caller) => after(request, engine.updateAndReturn(request, caller)),
    remove: (request, caller) => after(request, engine.remove(request, caller)),
    async commitTransaction(transactionId, caller) {
      const collections = written.get(transactionId) ?? []
      written.delete(transactionId)
      await engine.commitTransaction(transactionId, caller)
      for (const collection of collections) tell(collection)
    },
    async writeTogether(steps, caller) {
      const outcomes = await engine.writeTogether(steps, caller)
      for (const collection of new Set(steps.flatMap(collectionsOf))) tell(collection)
      return outcomes
    },
    async rollbackTransaction(transactionId, caller) {
      written.delete(transactionId)
      await engine.rollbackTransaction(transactionId, caller)
    },
    async dropCollection(collection) {
      await engine.dropCollection(collection)
      tell(collection)
    },
  }
  return {
    documents,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

const collectionsOf = (step: TogetherStep): string[] =>
  'sql' in step ? [] : Object.values(step).map(({ collection }: { collection: string }) => collection)
