/** What `sampan.config.ts` may say. Everything is optional: a CloudBase project needs no such file. */
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
  fields: z.record(z.string(), z.union([z.literal(1), z.literal(-1), z.literal('2dsphere')])),
  unique: z.boolean().optional(),
})
const Collection = z.strictObject({
  name: z.string().min(1).max(64),
  /** Who may do what from the mini program; functions may do everything. */
  rules: Rules.default('PRIVATE'),
  indexes: z.array(Index).max(32).default([]),
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
