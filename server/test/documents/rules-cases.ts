/** Random rules with a naive reading of each, and queries over a small world of records. */
import fc from 'fast-check'
import type { CollectionRules, Json, JsonObject } from '../../src/features/documents/document-request.ts'

export const RULED_RECORDS: readonly JsonObject[] = ['me', 'you', null]
  .flatMap((owner) =>
    [0, 1, 2].flatMap((n) =>
      [true, false].map(
        (isPublic): JsonObject => ({ _id: `${owner} ${n} ${isPublic}`, ...(owner && { _openid: owner }), n, isPublic }),
      ),
    ),
  )
  .sort((a, b) => (String(a['_id']) < String(b['_id']) ? -1 : 1))

/** A rule, and what it says to somebody who reads it naively; `user` is undefined for who is not logged in. */
type NaiveRule = { readonly text: string; holds(record: JsonObject, user: string | undefined): boolean }

const OPERATORS: readonly [string, (a: Json | undefined, b: Json) => boolean][] = [
  ['==', (a, b) => a === b],
  ['!=', (a, b) => a !== b],
  ['<', (a, b) => typeof a === 'number' && typeof b === 'number' && a < b],
  ['>=', (a, b) => typeof a === 'number' && typeof b === 'number' && a >= b],
]

const atom: fc.Arbitrary<NaiveRule> = fc.oneof(
  fc.tuple(fc.constantFrom(...OPERATORS), fc.integer({ min: 0, max: 2 })).map(([[sign, holds], value]) => ({
    text: `doc.n ${sign} ${value}`,
    holds: (record: JsonObject) => holds(record['n'], value),
  })),
  fc.constant<NaiveRule>({
    text: 'doc._openid == auth.openid',
    holds: (record, user) => user !== undefined && record['_openid'] === user,
  }),
  fc.constant<NaiveRule>({
    text: 'auth.openid != doc._openid',
    holds: (record, user) => user === undefined || record['_openid'] !== user,
  }),
  fc.constant<NaiveRule>({ text: 'doc.isPublic', holds: (record) => record['isPublic'] === true }),
  fc.constant<NaiveRule>({ text: 'doc.isPublic == false', holds: (record) => record['isPublic'] === false }),
  fc.constant<NaiveRule>({ text: 'doc.n in [0, 2]', holds: (record) => [0, 2].includes(Number(record['n'])) }),
  fc.constant<NaiveRule>({ text: `auth.openid == 'me'`, holds: (_record, user) => user === 'me' }),
  fc.constant<NaiveRule>({ text: 'true', holds: () => true }),
)

const { rule: aRule } = fc.letrec<{ rule: NaiveRule }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 3 },
    { weight: 3, arbitrary: atom },
    {
      weight: 1,
      arbitrary: tie('rule').map((a) => ({
        text: `!(${a.text})`,
        holds: (record: JsonObject, user: string | undefined) => !a.holds(record, user),
      })),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(tie('rule'), tie('rule')).map(([a, b]) => ({
        text: `(${a.text}) && (${b.text})`,
        holds: (record: JsonObject, user: string | undefined) => a.holds(record, user) && b.holds(record, user),
      })),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(tie('rule'), tie('rule')).map(([a, b]) => ({
        text: `(${a.text}) || (${b.text})`,
        holds: (record: JsonObject, user: string | undefined) => a.holds(record, user) || b.holds(record, user),
      })),
    },
  ),
}))

const condition: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.constantFrom<JsonObject>(
    { _openid: 'me' },
    { _openid: 'you' },
    { _openid: { $ne: 'me' } },
    { isPublic: true },
    { isPublic: false },
  ),
  fc
    .tuple(fc.constantFrom('$eq', '$ne', '$lt', '$lte', '$gt', '$gte'), fc.integer({ min: 0, max: 2 }))
    .map(([operator, n]): JsonObject => ({ n: { [operator]: n } })),
  fc.subarray([0, 1, 2], { minLength: 1 }).map((list): JsonObject => ({ n: { $in: list } })),
)

export const ruledQuery: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.array(condition, { maxLength: 3 }).map((parts): JsonObject => (parts.length ? { $and: parts } : {})),
  fc.array(condition, { minLength: 1, maxLength: 2 }).map((parts): JsonObject => ({ $or: parts })),
  fc.tuple(condition, condition).map(([a, b]): JsonObject => ({ $nor: [a, b] })),
)

type Action = 'read' | 'update' | 'delete'

/** A collection's rules, and what each action may see. */
export type NaiveRules = {
  readonly rules: CollectionRules
  holds(action: Action, record: JsonObject, user: string | undefined): boolean
  /** Whether there is nothing to prove: then nobody who is logged in may be refused. */
  isPlain(action: Action): boolean
}

const isOwner = (record: JsonObject, user: string | undefined) => user !== undefined && record['_openid'] === user

const modes: fc.Arbitrary<NaiveRules> = fc.constantFrom<NaiveRules>(
  {
    rules: 'READONLY',
    holds: (action, record, user) => action === 'read' || isOwner(record, user),
    isPlain: () => true,
  },
  { rules: 'PRIVATE', holds: (_action, record, user) => isOwner(record, user), isPlain: () => true },
  { rules: 'ADMINWRITE', holds: (action) => action === 'read', isPlain: (action) => action === 'read' },
  { rules: 'ADMINONLY', holds: () => false, isPlain: () => false },
)

const written: fc.Arbitrary<NaiveRules> = fc.record({ read: aRule, update: aRule, delete: aRule }).map((rules) => ({
  rules: { read: rules.read.text, update: rules.update.text, delete: rules.delete.text },
  holds: (action, record, user) => rules[action].holds(record, user),
  isPlain: (action) => rules[action].text === 'true',
}))

export const ruleSet = fc.oneof({ weight: 1, arbitrary: modes }, { weight: 4, arbitrary: written })
