/**
 * "May this user do this?": asks the real engine as that person. Reading is simply tried; a write is tried on a database
 * that takes it back, so the answer comes from the rule itself and nothing changes.
 */

import type { Database, DatabaseLog } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import type { Documents, Json, JsonObject } from '../documents/document-request.ts'
import { openDocuments } from '../documents/documents.ts'
import { ANONYMOUS, type Identity } from '../sessions/identity.ts'
import { neverCommit } from './never-commit.ts'

export type RuleTest = {
  readonly collection: string
  readonly appId: string
  readonly action: 'read' | 'create' | 'update' | 'delete'
  /** Empty: somebody who has not logged in. */
  readonly openId: string
  readonly id?: Json
  readonly query?: JsonObject
  readonly document?: JsonObject
}
export type RuleAnswer = {
  readonly isAllowed: boolean
  /** Records that this person sees or would change. */
  readonly records: number
  /** The error that the phone would get. */
  readonly code?: string
  readonly message?: string
}

const READ_LIMIT = 20

type Needs = { readonly documents: Documents; readonly database: Database; readonly log: DatabaseLog }

export async function tryAs(needs: Needs, test: RuleTest): Promise<RuleAnswer> {
  const identity: Identity = test.openId
    ? { kind: 'user', openId: test.openId, appId: test.appId, sessionId: 'rule-test' }
    : ANONYMOUS
  try {
    const records =
      test.action === 'read' ? await read(needs.documents, test, identity) : await write(needs, test, identity)
    return { isAllowed: records > 0 || test.action === 'read', records }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { isAllowed: false, records: 0, code: error.code, message: error.message }
  }
}

async function read(documents: Documents, { collection, id, query = {} }: RuleTest, identity: Identity) {
  if (id !== undefined) return (await documents.get({ collection, id }, { identity })) === undefined ? 0 : 1
  const { documents: found } = await documents.find({ collection, query, limit: READ_LIMIT }, { identity })
  return found.length
}

async function write({ database, log }: Needs, test: RuleTest, identity: Identity) {
  const { collection, id, query = {}, document = {} } = test
  const engine = await openDocuments({ database: neverCommit(database), log })
  const selection = { collection, ...(id === undefined ? { query, multi: true } : { id }) }
  try {
    if (test.action === 'create')
      return (await engine.add({ collection, documents: [document] }, { identity })).ids.length
    if (test.action === 'delete') return (await engine.remove(selection, { identity })).removed
    return (await engine.update({ ...selection, changes: { $set: document } }, { identity })).updated
  } finally {
    await engine.close()
  }
}
