/** Who is calling: from the bearer token to `request.identity`, for almost all requests without asking the database. */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { Database } from '../../database/database.ts'
import { AppError } from '../../errors.ts'
import { isLoopback } from '../../http/rate-limit.ts'
import type { Log } from '../../log.ts'
import { ANONYMOUS, type Identity, type UserIdentity } from './identity.ts'
import { hashToken } from './log-in.ts'
import { findSession, listRevokedSince } from './session-store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    identity: Identity
  }
}

export type SessionLookup = {
  /** @throws {AppError} `session_invalid`, `session_expired` */
  identify(token: string): Promise<UserIdentity>
  /** The same from memory alone; undefined if the database must be asked. */
  identifyKnown(token: string): UserIdentity | undefined
  /** Takes effect in this process at once, in others within a second. */
  forget(tokenHash: string): void
  forgetUser(openId: string): void
  close(): void
}

type LookupNeeds = { readonly database: Database; readonly log: Log; readonly now: () => number }
type Known = { readonly identity: UserIdentity; readonly expiresAtMs: number }

/** Sessions remembered by one process: about 500 bytes each, 60 of them from the start. */
const MAX_KNOWN = 20_000
/** A revocation in one process reaches the others within this time. */
const REVOCATION_POLL_MS = 500
/** Processes' clocks and commits may differ by this much. */
const REVOCATION_OVERLAP_MS = 5_000

export function openSessionLookup({ database, log, now }: LookupNeeds): SessionLookup {
  const known = new LRUCache<string, Known>({ max: MAX_KNOWN })
  // A hash per request is 3 % of a small one. In memory a token may stand for itself; what is stored is the hash.
  const hashes = new LRUCache<string, string>({ max: MAX_KNOWN })

  let polledAtMs = now()
  const poll = setInterval(() => {
    if (known.size === 0) return
    const since = polledAtMs - REVOCATION_OVERLAP_MS
    polledAtMs = now()
    listRevokedSince(database, since).then(
      (hashes) => {
        for (const hash of hashes) known.delete(hash)
      },
      (error: unknown) => {
        // Without news about revocations nobody may be trusted from memory.
        known.clear()
        log.warn({ err: error }, 'revoked sessions could not be read')
      },
    )
  }, REVOCATION_POLL_MS)
  poll.unref()

  const fresh = (entry: Known) => {
    if (entry.expiresAtMs <= now()) throw new AppError('session_expired', 'This login has expired.')
    return entry.identity
  }

  return {
    identifyKnown(token) {
      const tokenHash = hashes.get(token)
      const entry = tokenHash === undefined ? undefined : known.get(tokenHash)
      return entry && fresh(entry)
    },
    async identify(token) {
      const tokenHash = hashToken(token)
      const session = await findSession(database, tokenHash)
      if (!session || session.revokedAtMs !== undefined) {
        throw new AppError('session_invalid', 'This token is not valid.')
      }
      const { openId, appId, unionId, expiresAtMs } = session
      const sessionId = tokenHash.slice(0, 16)
      const identity: UserIdentity = { kind: 'user', openId, appId, sessionId, ...(unionId && { unionId }) }
      const entry = { identity, expiresAtMs }
      const identified = fresh(entry)
      known.set(tokenHash, entry)
      hashes.set(token, tokenHash)
      return identified
    },
    forget: (tokenHash) => void known.delete(tokenHash),
    forgetUser(openId) {
      for (const [tokenHash, { identity }] of known.entries()) if (identity.openId === openId) known.delete(tokenHash)
    },
    close: () => clearInterval(poll),
  }
}

/** Longest Authorization header that is looked at. */
const MAX_TOKEN_CHARACTERS = 512

/**
 * Sets `request.identity` on every request. A token that is sent but not valid is refused, never treated as nobody.
 *
 * @param localToken what the command line on this machine may send to act as the owner; loopback only
 */
export function identifyCallers(app: FastifyInstance, sessions: SessionLookup, localToken: string): void {
  // Set by the hook below before anybody reads it; Fastify takes no object as the default.
  app.decorateRequest('identity', null as never)
  const owner = Buffer.from(localToken)

  const isOwner = (token: string) => {
    const given = Buffer.from(token)
    return owner.length > 0 && given.length === owner.length && timingSafeEqual(given, owner)
  }

  app.addHook('onRequest', (request, _reply, done) => {
    request.identity = ANONYMOUS
    const header = request.headers.authorization
    // `/admin` has its own signatures, `/console` its own cookies; what `/http` means by a token is the function's affair.
    if (!header?.startsWith('Bearer ') || /^\/(admin|http)\b/.test(request.url)) return done()
    const token = header.slice('Bearer '.length)
    if (token.length > MAX_TOKEN_CHARACTERS) return done(new AppError('session_invalid', 'This token is not valid.'))
    if (isLoopback(request) && isOwner(token)) {
      request.identity = { kind: 'administrator', id: 'local', role: 'owner' }
      return done()
    }
    try {
      const identity = sessions.identifyKnown(token)
      if (identity) {
        request.identity = identity
        return done()
      }
    } catch (error) {
      return done(error as Error) // safe: identifyKnown throws only AppError
    }
    sessions.identify(token).then((identity) => {
      request.identity = identity
      done()
    }, done)
  })
}

/** The user of this request. @throws {AppError} `unauthenticated` */
export function requireUser(identity: Identity): UserIdentity {
  if (identity.kind !== 'user') throw new AppError('unauthenticated', 'This needs a logged-in user.')
  return identity
}

/** Whoever may change things: a user, or the owner's own programs. @throws {AppError} `unauthenticated`, `forbidden` */
export function requireCaller(identity: Identity): Exclude<Identity, { kind: 'anonymous' }> {
  if (identity.kind === 'anonymous') throw new AppError('unauthenticated', 'This needs a login.')
  if (identity.kind === 'administrator' && identity.role === 'viewer') {
    throw new AppError('forbidden', 'A viewer may look, but not change anything.')
  }
  return identity
}

/** The owner's tools: the command line, keys, and people at the console who may change things. @throws {AppError} `forbidden` */
export function requireOwnerTool(identity: Identity): void {
  if (requireCaller(identity).kind === 'user') throw new AppError('forbidden', 'This is for the owner of the server.')
}
