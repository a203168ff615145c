/** Alarms: what fires, what fired, who is told and when, from which values on; silence and test. */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { AppError } from '../../errors.ts'
import { type Static, Type } from '../../http/json-schema.ts'
import { type AlarmChannel, CHANNEL_KINDS } from '../monitor/alarm-channels.ts'
import { type ChannelInput, type KnownChannel, toChannel } from '../monitor/alarm-settings.ts'
import { ChannelError } from '../monitor/channel-error.ts'
import { TIME_OF_DAY } from '../monitor/quiet-hours.ts'
import type { Watch } from '../monitor/watch.ts'
import type { Audit } from './audit-log.ts'

const EVENTS_SHOWN = 100
const CHANNELS_MAX = 5
const URL_CHARACTERS_MAX = 500
const SILENCE_HOURS_MAX = 24 * 7
const HOUR_MS = 3_600_000
const FOR_MINUTES_MAX = 24 * 60
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
const Limit = Type.Object(
  { at: Type.Number(), forMinutes: Type.Number({ minimum: 0, maximum: FOR_MINUTES_MAX }) },
  strict,
)
const RuleBody = Type.Object(
  {
    isOff: Type.Optional(Type.Boolean()),
    warn: Type.Optional(Limit),
    page: Type.Optional(Limit),
  },
  strict,
)
const Time = Type.String({ pattern: TIME_OF_DAY })
const QuietBody = Type.Object(
  {
    hours: Type.Union([
      Type.Null(),
      Type.Object(
        { from: Time, to: Time, breaksThrough: Type.Union([Type.Literal('page'), Type.Literal('nothing')]) },
        strict,
      ),
    ]),
  },
  strict,
)
const IdParams = Type.Object({ id: Type.String({ maxLength: 40 }) })

type Needs = { readonly watch: Watch; readonly audit: Audit; readonly now?: () => number }

export function alarmRoutes(needs: Needs): FastifyPluginAsync {
  return async (app) => {
    const { alarms, alarmSettings } = needs.watch
    app.get('/alarms', { config: { role: 'viewer' } }, async () => ({
      rules: alarms.list(),
      events: alarms.events(EVENTS_SHOWN),
      channels: alarmSettings.channels().map(shown),
      waiting: alarms.waiting(),
      quietHours: alarmSettings.quietHours() ?? null,
      heartbeat: Boolean(alarmSettings.heartbeatUrl()),
      declared: { quietHours: alarmSettings.declares.quietHours, heartbeat: alarmSettings.declares.heartbeat },
    }))
    channelRoutes(app, needs)
    ruleRoutes(app, needs)
    timeRoutes(app, needs)
  }
}

function channelRoutes(app: FastifyInstance, { watch, audit }: Needs) {
  const { alarms, alarmSettings } = watch
  const ownChannels = () => alarmSettings.channels().filter(({ from }) => from === 'console')

  app.post<{ Body: Static<typeof ChannelBody> }>(
    '/alarms/channels',
    { schema: { body: ChannelBody }, config: { role: 'owner' } },
    async (request) => {
      const channel = checkedChannel(request.body)
      if (alarmSettings.channels().some(({ id, from }) => id === channel.id && from === 'config')) {
        throw new AppError('invalid_request', 'sampan.config.ts names this channel already.')
      }
      const others = ownChannels().filter(({ id }) => id !== channel.id)
      if (others.length >= CHANNELS_MAX) throw new AppError('invalid_request', `There may be ${CHANNELS_MAX} channels.`)
      alarmSettings.setChannels([...others, channel].map(withoutOrigin))
      await audit(request, 'alarm-channel.add', channel.id, { kind: channel.kind })
      return shown({ ...channel, from: 'console' })
    },
  )

  app.put<{ Body: Static<typeof OrderBody> }>(
    '/alarms/channels',
    { schema: { body: OrderBody }, config: { role: 'owner' } },
    async (request) => {
      const known = ownChannels()
      const ordered = request.body.ids.flatMap((id) => known.find((channel) => channel.id === id) ?? [])
      alarmSettings.setChannels(ordered.map(withoutOrigin))
      await audit(request, 'alarm-channel.order', request.body.ids.join(' '))
      return { channels: alarmSettings.channels().map(shown) }
    },
  )

  app.post<{ Params: Static<typeof IdParams> }>(
    '/alarms/channels/:id/test',
    { schema: { params: IdParams }, config: { role: 'developer' } },
    async (request) => {
      const channel = alarmSettings.channels().find(({ id }) => id === request.params.id)
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
}

function ruleRoutes(app: FastifyInstance, { watch, audit, now = Date.now }: Needs) {
  const { alarms, alarmSettings } = watch
  const ruleOf = (id: string) => {
    const rule = alarms.list().find((one) => one.id === id)
    if (!rule) throw new AppError('invalid_request', 'There is no such rule.')
    return rule
  }

  app.post<{ Body: Static<typeof SilenceBody> }>(
    '/alarms/silence',
    { schema: { body: SilenceBody }, config: { role: 'developer' } },
    async (request) => {
      const { rule, hours } = request.body
      alarms.silence(ruleOf(rule).id, now() + hours * HOUR_MS)
      await audit(request, 'alarm.silence', rule, { hours })
      return {}
    },
  )

  app.put<{ Params: Static<typeof IdParams>; Body: Static<typeof RuleBody> }>(
    '/alarms/rules/:id',
    { schema: { params: IdParams, body: RuleBody }, config: { role: 'owner' } },
    async (request) => {
      const { id, bad, warn: knownWarn, page: knownPage } = ruleOf(request.params.id)
      refuseDeclared(alarmSettings.declares.rule(id))
      const { isOff, warn, page } = request.body
      if ((warn && !knownWarn) || (page && !knownPage)) {
        throw new AppError('invalid_request', 'This rule has no such threshold.')
      }
      const [warnAt, pageAt] = [(warn ?? knownWarn)?.at, (page ?? knownPage)?.at]
      if (warnAt !== undefined && pageAt !== undefined && (bad === 'above' ? warnAt > pageAt : warnAt < pageAt)) {
        throw new AppError('invalid_request', 'The warning would come after the alarm.')
      }
      alarmSettings.setRule(id, isOff ? 'off' : warn || page ? { warn, page } : undefined)
      await audit(request, 'alarm.rule', id, request.body)
      return ruleOf(id)
    },
  )
}

function timeRoutes(app: FastifyInstance, { watch, audit }: Needs) {
  const { alarmSettings } = watch

  app.put<{ Body: Static<typeof QuietBody> }>(
    '/alarms/quiet-hours',
    { schema: { body: QuietBody }, config: { role: 'owner' } },
    async (request) => {
      refuseDeclared(alarmSettings.declares.quietHours)
      const { hours } = request.body
      alarmSettings.setQuietHours(hours ?? undefined)
      await audit(request, 'quiet-hours.set', hours ? `${hours.from}-${hours.to}` : 'off')
      return {}
    },
  )

  app.put<{ Body: Static<typeof HeartbeatBody> }>(
    '/alarms/heartbeat',
    { schema: { body: HeartbeatBody }, config: { role: 'owner' } },
    async (request) => {
      refuseDeclared(alarmSettings.declares.heartbeat)
      alarmSettings.setHeartbeatUrl(request.body.url)
      await audit(request, 'heartbeat.set', request.body.url ? 'on' : 'off')
      return {}
    },
  )
}

function refuseDeclared(isDeclared: boolean) {
  if (isDeclared) throw new AppError('invalid_request', 'sampan.config.ts decides this: change it there.')
}

function checkedChannel(input: ChannelInput): AlarmChannel {
  try {
    return toChannel(input)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : 'The address is not right.'
    throw new AppError('invalid_request', message, { details: { field: 'url' }, cause })
  }
}

const withoutOrigin = ({ id, kind, url, secret }: AlarmChannel): AlarmChannel => ({
  id,
  kind,
  url,
  ...(secret && { secret }),
})

/** The address is a key: only its host is told. */
const shown = ({ id, kind, url, secret, from }: KnownChannel) => ({
  id,
  kind,
  host: URL.parse(url)?.host ?? '',
  isSigned: Boolean(secret),
  from,
})
