/** All watched queries of this process: equal ones of equal callers are asked once, however many sockets listen. */
import { AppError } from '../../errors.ts'
import type { DocumentCaller, Documents } from '../documents/document-request.ts'
import type { ObservedDocuments } from '../documents/observe-changes.ts'
import { isUnderRules } from '../sessions/identity.ts'
import { type WatchChange, WatchedQuery, type WatchRequest } from './watched-query.ts'

export type WatchListener = { onChanges(changes: readonly WatchChange[]): void; onError(error: unknown): void }
export type OpenWatch = { readonly first: readonly WatchChange[]; close(): void }

export interface Watches {
  /** @throws {AppError} as `Documents.find`; `overloaded` when too many different queries are watched */
  open(request: WatchRequest, caller: DocumentCaller, listener: WatchListener): Promise<OpenWatch>
  stats(): { readonly queries: number }
  close(): void
}

/** Different queries that one process keeps asking. */
const MAX_QUERIES = 5_000
/** Changes within this time are told together: twenty bids in a second are three pictures on the phone, not twenty. */
const GATHER_MS = 50
/** Other processes change records too; each watched query is asked again after this time at the latest. */
const RECHECK_MS = 1_000

type Needs = ObservedDocuments & { readonly isSharedDatabase: boolean }

export function openWatches({ documents, onChange, isSharedDatabase }: Needs): Watches {
  const byCollection = new Map<string, Map<string, WatchedQuery>>()
  const changed = new Set<string>()
  let gathering: NodeJS.Timeout | undefined

  const ask = (collection: string) => {
    for (const query of byCollection.get(collection)?.values() ?? []) {
      query.refresh().catch((error: unknown) => query.fail(error))
    }
  }
  const stopListening = onChange(({ collection }) => {
    if (!byCollection.has(collection)) return
    changed.add(collection)
    gathering ??= setTimeout(() => {
      gathering = undefined
      const collections = [...changed]
      changed.clear()
      for (const name of collections) ask(name)
    }, GATHER_MS)
  })
  const recheck = isSharedDatabase
    ? setInterval(() => {
        for (const collection of byCollection.keys()) ask(collection)
      }, RECHECK_MS)
    : undefined
  recheck?.unref()

  const queryCount = () => [...byCollection.values()].reduce((sum, queries) => sum + queries.size, 0)

  return {
    async open(request, caller, listener) {
      const queries = byCollection.get(request.collection) ?? new Map<string, WatchedQuery>()
      const key = await watchKey(documents, request, caller)
      const existing = queries.get(key)
      if (!existing && queryCount() >= MAX_QUERIES) {
        throw new AppError('overloaded', `More than ${MAX_QUERIES} different queries are watched.`, {
          details: { retryAfterSeconds: 30 },
        })
      }
      const query = existing ?? new WatchedQuery(documents, request, caller)
      // Listed before the first answer: a change in between must not be missed.
      queries.set(key, query)
      byCollection.set(request.collection, queries)
      const forget = () => {
        query.remove(listener)
        if (query.listeners > 0) return
        queries.delete(key)
        if (queries.size === 0) byCollection.delete(request.collection)
      }
      try {
        return { first: await query.add(listener), close: forget }
      } catch (error) {
        forget()
        throw error
      }
    },
    stats: () => ({ queries: queryCount() }),
    close() {
      stopListening()
      clearTimeout(gathering)
      clearInterval(recheck)
    },
  }
}

/** Equal for callers who must see the same: everybody where all may read, otherwise one user. */
async function watchKey(documents: Documents, request: WatchRequest, { identity }: DocumentCaller): Promise<string> {
  const who = !isUnderRules(identity) ? 'server' : identity.kind === 'user' ? identity.openId : 'anonymous'
  const rules = (await documents.findCollection(request.collection))?.rules
  const isForAll = rules === 'READONLY' || rules === 'ADMINWRITE'
  return JSON.stringify([
    isForAll && isUnderRules(identity) ? 'all' : who,
    request.query ?? {},
    request.order ?? {},
    request.limit ?? 0,
  ])
}
