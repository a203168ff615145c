/** Random rules × queries × identities: every door must answer exactly what a naive reading of the rule lets through. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeFilter } from '../../src/features/documents/decode-filter.ts'
import type { DocumentCaller, Documents, JsonObject } from '../../src/features/documents/document-request.ts'
import { openDocuments } from '../../src/features/documents/documents.ts'
import { compileFilter } from '../../src/features/documents/match-document.ts'
import { observeChanges } from '../../src/features/documents/observe-changes.ts'
import { openWatches, type Watches } from '../../src/features/rooms/watches.ts'
import { isUnderRules } from '../../src/features/sessions/identity.ts'
import { asAnonymous, asFunction, asUser, type OpenedDatabase, quietLog } from './document-fixtures.ts'
import { type NaiveRules, RULED_RECORDS, ruledQuery, ruleSet } from './rules-cases.ts'

const QUERIES_PER_RULES = 10
const COLLECTION = 'ruled'

const ADMINISTRATOR: DocumentCaller = { identity: { kind: 'administrator', id: 'owner', role: 'owner' } }
const CALLERS: readonly DocumentCaller[] = [
  asUser('me'),
  asUser('me'),
  asUser('you'),
  asAnonymous,
  asFunction,
  { identity: { kind: 'function', name: 'shop', user: { ...asUser('me').identity, kind: 'user' } as never } }, // safe: a user's identity
  { identity: { kind: 'key', keyId: 'reports' } },
  ADMINISTRATOR,
]

type World = { readonly documents: Documents; readonly watches: Watches }
/** Asks with this query, and answers the ids that it saw or changed. */
type Door = {
  readonly name: string
  readonly action: 'read' | 'update' | 'delete'
  ask(world: World, query: JsonObject, caller: DocumentCaller): Promise<unknown[]>
}

const idsOf = (texts: readonly string[]) => texts.map((text) => JSON.parse(text)._id)

async function everything({ documents }: World, query: JsonObject = {}): Promise<JsonObject[]> {
  const { documents: texts } = await documents.find({ collection: COLLECTION, query, limit: 1000 }, asFunction)
  return texts.map((text) => JSON.parse(text))
}

let marks = 0

const DOORS: readonly Door[] = [
  {
    name: 'find',
    action: 'read',
    async ask({ documents }, query, caller) {
      return idsOf((await documents.find({ collection: COLLECTION, query }, caller)).documents)
    },
  },
  {
    name: 'count',
    action: 'read',
    async ask(world, query, caller) {
      const total = await world.documents.count({ collection: COLLECTION, query }, caller)
      const { documents } = await world.documents.find({ collection: COLLECTION, query }, caller)
      assert.equal(total, documents.length)
      return idsOf(documents)
    },
  },
  {
    name: 'aggregate',
    action: 'read',
    async ask({ documents }, query, caller) {
      const stages = [{ $match: query }, { $project: { n: 1 } }, { $limit: 1000 }]
      return idsOf((await documents.aggregate({ collection: COLLECTION, stages }, caller)).documents)
    },
  },
  {
    name: 'group',
    action: 'read',
    async ask({ documents }, query, caller) {
      const stages = [{ $match: query }, { $group: { _id: null, ids: { $push: '$_id' }, n: { $sum: 1 } } }]
      const [text] = (await documents.aggregate({ collection: COLLECTION, stages }, caller)).documents
      const { ids, n } = text === undefined ? { ids: [], n: 0 } : JSON.parse(text)
      assert.equal(ids.length, n)
      return ids
    },
  },
  {
    name: 'update',
    action: 'update',
    async ask(world, query, caller) {
      const mark = ++marks
      const request = { collection: COLLECTION, query, changes: { $set: { mark } } }
      const { updated } = await world.documents.update(request, caller)
      const marked = await everything(world, { mark })
      assert.equal(updated, marked.length)
      return marked.map(({ _id }) => _id)
    },
  },
  {
    name: 'remove',
    action: 'delete',
    async ask(world, query, caller) {
      const before = await everything(world)
      const { removed } = await world.documents.remove({ collection: COLLECTION, query }, caller)
      const left = new Set((await everything(world)).map(({ _id }) => _id))
      const gone = before.filter(({ _id }) => !left.has(_id))
      assert.equal(removed, gone.length)
      if (gone.length) await world.documents.add({ collection: COLLECTION, documents: gone }, asFunction)
      return gone.map(({ _id }) => _id)
    },
  },
  {
    name: 'watch',
    action: 'read',
    async ask({ watches }, query, caller) {
      const watch = await watches.open({ collection: COLLECTION, query }, caller, { onChanges() {}, onError() {} })
      watch.close()
      return watch.first.map(({ docId }) => docId)
    },
  },
  {
    name: 'export',
    action: 'read',
    async ask({ documents }, query, caller) {
      const found: unknown[] = []
      for (let after: unknown; ; after = found.at(-1)) {
        const rest = after === undefined ? query : { $and: [query, { _id: { $gt: after } }] }
        const request = { collection: COLLECTION, query: rest as JsonObject, order: { _id: 1 }, limit: 7 } // safe: an id is JSON
        const page = idsOf((await documents.find(request, caller)).documents)
        found.push(...page)
        if (page.length < 7) return found
      }
    },
  },
]

export type RuleFuzz = { readonly cases: number; readonly allowed: number }

/** @throws {Error} at the first difference, with the case that shows it */
export async function fuzzRules(
  { database }: OpenedDatabase,
  { cases, seed }: { cases: number; seed: number },
): Promise<RuleFuzz> {
  const engine = await openDocuments({ database, log: quietLog })
  const { documents, onChange } = observeChanges(engine)
  const world = { documents, watches: openWatches({ documents, onChange, isSharedDatabase: false }) }
  await documents.createCollection({ name: COLLECTION, rules: 'ADMINONLY', indexes: [{ fields: { n: 1 } }] })
  await documents.add({ collection: COLLECTION, documents: RULED_RECORDS }, asFunction)
  const sets = Math.ceil(cases / (QUERIES_PER_RULES * DOORS.length))
  const question = fc.record({ query: ruledQuery, caller: fc.constantFrom(...CALLERS) })
  let allowed = 0
  for (const [set, naive] of fc.sample(ruleSet, { numRuns: sets, seed }).entries()) {
    await documents.setRules(COLLECTION, naive.rules)
    for (const { query, caller } of fc.sample(question, { numRuns: QUERIES_PER_RULES, seed: seed + set })) {
      for (const door of DOORS) {
        const isAnswered = await compareDoor(world, door, naive, query, caller).catch((error: Error) => {
          const what = JSON.stringify({ door: door.name, rules: naive.rules, query, identity: caller.identity })
          throw new Error(`seed ${seed}: ${what}\n${error.message}`)
        })
        if (isAnswered && isUnderRules(caller.identity)) allowed++
      }
    }
  }
  world.watches.close()
  await documents.close()
  return { cases: sets * QUERIES_PER_RULES * DOORS.length, allowed }
}

/** @returns whether the door answered */
async function compareDoor(world: World, door: Door, naive: NaiveRules, query: JsonObject, caller: DocumentCaller) {
  const { identity } = caller
  const user = identity.kind === 'user' ? identity.openId : undefined
  const answer = await door.ask(world, query, caller).catch((error: { code?: string }) => {
    assert.ok(error.code === 'permission_denied' || error.code === 'unauthenticated', String(error))
    const mayBeRefused = isUnderRules(identity) && !(user !== undefined && naive.isPlain(door.action))
    assert.ok(mayBeRefused, `refused with ${error.code}`)
  })
  if (!answer) return false
  const matches = compileFilter(decodeFilter(query, 0))
  const expected = RULED_RECORDS.filter(
    (record) => matches(record) && (!isUnderRules(identity) || naive.holds(door.action, record, user)),
  )
  assert.deepEqual(answer.map(String).sort(), expected.map(({ _id }) => String(_id)).sort())
  return true
}
