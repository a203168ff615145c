/**
 * Remembers the pages of `find` while nobody writes to their collection. Lists are 40 % of what a mini program asks for,
 * and most people ask for the same ones.
 *
 * A page is only given out if no write to its collection has begun since it was read. A write counts from before it is
 * handed to the database until it is known to have ended: so whoever has an answer to a write, and everybody after,
 * reads what was written. Writes that do not pass through these documents (SQL of the owner's, another process) are seen
 * after `MAX_AGE_MS`.
 */
import { ERRORS } from '@sampan/protocol/errors'
import { LRUCache } from 'lru-cache'
import { AppError } from '../../errors.ts'
import { type Identity, isUnderRules } from '../sessions/identity.ts'
import type { CollectionCatalogue } from './collection-catalogue.ts'
import type { CollectionRules, Documents, FindRequest } from './document-request.ts'

type Page = Awaited<ReturnType<Documents['find']>>
type Entry = { readonly page: Page; readonly version: number; readonly readAtMs: number }

/** Where the writes to one collection stand. */
type Writes = {
  underWay: number
  /** Grows with every write that ended. */
  version: number
  /** A write that ended without a clear answer may still happen until then. */
  uncertainUntilMs: number
}

type Needs = {
  readonly catalogue: Pick<CollectionCatalogue, 'find'>
  readonly now: () => number
}

const MAX_AGE_MS = 1_000
/** Text of all remembered pages together. */
const MAX_BYTES = 16 * 1024 * 1024
/** As text, and once more as the bytes that the route sends. */
const BYTES_PER_CHARACTER = 4
const BYTES_PER_PAGE = 500
/** Longer requests are seldom asked twice. */
const MAX_KEY_CHARACTERS = 2_000
/** Collections whose writes are followed; a forgotten one starts anew, with its pages unknown. */
const MAX_COLLECTIONS = 10_000
/** Longer than any statement may take. */
const UNCERTAIN_MS = 60_000

/** Answers that depend on the moment, on chance, or (`{openid}`) on who asks. */
const IS_OF_ONE_MOMENT_OR_PERSON = /server_?date|offset|\$\$|\$rand|\$sampleRate|\{openid\}/i

export function cacheFinds(documents: Documents, { catalogue, now }: Needs): Documents {
  const pages = new LRUCache<string, Entry>({ maxSize: MAX_BYTES, sizeCalculation: sizeOf })
  const writesTo = new LRUCache<string, Writes>({ max: MAX_COLLECTIONS })
  /** Of transactions and changes to collections themselves: they concern all pages. */
  const writesToAll = freshWrites()
  let versions = 0

  const writesOf = (collection: string) => {
    let writes = writesTo.get(collection)
    if (!writes) {
      // A version that was never used: pages from before the collection was forgotten do not fit it.
      writes = { ...freshWrites(), version: ++versions }
      writesTo.set(collection, writes)
    }
    return writes
  }

  const isQuiet = ({ underWay, uncertainUntilMs }: Writes) => underWay === 0 && uncertainUntilMs <= now()

  async function find(request: FindRequest, caller: Parameters<Documents['find']>[1]): Promise<Page> {
    const key = await keyOf(request, caller.identity)
    if (key === undefined) return documents.find(request, caller)
    const writes = writesOf(request.collection)
    const versionNow = () => writes.version + writesToAll.version
    const known = pages.get(key)
    const readAtMs = now()
    if (!isQuiet(writes) || !isQuiet(writesToAll)) return documents.find(request, caller)
    const version = versionNow()
    if (known && known.version === version && readAtMs - known.readAtMs < MAX_AGE_MS) return known.page

    const page = await documents.find(request, caller)
    // If a write began meanwhile, the version is another by the time somebody could be given this page.
    pages.set(key, { page, version, readAtMs })
    return page
  }

  /** Undefined if the answer must not be remembered. */
  async function keyOf(request: FindRequest, identity: Identity): Promise<string | undefined> {
    if (request.transactionId !== undefined) return undefined
    const collection = await catalogue.find(request.collection)
    const scope = collection && scopeOf(collection.rules, identity)
    if (scope === undefined) return undefined
    const key = `${scope}\n${JSON.stringify(request)}`
    return key.length > MAX_KEY_CHARACTERS || IS_OF_ONE_MOMENT_OR_PERSON.test(key) ? undefined : key
  }

  async function writing<Result>(writes: Writes, work: () => Promise<Result>): Promise<Result> {
    writes.underWay += 1
    try {
      return await work()
    } catch (error) {
      const isClear = error instanceof AppError && ERRORS[error.code].status < 500
      if (!isClear) writes.uncertainUntilMs = now() + UNCERTAIN_MS
      throw error
    } finally {
      writes.underWay -= 1
      writes.version = ++versions
    }
  }

  /** In a transaction nothing is written before its commit. */
  const followed =
    <Request extends { readonly collection: string; readonly transactionId?: string }, Caller, Result>(
      write: (request: Request, caller: Caller) => Promise<Result>,
    ) =>
    (request: Request, caller: Caller): Promise<Result> =>
      request.transactionId === undefined
        ? writing(writesOf(request.collection), () => write(request, caller))
        : write(request, caller)

  const followedByAll =
    <Args extends unknown[], Result>(change: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      writing(writesToAll, () => change(...args))

  return {
    ...documents,
    find,
    add: followed(documents.add),
    set: followed(documents.set),
    update: followed(documents.update),
    updateAndReturn: followed(documents.updateAndReturn),
    remove: followed(documents.remove),
    commitTransaction: followedByAll(documents.commitTransaction),
    writeTogether: followedByAll(documents.writeTogether),
    createCollection: followedByAll(documents.createCollection),
    declareCollection: followedByAll(documents.declareCollection),
    setRules: followedByAll(documents.setRules),
    createIndex: followedByAll(documents.createIndex),
    dropIndex: followedByAll(documents.dropIndex),
    dropCollection: followedByAll(documents.dropCollection),
  }
}

/** Callers with the same scope get the same answer to the same request. */
function scopeOf(rules: CollectionRules, identity: Identity): string | undefined {
  if (!isUnderRules(identity)) return 'owner'
  if (rules === 'READONLY' || rules === 'ADMINWRITE') return 'all'
  return undefined // what one person sees is seldom asked for twice, and other rules may look at anything
}

const freshWrites = (): Writes => ({ underWay: 0, version: 0, uncertainUntilMs: 0 })

const sizeOf = ({ page }: Entry, key: string) =>
  page.documents.reduce((sum, text) => sum + text.length, key.length) * BYTES_PER_CHARACTER + BYTES_PER_PAGE
