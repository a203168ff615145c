/** Alarms: what fires, what fired, who is told, silence and test. */
import type { FastifyPluginAsync } from 'fastify'
import { type Static, Type } from 'typebox'
import { AppError } from '../../errors.ts'
import { type AlarmChannel, CHANNEL_KINDS } from '../monitor/alarm-channels.ts'
import { channelId } from '../monitor/alarm-outbox.ts'
import { HEARTBEAT_SETTING } from '../monitor/alarms.ts'
import { ChannelError } from '../monitor/channel-error.ts'
import type { Watch } from '../monitor/watch.ts'
import type { Audit } from './audit-log.ts'

const EVENTS_SHOWN = 100
const CHANNELS_MAX = 5
const URL_CHARACTERS_MAX = 500
const SILENCE_HOURS_MAX = 24 * 7
const HOUR_MS = 3_600_000
const strict = { additionalProperties: false }

const ChannelBody = Type.Object(
  {
    kind: Type.Union(CHANNEL_KINDS.map((kind) => Type.Literal(kind))),
    url: Type.String({ maxLength: URL_CHARACTERS_MAX, pattern: '^(https?|smtps?)://' }),
    secret: Type.Optional(Type.String({ maxLength: 200 })),
  },
  strict,
)
const OrderBody = Type.Object({ ids: Type.Array(Type.String({ maxLength: 32 }), { maxItems: CHANNELS_MAX }) }, strict)
const SilenceBody = Type.Object(
  { rule: Type.String({ maxLength: 40 }), hours: Type.Integer({ minimum: 0, maximum: SILENCE_HOURS_MAX }) },
  strict,
)
const HeartbeatBody = Type.Object(
  { url: Type.String({ maxLength: URL_CHARACTERS_MAX, pattern: '^(https?://.*)?$' }) },
  strict,
)
const IdParams = Type.Object({ id: Type.String({ maxLength: 32 }) })

type Needs = { readonly watch: Watch; readonly audit: Audit; readonly now?: () => number }

export function alarmRoutes({ watch, audit, now = Date.now }: Needs): FastifyPluginAsync {
  const { alarms, settings } = watch

  return async (app) => {
    app.get('/alarms', { config: { role: 'viewer' } }, async () => ({
      rules: alarms.list(),
      events: alarms.events(EVENTS_SHOWN),
      channels: alarms.channels().map(shown),
      waiting: alarms.waiting(),
      heartbeat: isSet(settings.find(HEARTBEAT_SETTING)),
    }))

    app.post<{ Body: Static<typeof ChannelBody> }>(
      '/alarms/channels',
      { schema: { body: ChannelBody }, config: { role: 'owner' } },
      async (request) => {
        const channel: AlarmChannel = { ...request.body, id: channelId(request.body) }
        const others = alarms.channels().filter(({ id }) => id !== channel.id)
        if (others.length >= CHANNELS_MAX) {
          throw new AppError('invalid_request', `There may be ${CHANNELS_MAX} channels.`)
        }
        alarms.setChannels([...others, channel])
        await audit(request, 'alarm-channel.add', channel.id, { kind: channel.kind })
        return shown(channel)
      },
    )

    app.put<{ Body: Static<typeof OrderBody> }>(
      '/alarms/channels',
      { schema: { body: OrderBody }, config: { role: 'owner' } },
      async (request) => {
        const known = alarms.channels()
        alarms.setChannels(request.body.ids.flatMap((id) => known.find((channel) => channel.id === id) ?? []))
        await audit(request, 'alarm-channel.order', request.body.ids.join(' '))
        return { channels: alarms.channels().map(shown) }
      },
    )

    app.post<{ Params: Static<typeof IdParams> }>(
      '/alarms/channels/:id/test',
      { schema: { params: IdParams }, config: { role: 'developer' } },
      async (request) => {
        const channel = alarms.channels().find(({ id }) => id === request.params.id)
        if (!channel) throw new AppError('invalid_request', 'There is no such channel.')
        await audit(request, 'alarm-channel.test', channel.id)
        try {
          await alarms.test(channel)
          return { sent: true }
        } catch (error) {
          if (!(error instanceof ChannelError)) throw error
          return { sent: false, vendorCode: error.code, message: error.message }
        }
      },
    )

    app.post<{ Body: Static<typeof SilenceBody> }>(
      '/alarms/silence',
      { schema: { body: SilenceBody }, config: { role: 'developer' } },
      async (request) => {
        const { rule, hours } = request.body
        if (!alarms.list().some(({ id }) => id === rule))
          throw new AppError('invalid_request', 'There is no such rule.')
        alarms.silence(rule, now() + hours * HOUR_MS)
        await audit(request, 'alarm.silence', rule, { hours })
        return {}
      },
    )

    app.put<{ Body: Static<typeof HeartbeatBody> }>(
      '/alarms/heartbeat',
      { schema: { body: HeartbeatBody }, config: { role: 'owner' } },
      async (request) => {
        settings.put(HEARTBEAT_SETTING, request.body.url)
        await audit(request, 'heartbeat.set', request.body.url ? 'on' : 'off')
        return {}
      },
    )
  }
}

/** The address is a key: only its host is told. */
const shown = ({ id, kind, url, secret }: AlarmChannel) => ({
  id,
  kind,
  host: URL.parse(url)?.host ?? '',
  isSigned: Boolean(secret),
})

const isSet = (value: unknown) => typeof value === 'string' && value !== ''
