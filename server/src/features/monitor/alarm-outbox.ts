/**
 * Delivers what happened: together, not one by one; through the second channel when the first refuses; after a restart
 * as well; what can wait, after the quiet hours. At most one message a minute, and within the vendors' limits.
 */
import { createHash } from 'node:crypto'
import type { Log } from '../../log.ts'
import { type AlarmChannel, type AlarmMessage, sendToChannel } from './alarm-channels.ts'
import { ChannelError } from './channel-error.ts'
import type { MetricsHistory } from './metrics-history.ts'
import { isQuiet, type QuietHours } from './quiet-hours.ts'

export type AlarmNote = {
  readonly atMs: number
  readonly line: string
  readonly level: 'page' | 'warn' | 'resolved'
  /** How bad it is or, for what is over, was: the end of what woke somebody is told at once as well. */
  readonly urgency: 'page' | 'warn'
}

type StoredNote = { id: number; at_ms: number; level: AlarmNote['level']; urgency: AlarmNote['urgency']; line: string }

/** What happens within this time goes into one message. */
const GATHER_MS = 15_000
/** Between two messages: a storm becomes one message a minute. */
const BETWEEN_MESSAGES_MS = 60_000
/** WeCom and DingTalk allow 20 a minute and block for ten minutes beyond. */
const MESSAGES_PER_MINUTE = 15
const MINUTE_MS = 60_000
const RETRY_MS = [30_000, 60_000, 5 * MINUTE_MS, 15 * MINUTE_MS] as const
/** Older news is worth nothing, and a queue without an end neither. */
const KEEP_MS = 24 * 3_600_000
const NOTES_PER_MESSAGE = 20

type Needs = {
  readonly db: MetricsHistory['db']
  readonly channels: () => readonly AlarmChannel[]
  readonly quietHours?: () => QuietHours | undefined
  /** Name of this server in messages. */
  readonly serverName: () => string
  readonly log: Log
  readonly now: () => number
}

export type AlarmOutbox = ReturnType<typeof openAlarmOutbox>

export function openAlarmOutbox({ db, channels, quietHours, serverName, log, now }: Needs) {
  db.exec(`CREATE TABLE IF NOT EXISTS alarm_notes (id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,
    level TEXT NOT NULL, urgency TEXT NOT NULL, line TEXT NOT NULL)`)
  const insert = db.prepare('INSERT INTO alarm_notes (at_ms, level, urgency, line) VALUES (?, ?, ?, ?)')
  const waiting = db.prepare<[], StoredNote>('SELECT * FROM alarm_notes ORDER BY id')
  const remove = db.prepare('DELETE FROM alarm_notes WHERE id IN (SELECT value FROM json_each(?))')
  const expire = db.prepare('DELETE FROM alarm_notes WHERE at_ms < ?')

  const buckets = new Map<string, number[]>()
  let lastSentMs = Number.NEGATIVE_INFINITY
  let retryAtMs = Number.NEGATIVE_INFINITY
  let failures = 0
  let isSending = false

  function mayUse(channel: AlarmChannel) {
    const recent = (buckets.get(channel.id) ?? []).filter((atMs) => atMs > now() - MINUTE_MS)
    buckets.set(channel.id, recent)
    return recent.length < MESSAGES_PER_MINUTE
  }

  async function send(channel: AlarmChannel, message: AlarmMessage) {
    if (!mayUse(channel)) throw new ChannelError('rate_limited', 'This channel had its messages of this minute.')
    buckets.get(channel.id)?.push(now())
    await sendToChannel(channel, message, now())
  }

  /** What may be told now: of the quiet hours' notes those that break through. */
  function tellable(): StoredNote[] {
    const hours = quietHours?.()
    if (!hours || !isQuiet(hours, now())) return waiting.all()
    return waiting.all().filter(({ urgency }) => urgency === hours.breaksThrough)
  }

  /** The first channel that takes it. Undefined: none did. */
  async function deliver(message: AlarmMessage): Promise<AlarmChannel | undefined> {
    for (const channel of channels()) {
      try {
        await send(channel, message)
        return channel
      } catch (error) {
        const code = error instanceof ChannelError ? error.code : 'unknown'
        log.warn({ channel: channel.kind, channelId: channel.id, vendorCode: code }, 'an alarm channel refused')
      }
    }
    return undefined
  }

  return {
    add: ({ atMs, level, urgency, line }: AlarmNote) => void insert.run(atMs, level, urgency, line),
    waiting: () => waiting.all().length,

    /** Sends what is due. Called every few seconds; a call while one runs does nothing. */
    async flush(): Promise<void> {
      expire.run(now() - KEEP_MS)
      const notes = tellable()
      const [first] = notes
      const isDue = first && now() - first.at_ms >= GATHER_MS && now() - lastSentMs >= BETWEEN_MESSAGES_MS
      if (!isDue || isSending || now() < retryAtMs || channels().length === 0) return
      isSending = true
      try {
        const channel = await deliver(compose(serverName(), notes))
        if (channel) {
          remove.run(JSON.stringify(notes.map(({ id }) => id)))
          lastSentMs = now()
          failures = 0
        } else {
          retryAtMs = now() + (RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? MINUTE_MS)
          failures += 1
        }
      } finally {
        isSending = false
      }
    },

    /** For the test button: through exactly this channel. @throws {ChannelError} with the vendor's code */
    test: (channel: AlarmChannel) =>
      send(channel, {
        title: `[${serverName()}] Sampan`,
        text: 'Test message. Alarms of this server arrive here. 测试消息：本服务器的告警会发送到这里。',
      }),
  }
}

function compose(server: string, notes: readonly StoredNote[]): AlarmMessage {
  const count = (level: AlarmNote['level']) => notes.filter((note) => note.level === level).length
  const parts = [
    count('page') && `🔴 ${count('page')}`,
    count('warn') && `🟡 ${count('warn')}`,
    count('resolved') && `🟢 ${count('resolved')}`,
  ].filter(Boolean)
  const shown = notes.slice(-NOTES_PER_MESSAGE).map(({ line }) => line)
  const left = notes.length - shown.length
  return {
    title: `[${server}] ${parts.join(' ')}`,
    text: [...shown, ...(left > 0 ? [`… +${left}`] : [])].join('\n'),
  }
}

/** Names a channel without telling its address. */
export const channelId = ({ kind, url }: Pick<AlarmChannel, 'kind' | 'url'>) =>
  createHash('sha256').update(`${kind} ${url}`).digest('hex').slice(0, 12)
