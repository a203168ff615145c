import type { DocumentVerb, EjsonObject } from '@sampan/protocol/documents'
import type { DocumentCalls } from './database/database-types.ts'
import type { Outbox } from './outbox.ts'
import type { Transport } from './transport.ts'

type Needs = { transport: Transport; outbox: Outbox; isOffline: () => boolean | undefined }

/** Sends the database builder's calls to `POST /v1/documents/<verb>`; writes go by the outbox if the program wants one. */
export function createDocumentCalls({ transport, outbox, isOffline }: Needs): DocumentCalls {
  const call = async (verb: DocumentVerb, request: { collection: string; data?: unknown; id?: unknown }) => {
    const isWrite = /^(add|set|update|remove)$/.test(verb)
    if (!isWrite || !isOffline())
      return transport.post(`/v1/documents/${verb}`, JSON.stringify(request), isWrite ? 'write' : 'read')

    const { collection } = request
    const key = transport.newKey()
    // Ids are given on the phone, so that a record that waits for the network can be named already.
    const named = (record: EjsonObject) => ({ _id: record['_id'] || transport.newKey(), ...record })
    const data = verb === 'add' && !Array.isArray(request.data) ? named(request.data as EjsonObject) : request.data // add takes records
    const json = JSON.stringify({ ...request, data })
    const answer = await outbox.write({ verb, collection, json, key })
    // While it waits, nothing has changed yet.
    return (
      answer || {
        _id: request.id || ((data || {}) as EjsonObject)['_id'],
        updated: 0,
        created: 0,
        removed: 0,
        isQueued: true,
      }
    )
  }
  return call as DocumentCalls // the server answers each verb as the protocol says
}
