/**
 * The far end of a line that is to be measured: sends as much as the line takes, swallows what it is sent, and answers
 * short questions. Whoever does not know its secret path gets nothing, and it ends by itself.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type LineServer = { readonly port: number; readonly path: string; readonly ended: Promise<void>; close(): void }

const LONGEST_SECONDS = 10
/** Random, so that nothing between the ends can compress it. */
const BLOCK = randomBytes(64 * 1024)
const SECRET_BYTES = 12

export async function openLineServer(settings: { host: string; port: number; longestMs: number }): Promise<LineServer> {
  const path = `/${randomBytes(SECRET_BYTES).toString('base64url')}`
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://line')
    if (!url.pathname.startsWith(`${path}/`)) return response.writeHead(404).end()
    const verb = url.pathname.slice(path.length + 1)
    if (verb === 'down') return sendFor(response, Number(url.searchParams.get('seconds')))
    if (verb === 'up') return swallow(request, response)
    response.end('pong')
  })
  const ended = new Promise<void>((resolve) => server.once('close', resolve))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(settings.port, settings.host, resolve)
  })
  const close = () => {
    clearTimeout(limit)
    server.close()
    server.closeAllConnections()
  }
  const limit = setTimeout(close, settings.longestMs)
  return { port: (server.address() as AddressInfo).port, path, ended, close } // safe: it listens on TCP
}

/** The body ends with the connection; its length is what came through. */
function sendFor(response: ServerResponse, seconds: number): void {
  const endMs = performance.now() + Math.min(Math.max(seconds || 1, 0.1), LONGEST_SECONDS) * 1000
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  const send = () => {
    while (performance.now() < endMs && !response.destroyed) if (!response.write(BLOCK)) return
    response.end()
  }
  response.on('drain', send)
  send()
}

function swallow(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0
  request.on('data', (part: Buffer) => {
    bytes += part.length
  })
  request.on('end', () => response.end(String(bytes)))
}
