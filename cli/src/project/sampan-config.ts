/** What `sampan.config.ts` may say. Everything is optional: a CloudBase project needs no such file. */
import { CHANNEL_KINDS } from '@sampan/server/features/monitor/alarm-channels'
import { ALARM_RULES } from '@sampan/server/features/monitor/alarm-rules'
import { toChannel } from '@sampan/server/features/monitor/alarm-settings'
import { TIME_OF_DAY } from '@sampan/server/features/monitor/quiet-hours'
import { z } from 'zod'
import { CommandError } from '../command.ts'

const Rule = z.union([z.boolean(), z.string().max(1024)])
const Mode = z.enum(['READONLY', 'PRIVATE', 'ADMINWRITE', 'ADMINONLY'])
const Rules = z.union([
  Mode,
  z.strictObject({
    read: Rule.optional(),
    write: Rule.optional(),
    create: Rule.optional(),
    update: Rule.optional(),
    delete: Rule.optional(),
    /** A simple mode beside `protectedFields`, instead of expressions. */
    mode: Mode.optional(),
    /** Fields that clients can neither read nor write, filter or sort by. */
    protectedFields: z.array(z.string().min(1).max(256)).max(100).optional(),
  }),
])
const Index = z.strictObject({
  name: z.string().max(64).optional(),
  fields: z.record(z.string(), z.union([z.literal(1), z.literal(-1), z.literal('2dsphere'), z.literal('array')])),
  unique: z.boolean().optional(),
})
const Collection = z.strictObject({
  name: z.string().min(1).max(64),
  /** Who may do what from the mini program; functions may do everything. */
  rules: Rules.default('PRIVATE'),
  indexes: z.array(Index).max(32).default([]),
})

const Channel = z
  .strictObject({
    kind: z.enum(CHANNEL_KINDS),
    /** The robot's address, or `smtps://user@host:465?to=…` for e-mail. */
    url: z.string().max(500),
    /** The robot's signing secret, or the password of the mail account. */
    secret: z.string().max(200).optional(),
  })
  .superRefine((channel, context) => {
    try {
      toChannel(channel)
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is not right' })
    }
  })
const Limit = z.strictObject({ at: z.number(), forMinutes: z.number().min(0).max(1440) })
const Time = z.string().regex(new RegExp(TIME_OF_DAY), 'expected a time such as 23:00')
const RULE_IDS = ALARM_RULES.map(({ id }) => id)
const Alarms = z.strictObject({
  /** The second one is used when the first does not take a message. */
  channels: z.array(Channel).max(5).optional(),
  quietHours: z
    .strictObject({ from: Time, to: Time, breaksThrough: z.enum(['page', 'nothing']).default('page') })
    .optional(),
  /** An outside address that is called each minute, and tells when the calls stop. */
  heartbeat: z.url({ protocol: /^https?$/ }).optional(),
  /** Other thresholds than the shipped ones, by the names in docs/alarms.md; `off`: not watched. */
  rules: z
    .partialRecord(
      z.enum(RULE_IDS),
      z.union([z.literal('off'), z.strictObject({ warn: Limit.optional(), page: Limit.optional() })]),
    )
    .optional(),
})

/** A time as text, such as 2026-11-11T20:00:00+08:00, or in ms since 1970. */
const Moment = z.union([
  z.number().int().min(0),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
])
const Name = z.string().regex(/^[\w-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 _ -')
const Sale = z
  .strictObject({
    id: Name,
    title: z.string().max(200).optional(),
    items: z
      .array(z.strictObject({ id: Name, title: z.string().max(200).optional(), total: z.number().int().min(0) }))
      .min(1)
      .max(1_000),
    start: Moment,
    end: Moment,
    limitPerUser: z.number().int().min(1).max(1_000).optional(),
    /** 0: nothing is to be paid. */
    holdSeconds: z.number().int().min(0).max(604_800).optional(),
    isRefundRestocked: z.boolean().optional(),
  })
  .refine(({ start, end }) => end > start, 'end must be after start')
const Job = z.strictObject({
  kind: Name,
  /** The cloud function that does it; without: a handler in server/index.ts. */
  function: Name.optional(),
  concurrency: z.number().int().min(1).max(64).optional(),
  maxAttempts: z.number().int().min(1).max(100).optional(),
  /** Whether people in the mini program may add such jobs. */
  isForUsers: z.boolean().optional(),
})

const Config = z.strictObject({
  /** Name of the environment, as in `wx.cloud.init({ env })`. */
  env: z.string().max(64).optional(),
  collections: z.array(Collection).max(500).optional(),
  /** First documents of collections that are empty, for development. */
  seed: z.record(z.string(), z.array(z.record(z.string(), z.json()))).optional(),
  /** Rooms of the realtime socket: who may enter, who may speak; without a rule nobody may. */
  rooms: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(128),
        join: z.enum(['users', 'nobody']).default('users'),
        say: z.enum(['users', 'server']).default('users'),
      }),
    )
    .max(100)
    .optional(),
  /** Who is told of alarms, and when; the console can add to it, not change it. */
  alarms: Alarms.optional(),
  /** Limited goods: flash sales, courses, seats; see docs/stock.md. */
  sales: z.array(Sale).max(200).optional(),
  /** Heavy work beside the requests; see docs/jobs.md. */
  jobs: z.array(Job).max(200).optional(),
  /** Settings of the server by their names in docs/config.md; the environment wins over them. */
  settings: z.record(z.string(), z.union([z.string(), z.number()]).transform(String)).optional(),
})

export type SampanConfig = z.infer<typeof Config>
/** What a person writes in the file: defaults may be left out. */
export type SampanConfigInput = z.input<typeof Config>

/** @throws {CommandError} that names every wrong field */
export function checkSampanConfig(value: unknown, file: string): SampanConfig {
  const { data, error } = Config.safeParse(value)
  if (data) return data
  const problems = error.issues.map(({ path, message }) => `${path.join('.') || 'the default export'}: ${message}`)
  throw new CommandError(
    `${file} is not right:\n  ${problems.join('\n  ')}`,
    'docs/config.md shows what the file may say.',
  )
}
