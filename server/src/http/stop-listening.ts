/**
 * Closing a listening socket resets the connections that the kernel has completed and the process has not accepted yet.
 * A proxy has often sent its request on such a connection by then, and may not send a POST twice: the user gets a 502.
 * Node accepts one connection per turn of the event loop, so a busy process nearly always has some waiting.
 */
import { once } from 'node:events'
import net from 'node:net'

/** A turn of the event loop so short was neither busy nor interrupted by another process. */
const SHORT_TURN_MS = 0.3

/** A loop that has no such turn for so long never will: any turn without a new connection does, and then any turn. */
const SHORT_TURN_WAIT_MS = 1000

/**
 * Closes the listening socket when nobody waits at it; connections that are open stay open.
 * @returns a promise of the moment in which the last of them is gone, wrapped so that nobody awaits it by accident
 */
export async function stopListening(server: net.Server): Promise<{ readonly released: Promise<unknown> }> {
  const released = once(server, 'close')
  await rehearse()
  const { accepted, letIn } = holdNewConnections(server)
  await closeWhenNobodyWaits(server, accepted)
  letIn()
  return { released }
}

/** Only the listener: http.Server.close() would also cut connections whose request is on its way. */
const closeListener = (server: net.Server) => net.Server.prototype.close.call(server)

/** The first call compiles: 0.3 ms in which somebody connects. */
async function rehearse(): Promise<void> {
  const throwaway = net.createServer().listen(0, '127.0.0.1')
  await once(throwaway, 'listening')
  closeListener(throwaway)
  await once(throwaway, 'close')
}

/** Accepted, but not served yet: otherwise their work keeps the loop from ever reaching the end of the queue. */
function holdNewConnections(server: net.Server): { accepted(): number; letIn(): void } {
  const serve = server.listeners('connection')
  const held: net.Socket[] = []
  const hold = (socket: net.Socket) => {
    held.push(socket)
  }
  server.removeAllListeners('connection').on('connection', hold)
  const letIn = () => {
    server.off('connection', hold)
    for (const listener of serve) server.on('connection', (socket) => listener.call(server, socket))
    for (const socket of held) server.emit('connection', socket)
  }
  return { accepted: () => held.length, letIn }
}

/**
 * Closes right after a short turn in which the kernel had no connection for us. Between its answer and the close lie
 * some microseconds, whereas before an arbitrary statement lies a turn of other people's work, or of other processes.
 */
function closeWhenNobodyWaits(server: net.Server, accepted: () => number): Promise<void> {
  const startedAtMs = performance.now()
  return new Promise((resolve) => {
    const look = (acceptedBefore: number, lookedAtMs: number) => {
      const nowMs = performance.now()
      const waitedMs = nowMs - startedAtMs
      const isShort = nowMs - lookedAtMs < SHORT_TURN_MS || waitedMs > SHORT_TURN_WAIT_MS
      if ((isShort && accepted() === acceptedBefore) || waitedMs > 2 * SHORT_TURN_WAIT_MS) {
        closeListener(server)
        return resolve()
      }
      setImmediate(look, accepted(), performance.now()) // runs after the next look at the kernel
    }
    setImmediate(look, -1, 0)
  })
}
