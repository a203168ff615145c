import { openSimulator, type SimulatorOptions } from '@sampan/simulator'
import { openWeChat, type WeChatOptions } from '../../src/wechat/open-wechat.ts'

export const APP_ID = 'wx0123456789abcdef'
const SECRET = '0123456789abcdef0123456789abcdef'

/** A cache in this process, shared by the servers of one test as Redis is by real ones. */
export function openTestCache(now: () => number = Date.now) {
  const entries = new Map<string, { value: string; expiresAtMs: number }>()
  const live = (key: string) => {
    const entry = entries.get(key)
    return entry && entry.expiresAtMs > now() ? entry.value : undefined
  }
  return {
    async get(key: string) {
      return live(key)
    },
    async set(key: string, value: string, ttlSeconds: number) {
      entries.set(key, { value, expiresAtMs: now() + ttlSeconds * 1000 })
    },
    async claim(key: string, value: string, ttlSeconds: number) {
      if (live(key) !== undefined) return false
      await this.set(key, value, ttlSeconds)
      return true
    },
  }
}

/** Simulator and client with one clock, which the test moves. */
export async function startWeChat(
  simulatorOptions: Partial<SimulatorOptions> = {},
  clientOptions: Partial<WeChatOptions> = {},
) {
  let nowMs = Date.UTC(2026, 10, 22, 4, 0, 0)
  const now = () => nowMs
  const account = { appId: APP_ID, secret: SECRET }
  const simulator = await openSimulator({ ...account, seed: 3, now, ...simulatorOptions })
  const logged: unknown[] = []
  const log = {
    warn: (fields: unknown, message: string) => void logged.push([message, String(JSON.stringify(fields))]),
  }
  const cache = openTestCache(now)
  const base = { baseUrl: simulator.url, ...account, cache, now, log, timeoutMs: 1_000, retryPauseMs: 5 }
  const open = (more: Partial<WeChatOptions> = {}) => openWeChat({ ...base, ...clientOptions, ...more })
  const wechat = open()

  return {
    simulator,
    wechat,
    logged,
    /** Another server of the same deployment. */
    open,
    advance: (ms: number) => {
      nowMs += ms
    },
    async close() {
      await wechat.close()
      await simulator.close()
    },
  }
}
