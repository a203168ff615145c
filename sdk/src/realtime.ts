/**
 * `watch()`: queries whose answers arrive by themselves, all over one WebSocket.
 *
 * A file of its own, so that programs that watch nothing do not carry it: `init({ realtime: require('./realtime.js') })`.
 * Speaks CloudBase's realtime protocol. After a lost connection it asks anew and tells only what changed meanwhile.
 */
import type { Realtime, RealtimeNeeds, Watch, WatchOptions, WatchRequest } from './realtime-types.ts'

type Change = {
  queueType: string
  dataType: string
  docId: string
  doc?: Fields
  updatedFields?: Fields
  removedFields?: string[]
}
type Fields = Record<string, unknown>
type Frame = {
  watchId?: string
  msgType: string
  msgData: { currEvent: number; events: WireEvent[]; [field: string]: unknown }
}
type WireEvent = { QueueType: string; DataType: string; DocID: string; Doc?: string }
type OpenWatch = WatchOptions & {
  request: WatchRequest
  docs: Map<string, Fields>
  eventId: number
  isInitial: boolean
}

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000
/** Phones lose connections without noticing: silence for this long after a question ends one. */
const PING_MS = 25_000

/** CloudBase's numbers for refusals that programs tell apart; -402002: the watch failed. */
const ERR_CODES: Record<string, number> = { permission_denied: -502003, collection_not_found: -502005 }

export const realtime: Realtime = ({ ticket, connect, decode, pingMs = PING_MS }) => {
  const watches = new Map<string, OpenWatch>()
  let socket: ReturnType<RealtimeNeeds['connect']> | undefined
  let isReady = false
  let isConnecting = false
  let failures = 0
  let nextId = 1
  let heartbeat: ReturnType<typeof setInterval> | undefined
  let isSilent = false

  const send = (msgType: string, watchId?: string, msgData: object = {}, exMsgData?: object) =>
    socket?.send({ data: JSON.stringify({ watchId, requestId: `r${nextId++}`, msgType, msgData, exMsgData }) })

  const ask = (watchId: string, { request }: OpenWatch) => {
    const { collection, query = {}, order = {}, limit } = request
    const orderBy = Object.keys(order).map((field) => ({
      field,
      direction: Number(decode(order[field])) < 0 ? 'desc' : 'asc',
    }))
    send('INIT_WATCH', watchId, { collName: collection, query: JSON.stringify(query), limit, orderBy })
  }

  const open = async () => {
    if (socket || isConnecting) return
    isConnecting = true
    try {
      const pass = await ticket()
      const opened = connect(pass.url)
      socket = opened
      opened.onOpen(() => send('LOGIN', undefined, {}, { signStr: pass.ticket }))
      opened.onMessage(({ data }) => {
        isSilent = false
        if (socket === opened) receive(JSON.parse(String(data)))
      })
      opened.onClose(() => lost(opened))
      opened.onError(() => lost(opened))
    } catch (error) {
      const { statusCode = 0 } = error as { statusCode?: number } // a CloudError
      const isFinal = statusCode >= 400 && statusCode < 500 && statusCode !== 429 // otherwise the server is busy or away
      if (isFinal) for (const watchId of [...watches.keys()]) fail(watchId, error)
      else lost(undefined)
    } finally {
      isConnecting = false
    }
  }

  const lost = (which: typeof socket) => {
    if (which !== socket) return
    socket = undefined
    isReady = false
    if (heartbeat) clearInterval(heartbeat)
    if (!watches.size) return
    const waitMs = Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++)
    setTimeout(() => watches.size && open(), waitMs)
  }

  const beat = () => {
    if (isSilent && socket) {
      const silent = socket
      silent.close({})
      return lost(silent)
    }
    isSilent = true
    return send('PING')
  }

  const fail = (watchId: string, error: unknown) => {
    const watch = watches.get(watchId)
    watches.delete(watchId)
    if (watch) watch.onError(error)
  }

  const receive = ({ watchId = '', msgType, msgData }: Frame) => {
    const watch = watches.get(watchId)
    if (msgType === 'LOGIN_RES') {
      if (!watches.size) return socket?.close({}) // all were closed meanwhile
      isReady = true
      failures = 0
      heartbeat = setInterval(beat, pingMs)
      for (const [id, each] of watches) ask(id, each)
    } else if (msgType === 'ERROR' && watch) fail(watchId, toError(msgData))
    else if (watch && msgType === 'INIT_EVENT') begin(watch, msgData)
    else if (watch && msgType === 'NEXT_EVENT') {
      // A gap means that an event got lost.
      if (msgData.currEvent === watch.eventId + 1) tell(watch, msgData.currEvent, changesOf(msgData.events))
      else ask(watchId, watch)
    }
  }

  const changesOf = (events: WireEvent[]): Change[] =>
    events.map(({ QueueType: queueType, DataType: dataType, DocID: docId, Doc }) => ({
      queueType,
      dataType,
      docId,
      ...(Doc !== undefined && { doc: decode(JSON.parse(Doc)) as Fields }), // a record is an object
    }))

  /** The first answer, or the one after a lost connection: then only what differs is told. */
  const begin = (watch: OpenWatch, { currEvent, events }: Frame['msgData']) => {
    const changes = changesOf(events)
    if (watch.isInitial) return tell(watch, currEvent, changes)
    const now = new Map(changes.map((change) => [change.docId, change]))
    const gone = [...watch.docs.keys()].filter((docId) => !now.has(docId))
    const differing = changes.filter(({ docId, doc }) => JSON.stringify(watch.docs.get(docId)) !== JSON.stringify(doc))
    const named = differing.map((change) => {
      const isKnown = watch.docs.has(change.docId)
      return { ...change, queueType: isKnown ? 'update' : 'enqueue', dataType: isKnown ? 'update' : 'add' }
    })
    watch.eventId = currEvent
    const all = [...gone.map((docId) => ({ queueType: 'dequeue', dataType: 'remove', docId })), ...named]
    if (all.length) tell(watch, currEvent, all)
  }

  const tell = (watch: OpenWatch, eventId: number, changes: Change[]) => {
    const docChanges = changes.map((change) => {
      const old = watch.docs.get(change.docId)
      if (change.queueType === 'dequeue') watch.docs.delete(change.docId)
      else if (change.doc) watch.docs.set(change.docId, change.doc)
      return {
        id: eventId,
        ...change,
        doc: change.doc || old,
        ...(change.queueType === 'update' && difference(old, change.doc)),
      }
    })
    const snapshot = {
      id: eventId,
      docChanges,
      docs: [...watch.docs.values()],
      ...(watch.isInitial && { type: 'init' }),
    }
    watch.eventId = eventId
    watch.isInitial = false
    watch.onChange(snapshot as never) // the program declares what its records hold
  }

  return (request, { onChange, onError }): Watch => {
    const watchId = `w${nextId++}`
    const watch: OpenWatch = { request, onChange, onError, docs: new Map(), eventId: 0, isInitial: true }
    watches.set(watchId, watch)
    if (isReady) ask(watchId, watch)
    else open()
    return {
      async close() {
        if (watches.delete(watchId)) send('CLOSE_WATCH', watchId)
        if (!watches.size && socket) socket.close({})
      },
    }
  }
}

type Difference = { updatedFields: Fields; removedFields: string[] }

/** Which fields of the record changed and which went, inside of objects by dotted paths; arrays change as a whole. */
function difference(
  before: Fields = {},
  after: Fields = {},
  path = '',
  found: Difference = { updatedFields: {}, removedFields: [] },
) {
  for (const key of Object.keys({ ...before, ...after })) {
    const old = before[key]
    const now = after[key]
    if (!(key in after)) found.removedFields.push(path + key)
    else if (isObject(old) && isObject(now)) difference(old, now, `${path + key}.`, found)
    else if (JSON.stringify(old) !== JSON.stringify(now)) found.updatedFields[path + key] = now
  }
  return found
}

/** Not a date, an array or a place on earth. */
const isObject = (value: unknown): value is Fields => !!value && (value as Fields).constructor === Object

function toError({ message, sampanCode, hint }: Fields) {
  const errCode = ERR_CODES[String(sampanCode)] || -402002
  const errMsg = `collection.watch:fail ${errCode} ${message}`
  return Object.assign(new Error(errMsg), { errCode, errMsg, code: sampanCode, hint })
}
