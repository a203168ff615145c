import { Refusal } from './refusal.ts'

const TALK_WINDOW_MS = 48 * 3_600_000
const REPLIES_PER_TALK = 5
const TALK_LIMIT = 50_000

export type Talks = {
  /** The user wrote to the customer service. Returns how many replies that allows. */
  begin(openid: string): number
  /** @throws {Refusal} 45015 if the user did not write within 48 hours */
  check(openid: string): void
  /** Counts one reply. @throws {Refusal} 45015, or 45047 after five */
  reply(openid: string): void
}

/** Who may be answered by the customer service: five messages within 48 hours of the user's own. */
export function openTalks(now: () => number): Talks {
  const talks = new Map<string, { sinceMs: number; repliesLeft: number }>()

  const current = (openid: string) => {
    const talk = talks.get(openid)
    if (!talk || now() - talk.sinceMs >= TALK_WINDOW_MS) throw new Refusal(45015)
    return talk
  }

  return {
    begin(openid) {
      talks.delete(openid)
      talks.set(openid, { sinceMs: now(), repliesLeft: REPLIES_PER_TALK })
      if (talks.size > TALK_LIMIT) talks.delete(talks.keys().next().value ?? '')
      return REPLIES_PER_TALK
    },
    check: (openid) => void current(openid),
    reply(openid) {
      const talk = current(openid)
      if (talk.repliesLeft === 0) throw new Refusal(45047)
      talk.repliesLeft -= 1
    },
  }
}
