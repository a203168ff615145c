/** The console's people: who may enter, how they sign in, and how new ones are invited. */
import { createHash, randomBytes } from 'node:crypto'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import {
  type Administrator,
  acceptInvite,
  addInvite,
  addSession,
  changePassword,
  countAdministrators,
  findByName,
  findBySession,
  type Role,
  removeSessions,
} from './administrator-store.ts'
import { createPasswordHasher, type PasswordHasher } from './console-password.ts'
import { createSignInLimit, type SignInLimit } from './sign-in-limit.ts'

const TOKEN_BYTES = 32
const ID_BYTES = 12
const INVITE_TTL_MS = 24 * 3_600_000
export const CONSOLE_SESSION_TTL_SECONDS = 7 * 24 * 3600

type Needs = { database: Database; passwords: PasswordHasher; limit: SignInLimit; now?: () => number }
export type Visitor = { ip: string; userAgent: string }

export type Administrators = ReturnType<typeof createAdministrators>

/** With the cost and the limits of production. */
export const openAdministrators = (database: Database, now: () => number): Administrators =>
  createAdministrators({ database, passwords: createPasswordHasher(), limit: createSignInLimit(now), now })

export function createAdministrators({ database, passwords, limit, now = Date.now }: Needs) {
  async function openSession(administrator: Administrator, { ip, userAgent }: Visitor) {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const createdAtMs = now()
    await database.transact(addSession, {
      tokenHash: hashToken(token),
      administratorId: administrator.id,
      createdAtMs,
      expiresAtMs: createdAtMs + CONSOLE_SESSION_TTL_SECONDS * 1000,
      ip: ip.slice(0, 64),
      userAgent: userAgent.slice(0, 255),
    })
    return { token, administrator }
  }

  return {
    needsSetup: async () => (await countAdministrators(database)) === 0,

    /** A token that makes one account, once, within a day. Only its hash is stored. */
    async invite(role: Role) {
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      const nowMs = now()
      await database.transact(addInvite, {
        tokenHash: hashToken(token),
        role,
        nowMs,
        expiresAtMs: nowMs + INVITE_TTL_MS,
      })
      return token
    },

    /** @throws {AppError} `setup_link_invalid`, `administrator_exists` */
    async accept({ token, name, password }: { token: string; name: string; password: string }, visitor: Visitor) {
      limit.check('', visitor.ip)
      limit.attempted('', visitor.ip)
      const passwordHash = await passwords.hash(password)
      const administrator = await database.transact(acceptInvite, {
        tokenHash: hashToken(token),
        nowMs: now(),
        administrator: { id: randomBytes(ID_BYTES).toString('hex'), name, passwordHash, createdAtMs: now() },
      })
      limit.succeeded('', visitor.ip)
      return openSession(administrator, visitor)
    },

    /** @throws {AppError} `sign_in_failed`, `rate_limited` */
    async signIn(name: string, password: string, visitor: Visitor) {
      limit.check(name, visitor.ip)
      limit.attempted(name, visitor.ip)
      const found = await findByName(database, name)
      // An unknown name takes as long as a wrong password: the answer's time must not tell who exists.
      const isRight = found ? await passwords.verify(password, found.passwordHash) : !(await passwords.hash(password))
      if (!found || !isRight) throw new AppError('sign_in_failed', 'Name or password is wrong.')
      limit.succeeded(name, visitor.ip)
      const { passwordHash: _, ...administrator } = found
      return openSession(administrator, visitor)
    },

    find: (token: string) => findBySession(database, hashToken(token), now()),

    signOut: (administratorId: string, token: string) =>
      database.transact(removeSessions, { administratorId, tokenHashStart: hashToken(token) }),

    /** Also ends all sessions of this person. @throws {AppError} `sign_in_failed` when the current password is wrong */
    async changePassword(administrator: Administrator, current: string, next: string, visitor: Visitor) {
      limit.check(administrator.name, visitor.ip)
      limit.attempted(administrator.name, visitor.ip)
      const found = await findByName(database, administrator.name)
      if (!found || !(await passwords.verify(current, found.passwordHash))) {
        throw new AppError('sign_in_failed', 'The current password is wrong.')
      }
      limit.succeeded(administrator.name, visitor.ip)
      await database.transact(changePassword, { id: found.id, passwordHash: await passwords.hash(next) })
    },
  }
}

/** For the banner of the first start: the path of a one-time link, or undefined when somebody has an account. */
export async function createSetupLink(administrators: Pick<Administrators, 'needsSetup' | 'invite'>) {
  if (!(await administrators.needsSetup())) return undefined
  return invitePath(await administrators.invite('owner'))
}

/** The token stands after #: browsers do not send that part, so it reaches no log. */
export const invitePath = (token: string) => `/console/setup#token=${token}`

/** Tokens are 256 random bits, so one fast hash is enough. */
const hashToken = (token: string) => createHash('sha256').update(token).digest('hex')
