/** Makes the collections that a project declares, and their first documents. */
import type { Log } from '../../log.ts'
import type { Identity } from '../sessions/identity.ts'
import type { CollectionDefinition, Documents, JsonObject } from './document-request.ts'

type Declared = {
  readonly collections: readonly CollectionDefinition[]
  /** First documents of collections that are empty. */
  readonly seed: Readonly<Record<string, readonly JsonObject[]>>
}

/** Seeds are the owner's documents: no rule applies, and no `_openid` is added. */
const OWNER: Identity = { kind: 'administrator', id: 'project', role: 'owner' }

/** Creates what is missing, sets rules, adds indexes; never drops anything. Documents come only into empty collections. */
export async function declareCollections(
  documents: Documents,
  { collections, seed }: Declared,
  log: Log,
): Promise<void> {
  for (const definition of collections) await documents.declareCollection(definition)
  const caller = { identity: OWNER }
  for (const [collection, first] of Object.entries(seed)) {
    if (first.length === 0 || (await documents.count({ collection }, caller)) > 0) continue
    await documents.add({ collection, documents: first }, caller)
    log.info({ collection, documents: first.length }, 'first documents added')
  }
}
