import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { WebSocket, WebSocketServer } from 'ws'
import { DOMAIN, freePort, isNginxInstalled, type LiveNginx, startNginx } from './live-nginx.ts'

const skip = isNginxInstalled ? false : 'nginx is not installed'
const SQLITE = { type: 'booking', dau: 2000, images: 'cdn', bundle: '2c4g200m' }
const MEGABYTE = 1024 * 1024

type Answer = { status: number; headers: http.IncomingHttpHeaders; body: string }
type Asked = { method?: string; headers?: http.OutgoingHttpHeaders; body?: Buffer; agent?: https.Agent }

function ask(port: number, where: string, { method = 'GET', headers = {}, body, agent }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      port,
      host: '127.0.0.1',
      path: where,
      method,
      servername: DOMAIN,
      rejectUnauthorized: false,
      headers: { host: DOMAIN, ...headers },
      ...(agent ? { agent } : {}),
    }
    const request = https.request(options, (response) => {
      let text = ''
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

describe('the written nginx in front of a server', { skip }, () => {
  let nginx: LiveNginx
  let upstream: http.Server
  before(async () => {
    upstream = http.createServer(async (request, response) => {
      let bytes = 0
      for await (const part of request) bytes += part.length
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ url: request.url, headers: request.headers, bytes, padding: 'x'.repeat(4000) }))
    })
    const sockets = new WebSocketServer({ server: upstream })
    sockets.on('connection', (socket) => socket.on('message', (message) => socket.send(`echo ${message}`)))
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const address = upstream.address()
    assert.ok(typeof address === 'object' && address)
    nginx = await startNginx(SQLITE, [address.port, await freePort()])
  })
  after(async () => {
    await nginx.close()
    upstream.closeAllConnections()
    upstream.close()
  })

  it('tells the server who really asks, whatever the client claims', async () => {
    const { body, status } = await ask(nginx.httpsPort, '/v1/me', { headers: { 'x-forwarded-for': '6.6.6.6' } })
    assert.equal(status, 200)
    const { headers } = JSON.parse(body)
    assert.equal(headers['x-forwarded-for'], '127.0.0.1')
    assert.equal(headers['x-forwarded-proto'], 'https')
    assert.equal(headers.host, DOMAIN)
    assert.equal(headers.connection, undefined)
  })

  it('compresses JSON', async () => {
    const { headers } = await ask(nginx.httpsPort, '/v1/list', { headers: { 'accept-encoding': 'gzip' } })
    assert.equal(headers['content-encoding'], 'gzip')
  })

  it('lets 20 MB through on uploads, and 1 MB elsewhere', async () => {
    const upload = await ask(nginx.httpsPort, '/v1/files', { method: 'POST', body: Buffer.alloc(19.9 * MEGABYTE) })
    assert.equal(upload.status, 200)
    assert.equal(JSON.parse(upload.body).bytes, Math.floor(19.9 * MEGABYTE))
    const elsewhere = await ask(nginx.httpsPort, '/v1/login', { method: 'POST', body: Buffer.alloc(1.2 * MEGABYTE) })
    assert.equal(elsewhere.status, 413)
  })

  it('keeps the door of the functions shut', async () => {
    for (const where of ['/admin', '/admin/x', '//admin', '/v1/../admin', '/%61dmin']) {
      assert.equal((await ask(nginx.httpsPort, where)).status, 404, where)
    }
  })

  it('passes WebSocket frames both ways', async () => {
    const agent = new https.Agent({ rejectUnauthorized: false, servername: DOMAIN })
    const socket = new WebSocket(`wss://127.0.0.1:${nginx.httpsPort}/v1/realtime`, { agent, headers: { host: DOMAIN } })
    await once(socket, 'open')
    socket.send('hello')
    const [message] = await once(socket, 'message')
    assert.equal(String(message), 'echo hello')
    socket.close()
  })

  it('shows no certificate to whoever asks for another name', async () => {
    const socket = tls.connect({
      port: nginx.httpsPort,
      host: '127.0.0.1',
      servername: 'other.example.com',
      rejectUnauthorized: false,
    })
    const [error] = await once(socket, 'error')
    assert.match(String(error), /unrecognized name|alert/)
  })

  it('limits a user by the token and leaves other users alone', async () => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 20 })
    const statuses = await Promise.all(
      Array.from({ length: 120 }, () =>
        ask(nginx.httpsPort, '/v1/me', { headers: { authorization: 'Bearer greedy' }, agent }).then(
          ({ status }) => status,
        ),
      ),
    )
    assert.ok(statuses.includes(429))
    assert.equal((await ask(nginx.httpsPort, '/v1/me', { headers: { authorization: 'Bearer patient' } })).status, 200)
    agent.destroy()
  })
})

/** What rolling-restart.sh does, for one process with a standby and for two that restart in turn. */
const RESTARTS = [
  { name: 'one process and a standby', input: SQLITE, first: [0], order: ['start 1', 'stop 0', 'start 0', 'stop 1'] },
  {
    name: 'two processes in turn',
    input: { ...SQLITE, database: 'mysql' },
    first: [0, 1],
    order: ['stop 0', 'start 0', 'stop 1', 'start 1'],
  },
] as const

for (const restart of RESTARTS)
  describe(`a rolling restart of the real server: ${restart.name}`, { skip }, () => {
    const MAIN = path.resolve(import.meta.dirname, '../../src/main.ts')
    const BOOKING = path.resolve(import.meta.dirname, '../../../examples/booking')
    let folder: string
    let ports: [number, number]
    let nginx: LiveNginx
    const processes = new Map<number, ChildProcess>()

    const start = async (port: number) => {
      const child = spawn(
        process.execPath,
        [MAIN, 'start', '--simulator', '--project', path.join(folder, 'project'), '--data', path.join(folder, 'data')],
        {
          env: {
            PATH: process.env['PATH'],
            PORT: String(port),
            HOST: '127.0.0.1',
            SECRET_KEY: 'k'.repeat(40),
            IP_REQUESTS_PER_SECOND: '100000',
            LOG_LEVEL: 'warn',
          },
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      )
      processes.set(port, child)
      let said = ''
      child.stderr.on('data', (part) => {
        said += part
      })
      for (let tries = 0; tries < 300; tries++) {
        assert.equal(child.exitCode, null, said)
        const isReady = await fetch(`http://127.0.0.1:${port}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        )
        if (isReady) return
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      assert.fail(`port ${port} was never ready: ${said}`)
    }
    const stop = async (port: number) => {
      const child = processes.get(port)
      if (!child || child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    }

    before(async () => {
      folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-rolling-'))
      await cp(BOOKING, path.join(folder, 'project'), {
        recursive: true,
        filter: (name) => !/node_modules|\.sampan|[/\\]data$/.test(name),
      })
      ports = [await freePort(), await freePort()]
      nginx = await startNginx(restart.input, ports)
      for (const index of restart.first) await start(ports[index])
    })
    after(async () => {
      await Promise.all(ports.map(stop))
      await nginx.close()
      await rm(folder, { recursive: true, force: true })
    })

    it('loses no request, reads and writes alike, in the order of rolling-restart.sh', async () => {
      const agent = new https.Agent({ keepAlive: true, maxSockets: 8 })
      const outcomes = new Map<number | string, number>()
      let isOver = false
      const count = (outcome: number | string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      const client = async (number: number) => {
        for (let turn = 0; !isOver; turn++) {
          const isPost = turn % 4 === 0
          const asked = isPost
            ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: Buffer.from('{"code":"x"}') }
            : {}
          const headers = { ...asked.headers, authorization: `Bearer ${number}-${turn}` } // a new key each time: this is not about limits
          await ask(nginx.httpsPort, isPost ? '/v1/login' : '/openapi.json', { ...asked, headers, agent }).then(
            ({ status }) => count(status < 500 ? 'answered' : status),
            (error: Error) => count(error.message),
          )
          await new Promise((resolve) => setTimeout(resolve, 15))
        }
      }
      const clients = Promise.all([1, 2, 3, 4].map(client))

      try {
        for (const move of restart.order) {
          const [verb, index] = move.split(' ')
          const port = ports[Number(index) as 0 | 1] // safe: the table above
          await (verb === 'start' ? start(port) : stop(port))
        }
      } finally {
        isOver = true // also when a process did not start: that is the failure, not what the clients then see
        await clients
        agent.destroy()
      }

      const failures = [...outcomes].filter(([outcome]) => outcome !== 'answered')
      const total = [...outcomes.values()].reduce((sum, one) => sum + one, 0)
      assert.deepEqual(failures, [])
      assert.ok(total > 100, `only ${total} requests were made`)
    })
  })
