/** A ticket turns a request with a token into a socket: sockets carry no headers of ours through every proxy. */
import { randomInt } from 'node:crypto'
import { AppError } from '../../errors.ts'
import type { Identity } from '../sessions/identity.ts'
import type { Seal } from '../sessions/seal.ts'

export type RealtimeTickets = {
  issue(identity: Identity): string
  /** @throws {AppError} `session_invalid`, `session_expired` */
  redeem(ticket: string): Identity
}

const TICKET_TTL_MS = 60_000
/** Random numbers of this many bits tell tickets apart; two equal ones within a minute would only refuse the second. */
const HIGHEST_NUMBER = 2 ** 47

export function openRealtimeTickets(seal: Seal, now: () => number): RealtimeTickets {
  // Numbers instead of tickets, and two sets that take turns instead of a time for each: a few bytes per connection.
  let used = new Set<number>()
  let usedBefore = new Set<number>()
  let turnsAtMs = now() + TICKET_TTL_MS

  const forgetExpired = () => {
    if (now() < turnsAtMs) return
    usedBefore = now() < turnsAtMs + TICKET_TTL_MS ? used : new Set()
    used = new Set()
    turnsAtMs = now() + TICKET_TTL_MS
  }

  return {
    issue: (identity) =>
      seal.seal(JSON.stringify({ identity, expiresAtMs: now() + TICKET_TTL_MS, number: randomInt(HIGHEST_NUMBER) })),
    redeem(ticket) {
      const { identity, expiresAtMs, number } = open(ticket, seal)
      if (expiresAtMs < now()) throw new AppError('session_expired', 'This ticket has expired.')
      forgetExpired()
      if (used.has(number) || usedBefore.has(number)) {
        throw new AppError('session_invalid', 'This ticket was used already.')
      }
      used.add(number)
      return identity
    },
  }
}

type Ticket = { readonly identity: Identity; readonly expiresAtMs: number; readonly number: number }

function open(ticket: string, seal: Seal): Ticket {
  try {
    return JSON.parse(seal.open(ticket)) as Ticket // safe: we sealed it
  } catch (cause) {
    throw new AppError('session_invalid', 'This ticket is not valid.', { cause })
  }
}
