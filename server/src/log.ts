/** The server's log: JSON lines, or short readable lines when a person watches a terminal. */
import { type DestinationStream, type Logger, pino } from 'pino'

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
  const paths = REDACTED.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*["${name}"]`])
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...new Set(paths)], censor: '[redacted]' },
    },
    isPretty ? prettyLines(destination) : destination,
  )
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
