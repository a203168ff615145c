import type { Reply } from './exchange.ts'

const ATTEMPTS = 3
const FIRST_WAIT_MS = 400
const LONGEST_WAIT_MS = 8_000
/** A server that asks for more patience than a person has gets no second request. */
const LONGEST_RETRY_AFTER_MS = 20_000

export type Clock = {
  readonly now: () => number
  readonly random: () => number
  readonly sleep: (ms: number) => Promise<void>
}

/**
 * Repeats an attempt whose failure may pass, with back-off and full jitter.
 *
 * A request that the server turned away unread (it says Retry-After) may always be repeated. One whose fate is unknown,
 * because the network or a gateway failed, only if `isRepeatable`: a read, or a write that carries an Idempotency-Key.
 */
export async function withRetries(attempt: () => Promise<Reply>, isRepeatable: boolean, clock: Clock): Promise<Reply> {
  for (let made = 1; ; made++) {
    let waitMs = clock.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (made - 1))
    try {
      const reply = await attempt()
      const asked = reply.retryAfterMs
      const isWorthIt = asked ? asked <= LONGEST_RETRY_AFTER_MS : isRepeatable && isGatewayFailure(reply)
      if (made >= ATTEMPTS || !isWorthIt) return reply
      waitMs += asked
    } catch (error) {
      if (made >= ATTEMPTS || !isRepeatable) throw error
    }
    await clock.sleep(waitMs)
  }
}

/** Nginx answers for a server that is away; our own errors always carry a code. */
const isGatewayFailure = ({ httpStatus, error }: Reply) => !error && httpStatus >= 502 && httpStatus <= 504
