import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from '../../http/json-schema.ts'
import { requireCaller, requireOwnerTool } from '../sessions/current-session.ts'
import { REALTIME_PATH } from './realtime-socket.ts'
import type { RealtimeTickets } from './realtime-tickets.ts'
import type { Rooms } from './rooms.ts'

const Say = Type.Object(
  { room: Type.String({ minLength: 1, maxLength: 128 }), data: Type.Unknown() },
  { additionalProperties: false },
)

type Needs = {
  readonly tickets: RealtimeTickets
  readonly rooms: Rooms
  readonly publicUrl: () => string
  readonly env: string
}

/** `POST /v1/realtime/ticket` for whoever is logged in, `POST /v1/realtime/say` for the owner's programs. */
export function roomRoutes({ tickets, rooms, publicUrl, env }: Needs): FastifyPluginAsync {
  return async (app) => {
    app.post(
      '/ticket',
      { schema: { summary: 'A ticket for the WebSocket', tags: ['realtime'] } },
      async ({ identity }) => ({
        ticket: tickets.issue(requireCaller(identity)),
        url: socketUrl(publicUrl()),
        env,
      }),
    )
    app.post<{ Body: Static<typeof Say> }>(
      '/say',
      { schema: { summary: 'Say something in a room, as the owner', tags: ['realtime'], body: Say } },
      async ({ body, identity }) => {
        requireOwnerTool(identity)
        return { seq: rooms.say(body.room, body.data, identity).seq }
      },
    )
  }
}

/** The same host and port; phones know no other. */
export const socketUrl = (publicUrl: string): string => publicUrl.replace(/^http/, 'ws') + REALTIME_PATH
