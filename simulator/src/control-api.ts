import type { CallLog } from './call-log.ts'
import { FAULTS, type Fault, type Knobs } from './faults.ts'
import type { CodeKind, People } from './people.ts'
import { Refusal } from './refusal.ts'
import type { Answer, Input, Route } from './route.ts'
import { isRecord } from './route.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Talks } from './talks.ts'

type Needs = {
  people: People
  knobs: Knobs
  calls: CallLog
  subscriptions: Subscriptions
  talks: Talks
  grant: (user: string, templateId: string, times?: number) => void
  encryptFor: (user: string, facts: Readonly<Record<string, unknown>>) => unknown
}

/**
 * What WeChat's servers do not have: the part of the phone and of the tester, under `/simulator/`.
 *
 * A person with curl, a headless test and another process use the same addresses.
 */
export function controlApi({ people, knobs, calls, subscriptions, talks, grant, encryptFor }: Needs): Route[] {
  const issue =
    (kind: CodeKind) =>
    ({ query, json }: Input): Answer => {
      const user = userOf(query['user'] ?? json['user'])
      return { json: { code: people.issueCode(kind, user), user, openid: people.get(user).openid } }
    }

  return [
    control('GET', '/simulator/login', issue('login')),
    control('POST', '/simulator/login', issue('login')),
    control('GET', '/simulator/phone', issue('phone')),
    control('POST', '/simulator/phone', issue('phone')),
    control('POST', '/simulator/block', ({ query }) => {
      const person = people.get(userOf(query['user']))
      person.isBlocked = query['blocked'] !== 'false'
      return { json: { user: person.user, blocked: person.isBlocked } }
    }),
    control('POST', '/simulator/subscribe', ({ query }) => {
      const user = userOf(query['user'])
      const templateId = query['template'] ?? ''
      grant(user, templateId, Number(query['times'] ?? 1))
      return { json: { user, templateId, grants: subscriptions.left(people.get(user).openid, templateId) } }
    }),
    control('POST', '/simulator/talk', ({ query }) => {
      const { user, openid } = people.get(userOf(query['user']))
      return { json: { user, repliesLeft: talks.begin(openid) } }
    }),
    control('POST', '/simulator/encrypt', ({ query, json }) => {
      const user = userOf(query['user'])
      if (people.get(user).sessionKey === undefined) throw new Refusal(40097, `${user} has to log in first`)
      return { json: encryptFor(user, json) }
    }),
    control('GET', '/simulator/calls', ({ query }) => ({ json: { calls: calls.list(query['path']) } })),
    control('DELETE', '/simulator/calls', () => {
      calls.clear()
      return { json: { calls: [] } }
    }),
    control('GET', '/simulator/knobs', () => ({ json: { clockSkewMs: knobs.clockSkewMs, faults: knobs.list() } })),
    control('POST', '/simulator/knobs', ({ json }) => {
      const { path, fault, clockSkewMs } = json
      if (typeof clockSkewMs === 'number') knobs.clockSkewMs = clockSkewMs
      if (path !== undefined) knobs.inject(String(path), parseFault(fault))
      return { json: { clockSkewMs: knobs.clockSkewMs, faults: knobs.list() } }
    }),
    control('DELETE', '/simulator/knobs', ({ query }) => {
      knobs.clear(query['path'])
      knobs.clockSkewMs = 0
      return { json: { clockSkewMs: 0, faults: knobs.list() } }
    }),
  ]
}

export function control(method: Route['method'], path: string, handle: Route['handle']): Route {
  return { method, path, family: 'control', needsToken: false, body: 'none', handle }
}

/** @throws {Refusal} 40097 */
function userOf(value: unknown): string {
  if (typeof value === 'string' && /^[^:]{1,64}$/.test(value)) return value
  throw new Refusal(40097, 'say who: ?user=alice (1 to 64 characters, no colon)')
}

/** @throws {Refusal} 40097 that lists the kinds there are */
function parseFault(value: unknown): Fault {
  if (isRecord(value) && Object.hasOwn(FAULTS, String(value['kind']))) return value as Fault // safe: the rest is optional
  throw new Refusal(40097, `fault.kind must be one of: ${Object.keys(FAULTS).join(', ')}`)
}
