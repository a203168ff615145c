/**
 * One socket: who it belongs to, what it watches, which rooms it is in. Most of the time it does nothing, and there are
 * tens of thousands: what not everybody needs is made when it is needed.
 */
import type { Writable } from 'node:stream'
import type { WebSocket } from 'ws'
import { AppError } from '../../errors.ts'
import type { Identity } from '../sessions/identity.ts'
import {
  type ClientFrame,
  dataOf,
  errorFrame,
  orderField,
  queryField,
  readFrame,
  type ServerFrame,
  textField,
  watchEvent,
} from './realtime-frames.ts'
import type { RealtimeTickets } from './realtime-tickets.ts'
import { type RoomMember, type Rooms, roomFrame } from './rooms.ts'
import { textFrame } from './text-frame.ts'
import type { WatchChange, WatchRequest } from './watched-query.ts'
import type { OpenWatch, Watches } from './watches.ts'

export type ConnectionNeeds = {
  readonly watches: Watches
  readonly rooms: Rooms
  readonly tickets: RealtimeTickets
  readonly env: string
  /** Told once per socket who it belongs to; may refuse by throwing. */
  readonly onIdentified: (identity: Identity) => void
}

/** CloudBase's close codes (node_modules/@cloudbase/database: ws-event). */
export const CLOSE_CODES = { reconnect: 3000, heartbeatMissed: 3003, notAuthenticated: 3050, tryLater: 1013 } as const

const MAX_WATCHES = 20
const MAX_ROOMS = 20
/** Of bytes that a phone does not take: then it is cut off, and comes back with what it missed. */
const MAX_BUFFERED_BYTES = 256 * 1024
const FRAMES_PER_SECOND = 20
const MAX_NAME_CHARACTERS = 128
const MAX_TICKET_CHARACTERS = 8_192

/** `WebSocket.OPEN`: through the prototype of each socket it would be looked up for each receiver. */
const OPEN = 1

type Watch = { open: OpenWatch | undefined; request: WatchRequest; queryId: string; eventId: number }

export class RealtimeConnection {
  readonly #socket: WebSocket
  readonly #wire: Writable
  readonly #needs: ConnectionNeeds
  #watches: Map<string, Watch> | undefined
  #rooms: Set<string> | undefined
  #member: RoomMember | undefined
  #identity: Identity | undefined
  #framesThisSecond = 0
  #second = 0
  /** Set by each sign of life, cleared by each heartbeat. */
  isAlive = true

  /** @param wire what `socket` writes to; frames that many receive are written to it as they are */
  constructor(socket: WebSocket, wire: Writable, needs: ConnectionNeeds) {
    this.#socket = socket
    this.#wire = wire
    this.#needs = needs
  }

  get isIdentified(): boolean {
    return this.#identity !== undefined
  }

  get identity(): Identity | undefined {
    return this.#identity
  }

  /** Answers one frame of the client. Never throws. */
  async receive(text: string): Promise<void> {
    this.isAlive = true
    let frame: ClientFrame = { msgType: '' }
    try {
      this.#countFrame()
      frame = readFrame(text)
      await this.#answer(frame)
    } catch (thrown) {
      this.#send(errorFrame(frame, thrown))
      if (!this.#identity) this.close(CLOSE_CODES.notAuthenticated, 'log in first')
    }
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  /** Releases everything; the socket is gone. */
  dispose(): void {
    for (const { open } of this.#watches?.values() ?? []) open?.close()
    this.#watches = undefined
    if (this.#member) for (const room of this.#rooms ?? []) this.#needs.rooms.leave(room, this.#member)
    this.#rooms = undefined
  }

  #countFrame() {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#framesThisSecond = 0
    }
    this.#framesThisSecond += 1
    if (this.#framesThisSecond > FRAMES_PER_SECOND) {
      throw new AppError('rate_limited', 'Too many frames.', { details: { retryAfterSeconds: 1 } })
    }
  }

  async #answer(frame: ClientFrame): Promise<void> {
    const data = dataOf(frame)
    const reply = (msgType: string, msgData: unknown) =>
      this.#send({ watchId: frame.watchId, requestId: frame.requestId, msgType, msgData })

    if (frame.msgType === 'PING') return reply('PONG', {})
    if (frame.msgType === 'LOGIN') return this.#logIn(frame, reply)
    const identity = this.#identity
    if (!identity) throw new AppError('unauthenticated', 'The first frame must be LOGIN.')
    switch (frame.msgType) {
      case 'INIT_WATCH':
        return this.#initWatch(frame, data, identity)
      case 'REBUILD_WATCH':
        return this.#rebuildWatch(frame, data, identity)
      case 'CHECK_LAST':
        return reply('CHECK_EVENT', {
          queryID: data['queryID'],
          currEvent: this.#watches?.get(frame.watchId ?? '')?.eventId ?? 0,
        })
      case 'CLOSE_WATCH':
        return this.#closeWatch(frame.watchId ?? '')
      case 'JOIN_ROOM':
        return this.#joinRoom(data, identity, reply)
      case 'LEAVE_ROOM':
        return this.#leaveRoom(textField(data, 'room', MAX_NAME_CHARACTERS), reply)
      case 'SAY': {
        const { seq } = this.#needs.rooms.say(textField(data, 'room', MAX_NAME_CHARACTERS), data['data'], identity)
        return reply('SAID', { seq })
      }
      default:
        throw new AppError('invalid_request', `There is no frame ${frame.msgType}.`, { details: { field: 'msgType' } })
    }
  }

  #logIn({ exMsgData }: ClientFrame, reply: (msgType: string, msgData: unknown) => void) {
    const extra = (exMsgData ?? {}) as Record<string, unknown> // safe: fields are checked
    const identity = this.#needs.tickets.redeem(textField(extra, 'signStr', MAX_TICKET_CHARACTERS))
    if (!this.#identity) this.#needs.onIdentified(identity)
    this.#identity = identity
    reply('LOGIN_RES', { envId: this.#needs.env })
  }

  async #initWatch(frame: ClientFrame, data: Record<string, unknown>, identity: Identity) {
    const limit = data['limit']
    const order = orderField(data['orderBy'])
    const request: WatchRequest = {
      collection: textField(data, 'collName', MAX_NAME_CHARACTERS * 2),
      query: queryField(data['query']),
      ...(order && { order }),
      ...(typeof limit === 'number' && Number.isSafeInteger(limit) && limit > 0 && { limit }),
    }
    const { watch, first } = await this.#openWatch(frame.watchId ?? '', request, identity)
    watch.eventId = 1
    const events = first.map((change) => watchEvent(1, change))
    this.#send({ ...idsOf(frame), msgType: 'INIT_EVENT', msgData: { queryID: watch.queryId, currEvent: 1, events } })
  }

  /**
   * After a lost connection. The client's picture may be old, so it gets the whole new one as events that start over; the
   * query itself is in its queryID, so that any process can answer, also after a restart.
   */
  async #rebuildWatch(frame: ClientFrame, data: Record<string, unknown>, identity: Identity) {
    const request = requestFromQueryId(textField(data, 'queryID', MAX_TICKET_CHARACTERS))
    const eventId = Number.isSafeInteger(data['eventID']) ? Number(data['eventID']) : 0
    const { watch, first } = await this.#openWatch(frame.watchId ?? '', request, identity)
    watch.eventId = first.length > 0 ? eventId + 1 : eventId
    const events = first.map((change) => watchEvent(watch.eventId, change))
    // `isReset`: our own client also forgets its records when the new picture is empty, which the events cannot say.
    const msgData = { queryID: watch.queryId, currEvent: watch.eventId, events, isReset: true }
    this.#send({ ...idsOf(frame), msgType: 'NEXT_EVENT', msgData })
  }

  async #openWatch(watchId: string, request: WatchRequest, identity: Identity) {
    this.#closeWatch(watchId)
    this.#watches ??= new Map()
    const watches = this.#watches
    if (watches.size >= MAX_WATCHES) {
      throw new AppError('rate_limited', `One connection may watch ${MAX_WATCHES} queries.`)
    }
    const watch: Watch = { open: undefined, request, queryId: queryIdOf(request), eventId: 0 }
    watches.set(watchId, watch)
    const listener = {
      onChanges: (changes: readonly WatchChange[]) => {
        watch.eventId += 1
        const events = changes.map((change) => watchEvent(watch.eventId, change))
        this.#send({
          watchId,
          msgType: 'NEXT_EVENT',
          msgData: { queryID: watch.queryId, currEvent: watch.eventId, events },
        })
      },
      onError: (error: unknown) => {
        watches.delete(watchId)
        this.#send(errorFrame({ watchId }, error))
      },
    }
    try {
      watch.open = await this.#needs.watches.open(request, { identity }, listener)
      return { watch, first: watch.open.first }
    } catch (error) {
      watches.delete(watchId)
      throw error
    }
  }

  #closeWatch(watchId: string) {
    this.#watches?.get(watchId)?.open?.close()
    this.#watches?.delete(watchId)
  }

  #joinRoom(data: Record<string, unknown>, identity: Identity, reply: (msgType: string, msgData: unknown) => void) {
    const room = textField(data, 'room', MAX_NAME_CHARACTERS)
    this.#rooms ??= new Set()
    if (!this.#rooms.has(room) && this.#rooms.size >= MAX_ROOMS) {
      throw new AppError('rate_limited', `One connection may be in ${MAX_ROOMS} rooms.`)
    }
    const afterSeq = typeof data['afterSeq'] === 'number' ? data['afterSeq'] : undefined
    this.#member ??= { identity, receive: (frames) => this.#write(frames) }
    const missed = this.#needs.rooms.join(room, this.#member, afterSeq)
    this.#rooms.add(room)
    reply('JOINED', { room })
    for (const message of missed) this.#write(roomFrame(message))
  }

  #leaveRoom(room: string, reply: (msgType: string, msgData: unknown) => void) {
    if (this.#member) this.#needs.rooms.leave(room, this.#member)
    this.#rooms?.delete(room)
    reply('LEFT', { room })
  }

  #send(frame: ServerFrame) {
    this.#write(textFrame(JSON.stringify(frame)))
  }

  /** A reader that does not keep up is cut off, so that it cannot fill the server's memory. */
  #write(frames: Buffer) {
    if (this.#socket.readyState !== OPEN) return
    if (this.#wire.writableLength > MAX_BUFFERED_BYTES) return this.#socket.terminate()
    this.#wire.write(frames)
  }
}

const idsOf = ({ watchId, requestId }: ClientFrame) => ({ watchId, requestId })

const queryIdOf = (request: WatchRequest) => Buffer.from(JSON.stringify(request)).toString('base64url')

/** What the id says is checked like any query: it comes back from the client. @throws {AppError} `invalid_query` */
function requestFromQueryId(queryId: string): WatchRequest {
  const { collection, query, order, limit } = queryField(Buffer.from(queryId, 'base64url').toString('utf8'))
  if (typeof collection !== 'string') throw new AppError('invalid_query', 'This queryID is not valid.')
  return {
    collection,
    query: queryField(query),
    ...(order !== undefined && { order: queryField(order) }),
    ...(typeof limit === 'number' && { limit }),
  }
}
