/** The server's WebSocket at `/v1/realtime`: upgrades, heartbeats, and limits on how many may be open. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { WebSocketServer } from 'ws'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Identity } from '../sessions/identity.ts'
import { CLOSE_CODES, type ConnectionNeeds, RealtimeConnection } from './realtime-connection.ts'

export const REALTIME_PATH = '/v1/realtime'

/** One frame of a client; larger ones end the connection. */
const MAX_FRAME_BYTES = 32 * 1024
/** Below a process's usual limit of 20,000 open files. */
const MAX_CONNECTIONS = 18_000
const MAX_CONNECTIONS_PER_USER = 5
const HEARTBEAT_MS = 30_000

type Needs = Omit<ConnectionNeeds, 'onIdentified'> & { readonly log: Log }

export type RealtimeSocket = { stats(): { readonly connections: number } }

export function serveRealtime(app: FastifyInstance, needs: Needs): RealtimeSocket {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    clientTracking: false,
  })
  const connections = new Map<RealtimeConnection, { ping(): void; terminate(): void }>()
  const perUser = new Map<string, number>()

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

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const isOurs = request.url?.split('?')[0] === REALTIME_PATH
    if (!isOurs || connections.size >= MAX_CONNECTIONS) {
      socket.end(
        `HTTP/1.1 ${isOurs ? '503 Service Unavailable\r\nRetry-After: 5' : '404 Not Found'}\r\nConnection: close\r\n\r\n`,
      )
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      const connection = new RealtimeConnection(client, { ...needs, onIdentified: (identity) => count(identity, 1) })
      connections.set(connection, client)
      client.on('message', (data) => {
        void connection.receive(String(data)) // it answers its own failures
      })
      client.on('pong', () => {
        connection.isAlive = true
      })
      client.on('error', (error) => needs.log.debug({ err: error }, 'realtime connection failed'))
      client.on('close', () => {
        count(connection.identity, -1)
        connections.delete(connection)
        connection.dispose()
      })
    })
  }
  app.server.on('upgrade', upgrade)

  const heartbeat = setInterval(() => {
    for (const [connection, client] of connections) {
      if (!connection.isIdentified) connection.close(CLOSE_CODES.notAuthenticated, 'no log-in')
      else if (!connection.isAlive) client.terminate()
      else {
        connection.isAlive = false
        client.ping()
      }
    }
  }, HEARTBEAT_MS)
  heartbeat.unref()

  app.addHook('preClose', async () => {
    clearInterval(heartbeat)
    app.server.off('upgrade', upgrade)
    // Clients come back by themselves; their own jitter spreads them.
    for (const connection of connections.keys()) connection.close(CLOSE_CODES.reconnect, 'the server restarts')
  })
  return { stats: () => ({ connections: connections.size }) }
}
