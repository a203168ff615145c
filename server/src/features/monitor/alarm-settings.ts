/**
 * What the owner decided about alarms: who is told, when not, and from which values on. It stands in `sampan.config.ts`,
 * which goes with the project from box to box, or in the console; where both say something the file wins.
 */
import { type AlarmChannel, CHANNEL_KINDS, type ChannelKind } from './alarm-channels.ts'
import { parseMailUrl } from './alarm-mail.ts'
import { channelId } from './alarm-outbox.ts'
import { ALARM_RULES, type AlarmRule } from './alarm-rules.ts'
import type { MonitorSettings } from './monitor-settings.ts'
import type { QuietHours } from './quiet-hours.ts'

export type ChannelInput = {
  readonly kind: ChannelKind
  readonly url: string
  readonly secret?: string | undefined
}
export type LimitInput = { readonly at: number; readonly forMinutes: number }
/** `off`: not watched. A threshold that is not named stays as it is. */
export type RuleInput = 'off' | { readonly warn?: LimitInput | undefined; readonly page?: LimitInput | undefined }

/** `alarms` in `sampan.config.ts`. */
export type DeclaredAlarms = {
  readonly channels?: readonly ChannelInput[] | undefined
  readonly quietHours?: QuietHours | undefined
  /** An outside address that is called each minute. */
  readonly heartbeat?: string | undefined
  readonly rules?: Readonly<Record<string, RuleInput | undefined>> | undefined
}

type Origin = 'config' | 'console'
export type KnownChannel = AlarmChannel & { readonly from: Origin }
export type TunedRule = AlarmRule & { readonly isOff: boolean; readonly tunedIn: Origin | undefined }

const CHANNELS_SETTING = 'alarm-channels'
const QUIET_SETTING = 'alarm-quiet-hours'
const RULES_SETTING = 'alarm-rules'
const HEARTBEAT_SETTING = 'heartbeat-url'
const MINUTE_MS = 60_000

export type AlarmSettings = ReturnType<typeof openAlarmSettings>

export function openAlarmSettings(settings: MonitorSettings, declared: DeclaredAlarms = {}) {
  const declaredChannels = (declared.channels ?? []).map(
    (input): KnownChannel => ({ ...toChannel(input), from: 'config' }),
  )
  const isDeclared = (id: string) => declaredChannels.some((channel) => channel.id === id)
  // `safe` below: the console's routes checked what they put here.
  const stored = {
    channels: () => (settings.find(CHANNELS_SETTING) ?? []) as AlarmChannel[], // safe
    rules: () => (settings.find(RULES_SETTING) ?? {}) as Record<string, RuleInput>, // safe
    quietHours: () => (settings.find(QUIET_SETTING) ?? undefined) as QuietHours | undefined, // safe
    heartbeat: () => (settings.find(HEARTBEAT_SETTING) ?? '') as string, // safe
  }

  return {
    /** Best first: the next one is used when one does not take a message. */
    channels(): KnownChannel[] {
      const own = stored.channels().filter(({ id }) => !isDeclared(id))
      return [...declaredChannels, ...own.map((channel): KnownChannel => ({ ...channel, from: 'console' }))]
    },
    /** Replaces those that the console knows. */
    setChannels: (list: readonly AlarmChannel[]) => settings.put(CHANNELS_SETTING, list),

    quietHours: (): QuietHours | undefined => declared.quietHours ?? stored.quietHours(),
    setQuietHours: (hours: QuietHours | undefined) => settings.put(QUIET_SETTING, hours ?? null),

    heartbeatUrl: () => declared.heartbeat ?? stored.heartbeat(),
    setHeartbeatUrl: (url: string) => settings.put(HEARTBEAT_SETTING, url),

    rules(): TunedRule[] {
      const own = stored.rules()
      return ALARM_RULES.map((rule) => {
        const inFile = declared.rules?.[rule.id]
        const input = inFile ?? own[rule.id]
        const tunedIn = inFile ? 'config' : input ? 'console' : undefined
        return { ...tuneRule(rule, input), isOff: input === 'off', tunedIn }
      })
    },
    /** Undefined: as shipped. */
    setRule(id: string, input: RuleInput | undefined) {
      const { [id]: _before, ...others } = stored.rules()
      settings.put(RULES_SETTING, input === undefined ? others : { ...others, [id]: input })
    },

    /** What only the file can change. */
    declares: {
      quietHours: declared.quietHours !== undefined,
      heartbeat: declared.heartbeat !== undefined,
      rule: (id: string) => declared.rules?.[id] !== undefined,
    },
  }
}

/** @throws {Error} that says what is wrong, without the address: it is a key */
export function toChannel({ kind, url, secret }: ChannelInput): AlarmChannel {
  if (!CHANNEL_KINDS.includes(kind)) throw new Error(`There is no channel "${kind}": ${CHANNEL_KINDS.join(', ')}.`)
  if (kind === 'email') parseMailUrl(url)
  else if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw new Error(`${kind} needs an address https://…`)
  return { kind, url, id: channelId({ kind, url }), ...(secret && { secret }) }
}

/** A rule with other thresholds clears where the shipped one would, in proportion: otherwise it flaps, or never ends. */
export function tuneRule(rule: AlarmRule, input: RuleInput | undefined): AlarmRule {
  if (input === undefined || input === 'off') return rule
  const warn = input.warn ? toThreshold(input.warn) : rule.warn
  const page = input.page ? toThreshold(input.page) : rule.page
  const before = (rule.warn ?? rule.page)?.at
  const after = (warn ?? page)?.at
  const clearAt =
    before === undefined || after === undefined ? rule.clear.at : inProportion(rule.clear.at, before, after)
  return { ...rule, ...(warn && { warn }), ...(page && { page }), clear: { ...rule.clear, at: clearAt } }
}

const toThreshold = ({ at, forMinutes }: LimitInput) => ({ at, forMs: forMinutes * MINUTE_MS })

const inProportion = (clearAt: number, before: number, after: number) =>
  before === 0 ? after : (clearAt * after) / before
