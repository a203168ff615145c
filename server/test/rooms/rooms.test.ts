import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openRealtimeTickets } from '../../src/features/rooms/realtime-tickets.ts'
import { openRooms, type RoomMember } from '../../src/features/rooms/rooms.ts'
import { textFrame } from '../../src/features/rooms/text-frame.ts'
import type { UserIdentity } from '../../src/features/sessions/identity.ts'
import { openSeal } from '../../src/features/sessions/seal.ts'

const ANNE: UserIdentity = { kind: 'user', openId: 'anne', appId: 'wx', sessionId: 's1' }
const RULES = [{ name: 'hall', join: 'users', say: 'users' }] as const

function member(): RoomMember & { writes: Buffer[] } {
  const writes: Buffer[] = []
  return { identity: ANNE, writes, receive: (frames) => void writes.push(frames) }
}

/** The texts of frames that lie one after another. */
function textsOf(frames: Buffer): string[] {
  if (frames.length === 0) return []
  const length = (frames[1] ?? 0) === 126 ? frames.readUInt16BE(2) : (frames[1] ?? 0)
  const start = (frames[1] ?? 0) === 126 ? 4 : 2
  return [frames.toString('utf8', start, start + length), ...textsOf(frames.subarray(start + length))]
}
const seqsOf = ({ writes }: { writes: Buffer[] }) =>
  writes.flatMap(textsOf).map((text) => JSON.parse(text).msgData.seq as number)

describe('rooms', () => {
  it('writes what is said in one turn once for everybody, and to each of them at once', async () => {
    const rooms = openRooms(RULES, () => 0)
    const members = [member(), member()]
    for (const one of members) rooms.join('hall', one, undefined)
    for (const text of ['a', 'b', 'c']) rooms.say('hall', text, ANNE)
    await nextTurn()
    for (const one of members) {
      assert.equal(one.writes.length, 1)
      assert.deepEqual(seqsOf(one), [1, 2, 3])
    }
    assert.equal(members[0]?.writes[0], members[1]?.writes[0], 'the bytes are not copied per member')
  })

  it('gives who comes or leaves between two messages exactly what was said while they were there', async () => {
    const rooms = openRooms(RULES, () => 0)
    const [first, late, gone] = [member(), member(), member()]
    rooms.join('hall', first, undefined)
    rooms.join('hall', gone, undefined)
    rooms.say('hall', 1, ANNE)
    const missed = rooms.join('hall', late, 0)
    rooms.leave('hall', gone)
    rooms.say('hall', 2, ANNE)
    await nextTurn()
    assert.deepEqual(seqsOf(first), [1, 2])
    assert.deepEqual([...missed.map(({ seq }) => seq), ...seqsOf(late)], [1, 2])
    assert.deepEqual(seqsOf(gone), [1])
  })

  it('frames texts of every length as RFC 6455 says', () => {
    for (const [length, header] of [
      [0, [0x81, 0]],
      [125, [0x81, 125]],
      [126, [0x81, 126, 0, 126]],
      [65_535, [0x81, 126, 0xff, 0xff]],
      [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
    ] as const) {
      const frame = textFrame('x'.repeat(length))
      assert.deepEqual([...frame.subarray(0, header.length)], [...header])
      assert.equal(frame.length, header.length + length)
    }
    assert.equal(textFrame('船').length, 2 + 3)
  })
})

describe('tickets of the socket', () => {
  it('are taken once, also a minute later, and not after they have expired', () => {
    let nowMs = 0
    const tickets = openRealtimeTickets(openSeal('k'.repeat(32)), () => nowMs)
    const ticket = tickets.issue(ANNE)
    nowMs = 59_000
    const second = tickets.issue(ANNE)
    assert.deepEqual(tickets.redeem(ticket), ANNE)
    assert.deepEqual(tickets.redeem(second), ANNE)
    nowMs = 60_500
    tickets.redeem(tickets.issue(ANNE))
    assert.throws(() => tickets.redeem(second), { code: 'session_invalid' })
    nowMs = 119_001
    assert.throws(() => tickets.redeem(second), { code: 'session_expired' })
  })
})
