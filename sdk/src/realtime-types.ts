/** What the client and its realtime part know of each other. */
import type { EjsonObject } from '@sampan/protocol/documents'

export type WatchRequest = { collection: string; query?: EjsonObject; order?: EjsonObject; limit?: number }
export type WatchOptions = { onChange: (snapshot: never) => void; onError: (error: unknown) => void }
export type Watch = { close: () => Promise<void> }
export type OpenWatchCall = (request: WatchRequest, options: WatchOptions) => Watch

type Socket = {
  send(message: { data: string }): unknown
  close(options: object): unknown
  onOpen(listener: () => void): unknown
  onMessage(listener: (message: { data: unknown }) => void): unknown
  onClose(listener: () => void): unknown
  onError(listener: () => void): unknown
}

export type RealtimeNeeds = {
  /** A pass for one connection, and where to connect. */
  readonly ticket: () => Promise<{ ticket: string; url: string }>
  readonly connect: (url: string) => Socket
  readonly decode: (value: unknown) => unknown
  /** How often to ask whether the connection is alive; a test is less patient. */
  readonly pingMs?: number
}

/** One connection for all watches; opened by the first, closed with the last. */
export type Realtime = (needs: RealtimeNeeds) => OpenWatchCall
