/** The server's log: JSON lines, or short readable lines when a person watches a terminal. */
import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino'

export type Log = Logger

/** Never written, wherever they appear: who holds them can act as somebody, or knows who somebody is. */
export const REDACTED = [
  'token',
  'code',
  'secret',
  'secretKey',
  'sessionKey',
  'session_key',
  'access_token',
  'accessToken',
  'openId',
  'openid',
  '_openid',
  'phoneNumber',
  'password',
  'authorization',
  'cookie',
] as const

export type LogOptions = {
  readonly level: string
  /** Where lines go; a test passes its own. */
  readonly destination: DestinationStream
  /** Short lines for a person instead of JSON. */
  readonly isPretty: boolean
}

export function openLog({ level, destination, isPretty }: LogOptions): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: isoTimes(),
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => withoutSecrets(fields, 1),
      },
      serializers,
    },
    isPretty ? prettyLines(destination) : destination,
  )
}

/** A busy server writes ten lines in a millisecond: their time is formatted once. */
function isoTimes(): () => string {
  let formattedMs = 0
  let text = ''
  return () => {
    const nowMs = Date.now()
    if (nowMs !== formattedMs) {
      formattedMs = nowMs
      text = `,"time":"${new Date(nowMs).toISOString()}"`
    }
    return text
  }
}

const BATCH_BYTES = 8 * 1024
/** A line is written after this long at the latest. */
const FLUSH_MS = 100

/**
 * Writes behind the caller's back, many lines at once. A write per line cost a server three quarters of its requests per
 * second, and a write per turn of the event loop still a tenth. What is pending is written at exit.
 */
export const openLogDestination = (fileDescriptor: number): DestinationStream =>
  destination({ dest: fileDescriptor, sync: false, minLength: BATCH_BYTES, periodicFlush: FLUSH_MS })

const REDACTED_NAMES: ReadonlySet<string> = new Set(REDACTED)
const CENSOR = '[redacted]'
/** Levels of a line's data that are searched for secrets: `token`, `user.token`, `request.user.token`. */
const SEARCHED_LEVELS = 3

/** A child logger's own fields pass only these. An error in a line was made plain by `withoutSecrets` before. */
const serializers = {
  ...Object.fromEntries(REDACTED.map((name) => [name, () => CENSOR])),
  err: (error: unknown) => (error instanceof Error ? stdSerializers.err(error) : error),
}

/**
 * The same fields, secrets replaced. Copies only what it changes: nearly every line holds none, and pino's own redaction
 * with its wildcard paths took a fifth of the time of a small request.
 */
function withoutSecrets<Fields extends object>(fields: Fields, depth: number): Fields {
  let changed: Record<string, unknown> | undefined
  for (const [name, value] of Object.entries(fields)) {
    const kept = REDACTED_NAMES.has(name) ? CENSOR : withoutNestedSecrets(value, depth)
    if (kept !== value) changed = Object.assign(changed ?? { ...fields }, { [name]: kept })
  }
  return changed ? (changed as Fields) : fields // safe: the same names
}

function withoutNestedSecrets(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth >= SEARCHED_LEVELS) return value
  return value instanceof Error ? plainError(value, depth) : withoutSecrets(value, depth + 1)
}

/** An error's own `code` is no login code: it says what went wrong. */
function plainError(error: Error, depth: number): object {
  const plain = stdSerializers.err(error)
  const cleaned = withoutSecrets(plain, depth + 1)
  return 'code' in plain ? { ...cleaned, code: plain['code'] } : cleaned
}

/** Turns each JSON line into `10:31:07 warn  Sentence  key=value …`. */
function prettyLines(destination: DestinationStream): DestinationStream {
  return {
    write(line: string) {
      const { level, time, msg, ...data } = JSON.parse(line) as Record<string, unknown> // safe: pino wrote it
      const fields = Object.entries(data).map(([key, value]) => `${key}=${shown(value)}`)
      destination.write(`${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${msg}  ${fields.join(' ')}\n`)
    },
  }
}

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
