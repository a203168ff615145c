/**
 * The one authoriser: identity and the collection's rules → the condition that the request must carry, or
 * `permission_denied`. Every door's request passes here; owner's code (functions, keys, the console) is not under rules.
 */
import { AppError } from '../../errors.ts'
import { type Identity, isUnderRules } from '../sessions/identity.ts'
import type { Collection } from './collection-catalogue.ts'
import { EVERYTHING, type Filter, fieldEquals } from './document-filter.ts'
import type { JsonObject } from './document-request.ts'

export type Action = 'read' | 'create' | 'update' | 'delete'

/** The field that names a record's creator. The server writes it; clients never do. */
export const OWNER_FIELD = '_openid'

const SIMPLE_MODES: Readonly<Record<string, Readonly<Record<'read' | 'write', 'all' | 'owner' | 'none'>>>> = {
  READONLY: { read: 'all', write: 'owner' },
  PRIVATE: { read: 'owner', write: 'owner' },
  ADMINWRITE: { read: 'all', write: 'none' },
  ADMINONLY: { read: 'none', write: 'none' },
}

/**
 * The condition to add. In the simple modes CloudBase adds the owner silently: a change of someone else's record does not
 * fail, it changes nothing.
 *
 * @throws {AppError} `permission_denied`, `unauthenticated`
 */
export function authorise(
  action: Action,
  collection: Collection,
  identity: Identity,
  _query: Filter = EVERYTHING,
): Filter {
  if (!isUnderRules(identity)) return EVERYTHING
  const mode = typeof collection.rules === 'string' ? SIMPLE_MODES[collection.rules] : undefined
  const allowed = mode ? mode[action === 'read' ? 'read' : 'write'] : 'none'
  if (allowed === 'none') throw denied(action, collection)
  if (allowed === 'all') return EVERYTHING
  if (identity.kind === 'anonymous') {
    throw new AppError('unauthenticated', `Log in to ${action} records of ${collection.name}.`)
  }
  return fieldEquals(OWNER_FIELD, identity.openId)
}

const denied = (action: Action, { name }: Collection) =>
  new AppError('permission_denied', `The rules of ${name} do not let this user ${action} records.`)

/** Clients may not name an owner; the server does. */
export function withOwner(document: JsonObject, identity: Identity): JsonObject {
  if (!isUnderRules(identity)) return document
  refuseOwnerField(OWNER_FIELD in document)
  return identity.kind === 'user' ? { ...document, [OWNER_FIELD]: identity.openId } : document
}

export function refuseOwnerField(isNamed: boolean) {
  if (!isNamed) return
  const details = { path: OWNER_FIELD, reason: 'is written by the server' }
  throw new AppError('invalid_document', `${OWNER_FIELD} is written by the server.`, { details })
}
