/** A ticket turns a request with a token into a socket: sockets carry no headers of ours through every proxy. */
import { LRUCache } from 'lru-cache'
import { AppError } from '../../errors.ts'
import type { Identity } from '../sessions/identity.ts'
import type { Seal } from '../sessions/seal.ts'

export type RealtimeTickets = {
  issue(identity: Identity): string
  /** @throws {AppError} `session_invalid`, `session_expired` */
  redeem(ticket: string): Identity
}

const TICKET_TTL_MS = 60_000
/** Tickets remembered as used; more cannot be issued within their life on one box. */
const MAX_USED = 100_000

export function openRealtimeTickets(seal: Seal, now: () => number): RealtimeTickets {
  const used = new LRUCache<string, true>({ max: MAX_USED, ttl: TICKET_TTL_MS })

  return {
    issue: (identity) => seal.seal(JSON.stringify({ identity, expiresAtMs: now() + TICKET_TTL_MS })),
    redeem(ticket) {
      const { identity, expiresAtMs } = open(ticket, seal)
      if (expiresAtMs < now()) throw new AppError('session_expired', 'This ticket has expired.')
      if (used.has(ticket)) throw new AppError('session_invalid', 'This ticket was used already.')
      used.set(ticket, true)
      return identity
    },
  }
}

function open(ticket: string, seal: Seal) {
  try {
    return JSON.parse(seal.open(ticket)) as { identity: Identity; expiresAtMs: number } // safe: we sealed it
  } catch (cause) {
    throw new AppError('session_invalid', 'This ticket is not valid.', { cause })
  }
}
