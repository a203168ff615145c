import { createCipheriv, createHash } from 'node:crypto'
import type { Person } from './people.ts'
import type { SeededRandom } from './seeded-random.ts'

type Needs = { person: Person; appId: string; now: () => number; random: SeededRandom }

/**
 * Data of a user as the phone hands it to a page: readable, signed, and encrypted with the session_key.
 *
 * `facts` is what the page asked for, such as a phone number, steps or a group id.
 */
export function encryptUserData(facts: Readonly<Record<string, unknown>>, { person, appId, now, random }: Needs) {
  if (person.sessionKey === undefined) throw new Error(`${person.user} has to log in first: there is no session_key.`)
  const rawData = JSON.stringify(facts)
  const watermark = { timestamp: Math.floor(now() / 1000), appid: appId }
  const iv = random.bytes(16)
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(person.sessionKey, 'base64'), iv)
  const encrypted = Buffer.concat([cipher.update(JSON.stringify({ ...facts, watermark })), cipher.final()])
  return {
    rawData,
    signature: createHash('sha1')
      .update(rawData + person.sessionKey)
      .digest('hex'),
    encryptedData: encrypted.toString('base64'),
    iv: iv.toString('base64'),
  }
}
