import type { CallLog } from './call-log.ts'
import { FAULTS, type Fault, type Knobs } from './faults.ts'
import type { MessagePush } from './message-push.ts'
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
  push: MessagePush
  grant: (user: string, templateId: string, times?: number) => void
  encryptFor: (user: string, facts: Readonly<Record<string, unknown>>) => unknown
}

/**
 * What WeChat's servers do not have: the part of the phone and of the tester, under `/simulator/`.
 *
 * A person with curl, a headless test and another process use the same addresses.
 */
export function controlApi({ people, knobs, calls, subscriptions, talks, push, grant, encryptFor }: Needs): Route[] {
  const issue =
    (kind: CodeKind) =>
    ({ query, json }: Input): Answer => {
      const user = userOf(query['user'] ?? json['user'])
      return { json: { code: people.issueCode(kind, user), user, openid: people.get(user).openid } }
    }

  const tellKnobs = (): Answer => ({ json: { clockSkewMs: knobs.clockSkewMs, faults: knobs.list() } })

  return [
    control('GET', '/simulator/login', 'a code as wx.login() returns it: ?user=alice', issue('login')),
    control('POST', '/simulator/login', 'the same: {"user":"alice"}', issue('login')),
    control('GET', '/simulator/phone', 'a code as the phone number button returns it: ?user=alice', issue('phone')),
    control('POST', '/simulator/phone', 'the same: {"user":"alice"}', issue('phone')),
    control(
      'POST',
      '/simulator/block',
      'makes a user high-risk, or no longer: ?user=alice&blocked=false',
      ({ query }) => {
        const person = people.get(userOf(query['user']))
        person.isBlocked = query['blocked'] !== 'false'
        return { json: { user: person.user, blocked: person.isBlocked } }
      },
    ),
    control('POST', '/simulator/subscribe', 'allows messages: ?user=alice&template=ID&times=1', ({ query }) => {
      const user = userOf(query['user'])
      const templateId = query['template'] ?? ''
      grant(user, templateId, Number(query['times'] ?? 1))
      return { json: { user, templateId, grants: subscriptions.left(people.get(user).openid, templateId) } }
    }),
    control(
      'POST',
      '/simulator/talk',
      'writes to the customer service, so that it may answer: ?user=alice',
      ({ query }) => {
        const { user, openid } = people.get(userOf(query['user']))
        return { json: { user, repliesLeft: talks.begin(openid) } }
      },
    ),
    control('POST', '/simulator/encrypt', 'encrypts the body with the session_key: ?user=alice', ({ query, json }) => {
      const user = userOf(query['user'])
      if (people.get(user).sessionKey === undefined) throw new Refusal(40097, `${user} has to log in first`)
      return { json: encryptFor(user, json) }
    }),
    control(
      'POST',
      '/simulator/push',
      'reports an event to the server: {"user":"alice","event":"…","facts":{}}',
      ({ json }) => {
        const { user, event, facts } = json
        if (typeof event !== 'string') throw new Refusal(40097, 'event is missing')
        const { openid } = people.get(userOf(user))
        push.send({ openid, event, ...(isRecord(facts) && { facts }) })
        return { json: { openid, event } }
      },
    ),
    control('GET', '/simulator/calls', 'what was called: ?path=/sns/jscode2session', ({ query }) => ({
      json: { calls: calls.list(query['path']) },
    })),
    control('DELETE', '/simulator/calls', 'forgets what was called', () => {
      calls.clear()
      return { json: { calls: [] } }
    }),
    control('GET', '/simulator/knobs', 'the faults that are set', tellKnobs),
    control('POST', '/simulator/knobs', 'sets a fault: {"path":"*","fault":{"kind":"busy","times":1}}', ({ json }) => {
      const { path, fault, clockSkewMs } = json
      if (typeof clockSkewMs === 'number') knobs.clockSkewMs = clockSkewMs
      if (path !== undefined) knobs.inject(String(path), parseFault(fault))
      return tellKnobs()
    }),
    control('DELETE', '/simulator/knobs', 'removes the faults of a path, or all: ?path=*', ({ query }) => {
      knobs.clear(query['path'])
      knobs.clockSkewMs = 0
      return tellKnobs()
    }),
  ]
}

/** What there is to call, for someone who has only the address. */
export function listControls(routes: readonly Route[]): Route {
  const controls = routes.filter((route) => route.family === 'control')
  const listed = controls.map(({ method, path, about = '' }) => ({ call: `${method} ${path}`, about }))
  const apis = routes.filter((route) => route.family !== 'control').map(({ method, path }) => `${method} ${path}`)
  const facts = { controls: listed, shortcut: 'the code sim:alice:1 logs alice in, once', faults: FAULTS, apis }
  return control('GET', '/simulator', 'this list', () => ({ json: facts }))
}

export function control(method: Route['method'], path: string, about: string, handle: Route['handle']): Route {
  return { method, path, about, family: 'control', needsToken: false, body: 'none', handle }
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
