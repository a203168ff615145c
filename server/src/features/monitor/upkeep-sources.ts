/** What grows old in silence: the newest backup, and the certificate that phones see. */
import { readdir, stat } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import type { MetricsSource } from './monitor.ts'
import { rememberedSource } from './remembered-source.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const LOOK_EVERY_MS = 10 * 60_000
const TLS_TIMEOUT_MS = 5_000
const HTTPS_PORT = 443

/** Hours since the newest backup that `sampan backup` left in the data folder; not known before the first. */
export const backupSource = (dataDir: string, now: () => number = Date.now): MetricsSource =>
  rememberedSource({
    async look() {
      const hours = await backupAgeHours(path.join(dataDir, 'backups'), now())
      return hours === undefined ? undefined : { 'backup.ageHours': hours }
    },
    everyMs: LOOK_EVERY_MS,
    now,
  })

export async function backupAgeHours(folder: string, nowMs: number): Promise<number | undefined> {
  const names = await readdir(folder)
  const times = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).mtimeMs))
  return times.length ? (nowMs - Math.max(...times)) / HOUR_MS : undefined
}

/** Days until the certificate of the public address ends, asked as a phone would. */
export const certificateSource = (publicUrl: () => string, now: () => number = Date.now): MetricsSource =>
  rememberedSource({
    async look() {
      const url = URL.parse(publicUrl())
      if (url?.protocol !== 'https:') return undefined
      const days = await certificateDaysLeft(url.hostname, Number(url.port) || HTTPS_PORT, now())
      return days === undefined ? undefined : { 'tls.certificateDaysLeft': days }
    },
    everyMs: LOOK_EVERY_MS,
    now,
  })

/** A certificate that phones would refuse has days too: `sampan doctor` judges the chain, this its end. */
export function certificateDaysLeft(host: string, port: number, nowMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host,
      port,
      timeout: TLS_TIMEOUT_MS,
      rejectUnauthorized: false,
      ...(net.isIP(host) === 0 && { servername: host }),
    })
    const end = (days: number | undefined) => {
      socket.destroy()
      resolve(days)
    }
    socket.once('secureConnect', () => {
      const endsAtMs = Date.parse(socket.getPeerCertificate().valid_to ?? '')
      end(Number.isNaN(endsAtMs) ? undefined : (endsAtMs - nowMs) / DAY_MS)
    })
    socket.once('timeout', () => end(undefined))
    socket.once('error', () => end(undefined))
  })
}
