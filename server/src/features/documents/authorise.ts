/**
 * The one authoriser: identity and the collection's rules → the condition that the request must carry, or
 * `permission_denied`. Every door's request passes here; owner's code (functions, keys, the console) is not under rules.
 */
import { LIMITS } from '@sampan/protocol/limits'
import { AppError } from '../../errors.ts'
import { type Identity, isUnderRules } from '../sessions/identity.ts'
import type { Collection } from './collection.ts'
import { EVERYTHING, type Filter, fieldEquals } from './document-filter.ts'
import { idKey } from './document-id.ts'
import type { CollectionRules, Json, JsonObject } from './document-request.ts'
import { isArray, isObject } from './document-values.ts'
import type { Engine } from './documents-needs.ts'
import { evaluateRule, type RuleContext } from './evaluate-rule.ts'
import { compileFilter } from './match-document.ts'
import { refuseProtectedFilter, refuseProtectedPaths } from './protected-fields.ts'
import { isProvenBy } from './prove-subset.ts'
import { SIMPLE_MODES } from './simple-modes.ts'

export type Action = 'read' | 'create' | 'update' | 'delete'

/** The field that names a record's creator. The server writes it; clients never do. */
export const OWNER_FIELD = '_openid'

export type Permission = {
  readonly collection: Collection
  readonly identity: Identity
  readonly action: Action
  /** What the request asks for; security rules are checked against it. */
  readonly query?: Filter
  /** The new document of a `create`. */
  readonly document?: JsonObject
  /** What an update writes, as far as it is plain values. */
  readonly data?: JsonObject
  /** Other fields that the request names: to sort by, to change. */
  readonly paths?: readonly string[]
}

/**
 * The condition to add. In the simple modes CloudBase adds the owner silently: a change of someone else's record does not
 * fail, it changes nothing. Security rules add nothing that the query does not say itself.
 *
 * @throws {AppError} `permission_denied`, `unauthenticated`
 */
export async function authorise(engine: Engine, permission: Permission): Promise<Filter> {
  const { collection, identity, action } = permission
  if (!isUnderRules(identity)) return EVERYTHING
  refuseProtected(permission)
  const { rules } = collection
  const mode = typeof rules === 'string' ? rules : rules.mode
  if (typeof rules !== 'string' && mode === undefined) return provenRule(engine, rules, permission)
  const allowed = SIMPLE_MODES[mode ?? '']?.[action === 'read' ? 'read' : 'write'] ?? 'none'
  if (allowed === 'none') throw denied(permission)
  if (allowed === 'all') return EVERYTHING
  if (identity.kind === 'anonymous') {
    throw new AppError('unauthenticated', `Log in to ${action} records of ${collection.name}.`)
  }
  return fieldEquals(OWNER_FIELD, identity.openId)
}

const denied = ({ action, collection: { name } }: Permission) =>
  new AppError('permission_denied', `The rules of ${name} do not let this user ${action} records.`)

/** What the request names must be visible to this caller, in whatever it names it. */
function refuseProtected({ collection, identity, query, document, paths = [] }: Permission) {
  if (query) refuseProtectedFilter(collection, identity, query)
  refuseProtectedPaths(collection, identity, [...paths, ...Object.keys(document ?? {})])
}

async function provenRule(
  engine: Engine,
  rules: Exclude<CollectionRules, string>,
  permission: Permission,
): Promise<Filter> {
  const { action, query = EVERYTHING, document } = permission
  const rule = action === 'read' ? rules.read : (rules[action] ?? rules.write)
  const allowed = await evaluateRule(rule ?? false, contextOf(engine, permission))
  const isAllowed = document ? compileFilter(allowed)(document) : isProvenBy(allowed, query)
  if (!isAllowed) throw denied(permission)
  return document ? EVERYTHING : allowed
}

function contextOf(engine: Engine, { identity, query, document, data }: Permission): RuleContext {
  const { catalogue, database } = engine
  return {
    auth: identity.kind === 'user' ? { openid: identity.openId, uid: identity.openId, loginType: 'WECHAT' } : null,
    nowMs: engine.now(),
    data: data ?? document,
    document,
    fixed: fixedFields(query),
    async read(name, id) {
      const collection = await catalogue.find(name)
      if (!collection) return null
      const sql = `SELECT doc FROM ${database.dialect.quote(collection.table)} WHERE _id = ?`
      const [row] = await database.read(sql, [idKey(id)], { cost: 'cheap' })
      return row ? JSON.parse(String(row['doc'])) : null
    },
  }
}

/** Fields that the query fixes to one value: for the places that get() reads. Equality may also mean a member of a list. */
function fixedFields(query: Filter | undefined): Map<string, Json> {
  const fixed = new Map<string, Json>()
  for (const part of query?.kind === 'and' ? query.of : query ? [query] : []) {
    if (part.kind === 'field' && part.path === '_id' && part.test.kind === 'eq') fixed.set('_id', part.test.value)
  }
  return fixed
}

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

/** In a client's query the text `{openid}` stands for the caller. What is nested too deeply is refused later as it is. */
export function withCallersId(query: JsonObject | undefined, identity: Identity): JsonObject | undefined {
  if (query === undefined || identity.kind !== 'user') return query
  const replace = (value: Json, depth: number): Json => {
    if (value === '{openid}') return identity.openId
    if (depth > LIMITS.documentDepth) return value
    if (isArray(value)) return value.map((element) => replace(element, depth + 1))
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, replace(field, depth + 1)]))
  }
  return replace(query, 1) as JsonObject // safe: an object stays one
}
