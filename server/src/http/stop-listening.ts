/**
 * Closing a listening socket resets the connections that the kernel has completed and the process has not accepted yet.
 * A proxy has often sent its request on such a connection by then, and may not send a POST twice: the user gets a 502.
 * Node accepts one connection per turn of the event loop, so a busy process nearly always has some waiting.
 */
import { once } from 'node:events'
import net from 'node:net'
import { performance } from 'node:perf_hooks'

/** A loop that has no idle turn for so long never will; then the socket is closed all the same. */
const MOST_WAIT_MS = 1000

/**
 * Closes the listening socket when nobody waits at it; connections that are open stay open.
 * @returns a promise of the moment in which the last of them is gone, wrapped so that nobody awaits it by accident
 */
export async function stopListening(server: net.Server): Promise<{ readonly released: Promise<unknown> }> {
  const letIn = holdNewConnections(server)
  await nobodyWaits()
  const released = once(server, 'close')
  // Not http.Server.close(): that also cuts connections whose request is on its way.
  net.Server.prototype.close.call(server)
  letIn()
  return { released }
}

/** Accepted, but not served yet: otherwise their work keeps the loop from ever reaching the end of the queue. */
function holdNewConnections(server: net.Server): () => void {
  const serve = server.listeners('connection')
  const held: net.Socket[] = []
  const hold = (socket: net.Socket) => {
    held.push(socket)
  }
  server.removeAllListeners('connection').on('connection', hold)
  return () => {
    server.off('connection', hold)
    for (const listener of serve) server.on('connection', (socket) => listener.call(server, socket))
    for (const socket of held) server.emit('connection', socket)
  }
}

/**
 * Resolves right after the event loop has asked the kernel and found no event at all: between that and the caller's next
 * statement lie microseconds, whereas between two arbitrary statements there may be a whole turn of other people's work.
 */
function nobodyWaits(): Promise<void> {
  const giveUpAtMs = performance.now() + MOST_WAIT_MS
  return new Promise((resolve) => {
    const look = (eventsBefore: number) => {
      const { events } = performance.nodeTiming.uvMetricsInfo
      if (events === eventsBefore || performance.now() > giveUpAtMs) return resolve()
      setImmediate(look, events) // runs after the next look at the kernel
    }
    setImmediate(look, -1)
  })
}
