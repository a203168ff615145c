import { createHash } from 'node:crypto'
import { Refusal } from './refusal.ts'
import type { SeededRandom } from './seeded-random.ts'

const CODE_TTL_MS = 300_000
/** People and codes remembered; the oldest are forgotten first, so that a long load test stays small. */
const PEOPLE_LIMIT = 200_000
const CODES_LIMIT = 200_000

/** Someone who uses the mini program. `user` is the name the developer chose; WeChat's ids follow from it. */
export type Person = {
  readonly user: string
  readonly openid: string
  readonly unionid: string
  readonly phoneNumber: string
  /** Base64 of 16 bytes; undefined before the first login. Each login replaces it. */
  sessionKey: string | undefined
  seenAtMs: number
  isBlocked: boolean
}

export type CodeKind = 'login' | 'phone'

export type People = {
  get(user: string): Person
  findByOpenid(openid: string): Person | undefined
  /** A code as wx.login() or the phone number button returns it: once, five minutes. */
  issueCode(kind: CodeKind, user: string): string
  /**
   * Spends a code. `sim:<user>:<nonce>` (and `sim-phone:<user>:<nonce>`) counts as issued at the moment it is first seen,
   * so that a script can log in without asking the simulator first.
   *
   * @throws {Refusal} 40029 unknown or expired; a used one is 40163 for logins and 40029 for phone numbers
   */
  spendCode(kind: CodeKind, code: string): Person
  startSession(person: Person): string
}

type Code = { user: string; expiresAtMs: number; isUsed: boolean }

type Needs = { appId: string; now: () => number; random: SeededRandom; guestUser?: string | undefined }

export function openPeople({ appId, now, random, guestUser }: Needs): People {
  const people = new Map<string, Person>()
  const userByOpenid = new Map<string, string>()
  const codes = new Map<string, Code>()

  const get = (user: string) => {
    const known = people.get(user)
    if (known) return known
    const person = createPerson(user, appId)
    people.set(user, person)
    userByOpenid.set(person.openid, user)
    if (people.size > PEOPLE_LIMIT) {
      const oldest = people.keys().next().value ?? ''
      userByOpenid.delete(people.get(oldest)?.openid ?? '')
      people.delete(oldest)
    }
    return person
  }

  const remember = (key: string, code: Code) => {
    codes.set(key, code)
    if (codes.size > CODES_LIMIT) codes.delete(codes.keys().next().value ?? '')
    return code
  }

  /** Codes that nobody issued but that are accepted once: the script's shortcut, and DevTools' own codes as the guest. */
  const adopt = (kind: CodeKind, code: string): Code | undefined => {
    const [, prefix, user] = /^(sim|sim-phone):([^:]{1,64}):[^:]{1,128}$/.exec(code) ?? []
    const wanted = kind === 'login' ? 'sim' : 'sim-phone'
    const owner = prefix === wanted ? user : prefix ? undefined : guestUser
    if (!owner) return undefined
    return remember(`${kind}:${code}`, { user: owner, expiresAtMs: now() + CODE_TTL_MS, isUsed: false })
  }

  return {
    get,
    findByOpenid(openid) {
      const user = userByOpenid.get(openid)
      return user === undefined ? undefined : people.get(user)
    },
    issueCode(kind, user) {
      const code = `0${random.letters(31)}`
      remember(`${kind}:${code}`, { user, expiresAtMs: now() + CODE_TTL_MS, isUsed: false })
      return code
    },
    spendCode(kind, code) {
      const found = codes.get(`${kind}:${code}`) ?? adopt(kind, code)
      if (!found) throw new Refusal(40029)
      if (found.isUsed) throw new Refusal(kind === 'login' ? 40163 : 40029)
      if (found.expiresAtMs <= now()) throw new Refusal(40029)
      found.isUsed = true
      return get(found.user)
    },
    startSession(person) {
      person.sessionKey = random.bytes(16).toString('base64')
      person.seenAtMs = now()
      return person.sessionKey
    },
  }
}

/** The same user has the same ids in every run, so that data kept from yesterday still belongs to them. */
function createPerson(user: string, appId: string): Person {
  const digest = (purpose: string) => createHash('sha256').update(`${purpose}\0${appId}\0${user}`).digest()
  const looksLikeId = (purpose: string) => `o${digest(purpose).toString('base64url').slice(0, 27)}`
  return {
    user,
    openid: looksLikeId('openid'),
    unionid: looksLikeId('unionid'),
    phoneNumber: `138${(digest('phone').readUInt32BE() % 100_000_000).toString().padStart(8, '0')}`,
    sessionKey: undefined,
    seenAtMs: -Infinity,
    isBlocked: false,
  }
}
