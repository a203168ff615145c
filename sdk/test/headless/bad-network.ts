/** A proxy between phone and server that misbehaves on demand, as mobile networks and restarting servers do. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export type Mishap =
  /** The server never sees the request. */
  | 'lost-request'
  /** The server does its work, and the phone never hears of it. */
  | 'lost-answer'
  /** Nginx answers for a server that is away. */
  | 'bad-gateway'
  /** The server turns the request away unread. */
  | 'turned-away'

export type BadNetwork = {
  readonly url: string
  /** Every request that came, also the spoilt ones. */
  readonly seen: { path: string; headers: http.IncomingHttpHeaders; body: string }[]
  /** What happens to the next requests, in order; then the network is good again. */
  spoil(...mishaps: Mishap[]): void
  /** Holds requests back until the promise is done. */
  hold(until: Promise<unknown>): void
  close(): Promise<void>
}

export async function startBadNetwork(target: string): Promise<BadNetwork> {
  const seen: BadNetwork['seen'] = []
  let mishaps: Mishap[] = []
  let held: Promise<unknown> = Promise.resolve()

  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const mishap = mishaps.shift()
    seen.push({ path: request.url ?? '', headers: request.headers, body: body.toString() })
    await held

    if (mishap === 'lost-request') return void request.socket.destroy()
    if (mishap === 'bad-gateway') return void response.writeHead(502).end('<html>502 Bad Gateway</html>')
    if (mishap === 'turned-away') {
      response.writeHead(503, { 'content-type': 'application/json', 'Retry-After': '1' })
      const error = { code: 'overloaded', message: 'busy', hint: '', requestId: 'r', errCode: -501004 }
      return void response.end(JSON.stringify({ error }))
    }
    const { host, connection, 'content-length': _, ...headers } = request.headers
    const answer = await fetch(target + request.url, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>, // no header here comes twice
      ...(body.length > 0 && { body }),
    })
    const bytes = Buffer.from(await answer.arrayBuffer())
    if (mishap === 'lost-answer') return void request.socket.destroy()
    const type = answer.headers.get('content-type') ?? 'text/plain'
    const tag = answer.headers.get('etag')
    const length = bytes.length
    response.writeHead(answer.status, { 'content-type': type, 'content-length': length, ...(tag && { etag: tag }) })
    response.end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // it listens on TCP
    seen,
    spoil(...next) {
      mishaps = next
    },
    hold(until) {
      held = until
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
