/** The server's WebSocket at `/v1/realtime`: upgrades, heartbeats, and limits on how many may be open. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Identity } from '../sessions/identity.ts'
import { CLOSE_CODES, type ConnectionNeeds, RealtimeConnection } from './realtime-connection.ts'

export const REALTIME_PATH = '/v1/realtime'

/** One frame of a client; larger ones end the connection. */
const MAX_FRAME_BYTES = 32 * 1024
/** Below a process's usual limit of 20,000 open files. */
const MAX_CONNECTIONS = 18_000
/** Of the process, with those that speak HTTP: files and databases need some, too. */
const MAX_SOCKETS = 19_500
const MAX_CONNECTIONS_PER_USER = 5
/** Each connection is asked for a sign of life this often. */
const HEARTBEAT_MS = 30_000
/** So often within that time some of them are asked: all at once would hold up everybody else. */
const BEAT_MS = 1_000

type Needs = Omit<ConnectionNeeds, 'onIdentified'> & { readonly log: Log }

export type RealtimeSocket = { stats(): { readonly connections: number } }

export function serveRealtime(app: FastifyInstance, needs: Needs): RealtimeSocket {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    clientTracking: false,
  })
  const connections = new Map<WebSocket, RealtimeConnection>()
  const perUser = new Map<string, number>()
  const socketsForHttp = app.server.maxConnections

  const count = (identity: Identity | undefined, step: 1 | -1) => {
    if (identity?.kind !== 'user') return
    const open = (perUser.get(identity.openId) ?? 0) + step
    if (open > MAX_CONNECTIONS_PER_USER) {
      throw new AppError('rate_limited', `One user may have ${MAX_CONNECTIONS_PER_USER} connections.`, {
        details: { retryAfterSeconds: 10 },
      })
    }
    if (open <= 0) perUser.delete(identity.openId)
    else perUser.set(identity.openId, open)
  }

  const connectionNeeds: ConnectionNeeds = { ...needs, onIdentified: (identity) => count(identity, 1) }
  const listeners = {
    // Found by their socket, not by closures: these few functions serve all connections.
    message(this: WebSocket, data: RawData) {
      void connections.get(this)?.receive(String(data)) // it answers its own failures
    },
    pong(this: WebSocket) {
      const connection = connections.get(this)
      if (connection) connection.isAlive = true
    },
    error: (error: Error) => needs.log.debug({ err: error }, 'realtime connection failed'),
    close(this: WebSocket) {
      const connection = connections.get(this)
      connections.delete(this)
      allowSockets()
      count(connection?.identity, -1)
      connection?.dispose()
    },
  }
  const accept = (client: WebSocket, wire: Duplex) => {
    connections.set(client, new RealtimeConnection(client, wire, connectionNeeds))
    allowSockets()
    client.on('message', listeners.message)
    client.on('pong', listeners.pong)
    client.on('error', listeners.error)
    client.on('close', listeners.close)
  }
  /** Idle sockets of phones must not take the places of requests. */
  const allowSockets = () => {
    app.server.maxConnections = Math.min(socketsForHttp + connections.size, MAX_SOCKETS)
  }

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const isOurs = request.url?.split('?')[0] === REALTIME_PATH
    if (!isOurs || connections.size >= MAX_CONNECTIONS) {
      socket.end(
        `HTTP/1.1 ${isOurs ? '503 Service Unavailable\r\nRetry-After: 5' : '404 Not Found'}\r\nConnection: close\r\n\r\n`,
      )
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => accept(client, socket))
  }
  app.server.on('upgrade', upgrade)

  const heartbeat = setInterval(openHeartbeat(connections), BEAT_MS)
  heartbeat.unref()

  app.addHook('preClose', async () => {
    clearInterval(heartbeat)
    app.server.off('upgrade', upgrade)
    // Clients come back by themselves; their own jitter spreads them.
    for (const connection of connections.values()) connection.close(CLOSE_CODES.reconnect, 'the server restarts')
  })
  return { stats: () => ({ connections: connections.size }) }
}

/** Goes round all connections within `HEARTBEAT_MS`: who gave no sign of life, or did not log in, since last time goes. */
function openHeartbeat(connections: ReadonlyMap<WebSocket, RealtimeConnection>): () => void {
  let round = connections.entries()
  return () => {
    for (let left = Math.ceil((connections.size * BEAT_MS) / HEARTBEAT_MS); left > 0; left--) {
      let next = round.next()
      if (next.done) {
        round = connections.entries()
        next = round.next()
      }
      if (next.done) return
      const [client, connection] = next.value
      if (connection.isAlive) {
        connection.isAlive = false
        if (connection.isIdentified) client.ping()
      } else if (connection.isIdentified) client.terminate()
      else connection.close(CLOSE_CODES.notAuthenticated, 'no log-in')
    }
  }
}
