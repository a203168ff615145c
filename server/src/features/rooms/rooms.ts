/**
 * Rooms: named places where messages reach everybody at once and are kept nowhere but in the last minute's memory. For
 * what must last, write a document and watch it.
 */
import { LRUCache } from 'lru-cache'
import { AppError } from '../../errors.ts'
import type { Identity } from '../sessions/identity.ts'
import { textFrame } from './text-frame.ts'

export type RoomMessage = {
  readonly room: string
  /** Rises by exactly one within a room of this process. */
  readonly seq: number
  readonly data: unknown
  readonly fromOpenId: string | undefined
  readonly atMs: number
}

/** Who may enter and who may speak, by the room's name; the first that fits counts, none fits: nobody may. */
export type RoomRule = {
  /** Such as `chat-*`; `*` only at the end. */
  readonly name: string
  readonly join: 'users' | 'nobody'
  /** `server`: only functions, keys and administrators. */
  readonly say: 'users' | 'server'
}

/** Receives frames that were written once for all members: never changes the bytes. */
export type RoomMember = { readonly identity: Identity; receive(frames: Buffer): void }

export interface Rooms {
  /** Messages after `afterSeq` that are still known. @throws {AppError} `forbidden`, `overloaded` */
  join(room: string, member: RoomMember, afterSeq: number | undefined): readonly RoomMessage[]
  leave(room: string, member: RoomMember): void
  /** @throws {AppError} `forbidden` */
  say(room: string, data: unknown, from: Identity): RoomMessage
  stats(): { readonly rooms: number; readonly members: number }
}

const MAX_ROOMS = 10_000
const MAX_MEMBERS_PER_ROOM = 20_000
/** A phone that comes back within this many messages misses none. */
const KEPT_MESSAGES = 100

type Room = {
  readonly members: Set<RoomMember>
  readonly kept: RoomMessage[]
  /** Frames said in this turn of the event loop: each member gets all of them in one write. */
  unsent: Buffer[]
  seq: number
}

export function openRooms(rules: readonly RoomRule[], now: () => number): Rooms {
  // Empty rooms are forgotten last-used first; rooms with members are in use by definition.
  const rooms = new LRUCache<string, Room>({ max: MAX_ROOMS })

  const ruleOf = (room: string) =>
    rules.find(({ name }) => (name.endsWith('*') ? room.startsWith(name.slice(0, -1)) : room === name))
  const open = (room: string) => {
    const existing = rooms.get(room)
    if (existing) return existing
    const created: Room = { members: new Set(), kept: [], unsent: [], seq: 0 }
    rooms.set(room, created)
    return created
  }

  return {
    join(name, member, afterSeq) {
      const rule = ruleOf(name)
      if (!rule || (rule.join === 'nobody' && isPerson(member.identity))) {
        throw new AppError('forbidden', `Nobody may enter the room ${name}.`)
      }
      const room = open(name)
      // What was said before somebody came or left goes to those who were there.
      sendOut(room)
      if (room.members.size >= MAX_MEMBERS_PER_ROOM) throw new AppError('overloaded', `The room ${name} is full.`)
      room.members.add(member)
      return afterSeq === undefined ? [] : room.kept.filter(({ seq }) => seq > afterSeq)
    },
    leave(name, member) {
      const room = rooms.get(name)
      if (!room) return
      sendOut(room)
      room.members.delete(member)
    },
    say(name, data, from) {
      const rule = ruleOf(name)
      if (!rule || (rule.say === 'server' && isPerson(from))) {
        throw new AppError('forbidden', `This user may not speak in the room ${name}.`)
      }
      const room = open(name)
      room.seq += 1
      const fromOpenId = from.kind === 'user' ? from.openId : undefined
      const message: RoomMessage = { room: name, seq: room.seq, data, fromOpenId, atMs: now() }
      room.kept.push(message)
      if (room.kept.length > KEPT_MESSAGES) room.kept.shift()
      if (room.members.size === 0) return message
      if (room.unsent.length === 0) setImmediate(sendOut, room)
      // Written once, not once per member: that is what a large room costs.
      room.unsent.push(roomFrame(message))
      return message
    },
    stats() {
      let members = 0
      for (const room of rooms.values()) members += room.members.size
      return { rooms: rooms.size, members }
    },
  }
}

function sendOut(room: Room): void {
  if (room.unsent.length === 0) return
  const [first] = room.unsent
  const frames = first && room.unsent.length === 1 ? first : Buffer.concat(room.unsent)
  room.unsent = []
  for (const member of room.members) member.receive(frames)
}

export const roomFrame = (message: RoomMessage): Buffer =>
  textFrame(JSON.stringify({ msgType: 'ROOM_EVENT', msgData: message }))

const isPerson = (identity: Identity) => identity.kind === 'user' || identity.kind === 'anonymous'
