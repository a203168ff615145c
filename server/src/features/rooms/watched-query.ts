/**
 * One query that somebody watches: asked again after its collection changed, and told apart from the answer before.
 * Asking again goes through the one path to the data, so a change of rules or of the record's owner takes effect too.
 */
import type { DocumentCaller, Documents, DocumentText, JsonObject } from '../documents/document-request.ts'

export type WatchRequest = {
  readonly collection: string
  readonly query?: JsonObject
  readonly order?: JsonObject
  readonly limit?: number
}

/** A change as CloudBase's realtime protocol names it; `doc` is the record's text. */
export type WatchChange = {
  readonly queueType: 'init' | 'enqueue' | 'update' | 'dequeue'
  readonly dataType: 'init' | 'add' | 'update' | 'remove'
  readonly docId: string
  readonly doc?: DocumentText
}

/** CloudBase's own limit of a watched query. */
export const WATCHED_DOCUMENTS_MAX = 5_000
const PAGE_DOCUMENTS = 1_000

type Listener = { onChanges(changes: readonly WatchChange[]): void; onError(error: unknown): void }

export class WatchedQuery {
  readonly #documents: Documents
  readonly #request: WatchRequest
  readonly #caller: DocumentCaller
  readonly #listeners = new Set<Listener>()
  #current = new Map<string, DocumentText>()
  #asking: Promise<void> | undefined
  #isStale = false

  constructor(documents: Documents, request: WatchRequest, caller: DocumentCaller) {
    this.#documents = documents
    this.#request = request
    this.#caller = caller
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** The records as they are, then every change. @throws {AppError} as `Documents.find` */
  async add(listener: Listener): Promise<WatchChange[]> {
    await this.refresh()
    this.#listeners.add(listener)
    return [...this.#current].map(([docId, doc]) => ({ queueType: 'init', dataType: 'init', docId, doc }))
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener)
  }

  /** Changes while a question is under way lead to exactly one more question. */
  refresh(): Promise<void> {
    this.#isStale = true
    this.#asking ??= this.#askUntilFresh().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askUntilFresh(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false
      const next = await this.#ask()
      const changes = differences(this.#current, next)
      this.#current = next
      if (changes.length > 0) for (const listener of this.#listeners) listener.onChanges(changes)
    }
  }

  fail(error: unknown): void {
    for (const listener of this.#listeners) listener.onError(error)
    this.#listeners.clear()
  }

  async #ask(): Promise<Map<string, DocumentText>> {
    const { limit = WATCHED_DOCUMENTS_MAX, order = { _id: -1 }, ...request } = this.#request
    const wanted = Math.min(limit, WATCHED_DOCUMENTS_MAX)
    const found = new Map<string, DocumentText>()
    // A client's page is 20 records; the engine says how many it really gave.
    for (let skip = 0; skip < wanted; ) {
      const page = await this.#documents.find(
        { ...request, order, skip, limit: Math.min(PAGE_DOCUMENTS, wanted - skip) },
        this.#caller,
      )
      for (const doc of page.documents) found.set(idOf(doc), doc)
      skip += page.documents.length
      if (page.documents.length === 0 || page.documents.length < page.limit) break
    }
    return found
  }
}

/** Records that went, came, or are written differently; in this order, as the client applies them. */
function differences(
  before: ReadonlyMap<string, DocumentText>,
  after: ReadonlyMap<string, DocumentText>,
): WatchChange[] {
  const gone = [...before.keys()].filter((docId) => !after.has(docId))
  return [
    ...gone.map((docId): WatchChange => ({ queueType: 'dequeue', dataType: 'remove', docId })),
    ...[...after].flatMap(([docId, doc]): WatchChange[] => {
      const old = before.get(docId)
      if (old === undefined) return [{ queueType: 'enqueue', dataType: 'add', docId, doc }]
      return old === doc ? [] : [{ queueType: 'update', dataType: 'update', docId, doc }]
    }),
  ]
}

/** The engine writes `_id` first: no need to parse a record for its id. */
function idOf(doc: DocumentText): string {
  const [, text] = /^\{"_id":("(?:[^"\\]|\\.)*"|-?[\d.eE+]+)/.exec(doc) ?? []
  const id: unknown = text === undefined ? (JSON.parse(doc) as { _id: unknown })._id : JSON.parse(text) // safe: each record has one
  return typeof id === 'string' ? id : JSON.stringify(id)
}
