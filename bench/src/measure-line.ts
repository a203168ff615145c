/** What a line carries in both directions, and how long a short question takes: between two machines of one's own. */
import { randomBytes } from 'node:crypto'

export type LineFigures = {
  /** From that machine to this one: for a server, what its line is sold as is the other direction. */
  readonly downMbps: number
  readonly upMbps: number
  /** A short question over a kept connection. */
  readonly roundTripMs: { readonly p50: number; readonly p95: number }
  /** The same while the line is full: how much it queues. */
  readonly roundTripWhenFullMs: { readonly p50: number; readonly p95: number }
}

const PINGS = 20
const CONNECTIONS = 4
/** TCP needs a moment to find the line's speed. */
const SKIPPED_SHARE = 0.2
const BLOCK = randomBytes(64 * 1024)
const BITS = 8
const MEGA = 1e6

/** @param url with the secret path that the far end printed */
export async function measureLine(url: string, seconds: number): Promise<LineFigures> {
  const base = url.replace(/\/$/, '')
  await ping(base)
  const roundTripMs = await pings(base)
  const [downMbps, roundTripWhenFullMs] = await Promise.all([download(base, seconds), pings(base, seconds)])
  const upMbps = await upload(base, seconds)
  return { downMbps, upMbps, roundTripMs, roundTripWhenFullMs }
}

async function ping(base: string): Promise<number> {
  const startMs = performance.now()
  const answer = await fetch(`${base}/ping`)
  if (!answer.ok) throw new Error(`the far end answered ${answer.status}: is this the address that it printed?`)
  await answer.arrayBuffer()
  return performance.now() - startMs
}

async function pings(base: string, spreadSeconds = 0) {
  const times: number[] = []
  for (let count = 0; count < PINGS; count++) {
    times.push(await ping(base))
    if (spreadSeconds) await new Promise((resolve) => setTimeout(resolve, (spreadSeconds * 1000) / PINGS / 2))
  }
  times.sort((a, b) => a - b)
  return { p50: times[PINGS / 2] ?? 0, p95: times.at(-2) ?? 0 }
}

async function download(base: string, seconds: number): Promise<number> {
  const startMs = performance.now()
  const skipUntilMs = startMs + seconds * 1000 * SKIPPED_SHARE
  let bytes = 0
  const read = async () => {
    const { body } = await fetch(`${base}/down?seconds=${seconds}`)
    for await (const part of body ?? []) if (performance.now() > skipUntilMs) bytes += part.length
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, read))
  return (bytes * BITS) / MEGA / ((performance.now() - skipUntilMs) / 1000)
}

/** Counted by the far end: what lies in buffers here has not crossed the line. */
async function upload(base: string, seconds: number): Promise<number> {
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  const send = async () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (performance.now() < endMs) controller.enqueue(BLOCK)
        else controller.close()
      },
    })
    const answer = await fetch(`${base}/up`, { method: 'POST', body, duplex: 'half' })
    return Number(await answer.text())
  }
  const sent = await Promise.all(Array.from({ length: CONNECTIONS }, send))
  const bytes = sent.reduce((sum, one) => sum + one, 0)
  return (bytes * BITS) / MEGA / ((performance.now() - startMs) / 1000)
}
