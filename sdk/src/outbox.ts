import { type CloudError, clientError } from './cloud-error.ts'
import type { PhoneStorage } from './phone-storage.ts'
import { singleFlight } from './single-flight.ts'

/** One write of records: what to send, and the key under which it takes effect once. */
export type Write = { readonly verb: string; readonly collection: string; readonly json: string; readonly key: string }
type KeptWrite = Write & { readonly keptAtMs: number }

const KEPT_WRITES = 200
/** WeChat gives one entry of the storage 1 MB. */
const KEPT_CHARACTERS = 500_000
/** The server remembers an Idempotency-Key for a day; later, a write that did arrive could take effect twice. */
const KEPT_MS = 23 * 3_600_000

type Needs = {
  storage: PhoneStorage
  send: (write: Write) => Promise<unknown>
  onRefused: (error: CloudError, write: Write) => void
  now: () => number
}

export type Outbox = {
  /** The server's answer, or undefined if the write is kept for later. @throws {CloudError} if the server refuses it */
  write(write: Write): Promise<unknown>
  /** Sends what is kept, in order, until done or the network fails. */
  flush(): Promise<void>
}

/** Writes that wait for the network in the phone's storage, and so survive the program's end. */
export function openOutbox({ storage, send, onRefused, now }: Needs): Outbox {
  const load = () => (storage.read() || []) as KeptWrite[] // only this outbox writes there

  const keep = (write: Write) => {
    const writes = [...load(), { ...write, keptAtMs: now() }]
    if (writes.length > KEPT_WRITES || JSON.stringify(writes).length > KEPT_CHARACTERS)
      throw clientError('too_many_requests', `${writes.length} writes wait for the network`)
    storage.write(writes)
  }

  const flush = singleFlight(async () => {
    for (let [first] = load(); first; [first] = load()) {
      try {
        if (now() - first.keptAtMs > KEPT_MS) throw clientError('offline_write_expired', 'waited too long')
        await send(first)
      } catch (error) {
        if (isNetworkFailure(error)) break
        onRefused(error as CloudError, first) // send() throws nothing else
      }
      const rest = load().slice(1)
      storage.write(rest)
      if (load().length > rest.length) break // the phone's storage refuses: sending the same for ever helps nobody
    }
  })

  return {
    flush,
    async write(write) {
      await flush() // what is kept goes first: this write may build on it
      try {
        if (!load().length) return await send(write)
      } catch (error) {
        if (!isNetworkFailure(error)) throw error
      }
      keep(write)
      return undefined
    },
  }
}

const isNetworkFailure = (error: unknown) => (error as CloudError).code === 'network_failed'
