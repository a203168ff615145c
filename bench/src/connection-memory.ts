/** What an idle keep-alive connection costs the server in memory. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { readProcess } from './process-clock.ts'

const CONNECTIONS = 1_000
const SETTLE_MS = 500
const CONNECT_LIMIT_MS = 5_000

/** KB of the server process per connection; undefined if its memory cannot be read or too few connections opened. */
export async function measureConnectionMemory(
  { host, port, serverPid }: { host: string; port: number; serverPid: number },
  connections = CONNECTIONS,
): Promise<number | undefined> {
  const before = readProcess(serverPid)
  if (!before) return undefined
  const opened = await Promise.all(Array.from({ length: connections }, () => openIdle(host, port)))
  const sockets = opened.filter((socket) => socket !== undefined)
  await sleep(SETTLE_MS)
  const after = readProcess(serverPid)
  for (const socket of sockets) socket.destroy()
  if (!after || sockets.length < connections / 2) return undefined
  return Math.max(0, (after.residentKb - before.residentKb) / sockets.length)
}

/** A connection that has had one answer, as a phone's has: a server allocates its buffers at the first request. */
function openIdle(host: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true })
    const limit = setTimeout(() => {
      socket.destroy()
      resolve(undefined)
    }, CONNECT_LIMIT_MS)
    const done = (result: Socket | undefined) => {
      clearTimeout(limit)
      resolve(result)
    }
    socket.on('error', () => done(undefined))
    socket.once('data', () => done(socket))
    socket.write(`GET /livez HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  })
}
