/**
 * The public documents API: `POST /v1/documents/<verb>` with a session's bearer token.
 *
 * Documents, queries and updates are Extended JSON objects in MongoDB's language, the same that CloudBase's own client
 * puts on the wire. Numbers may be plain; dates are `{"$date": <ms>}` on the way out and any EJSON form on the way in.
 */

export type Ejson = null | boolean | number | string | Ejson[] | { [key: string]: Ejson }
export type EjsonObject = { [key: string]: Ejson }

export type DocumentsApi = {
  /** Many documents. */
  find: {
    request: {
      collection: string
      query?: EjsonObject
      order?: EjsonObject
      skip?: number
      limit?: number
      projection?: EjsonObject
    }
    response: { data: EjsonObject[]; skip: number; limit: number }
  }
  /** One document by id; `document_not_found` if there is none or the caller may not see it. */
  get: {
    request: { collection: string; id: string | number; projection?: EjsonObject }
    response: { data: EjsonObject }
  }
  count: { request: { collection: string; query?: EjsonObject }; response: { total: number } }
  /** `data`: one document → `_id`; several → `_ids`. */
  add: {
    request: { collection: string; data: EjsonObject | EjsonObject[] }
    response: { _id: string | number } | { _ids: (string | number)[] }
  }
  /** Replaces or creates. */
  set: {
    request: { collection: string; id: string | number; data: EjsonObject }
    response: { _id: string | number; updated: number; created: number }
  }
  /** One by id, or all that match the query. `data` holds update operators: `{"$set": …}`. */
  update: {
    request: { collection: string; id?: string | number; query?: EjsonObject; data: EjsonObject; multi?: boolean }
    response: { updated: number }
  }
  remove: {
    request: { collection: string; id?: string | number; query?: EjsonObject; multi?: boolean }
    response: { removed: number }
  }
  aggregate: { request: { collection: string; stages: EjsonObject[] }; response: { data: EjsonObject[] } }
}

export type DocumentVerb = keyof DocumentsApi
