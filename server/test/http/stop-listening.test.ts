import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { stopListening } from '../../src/http/stop-listening.ts'

/** On a thread of its own, so that it goes on while the server is busy: connects, posts at once, counts what became of it. */
const CROWD = `
const net = require('node:net')
const { parentPort, workerData: { port, people } } = require('node:worker_threads')
const counts = { answered: 0, lost: 0, refused: 0 }
const ask = () => new Promise((resolve) => {
  let isConnected = false
  let isAnswered = false
  const socket = net.connect(port, '127.0.0.1', () => {
    isConnected = true
    socket.write('POST / HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 2\\r\\n\\r\\n{}')
  })
  socket.on('data', () => { isAnswered = true; socket.destroy() })
  socket.on('error', () => {})
  socket.on('close', () => {
    counts[isAnswered ? 'answered' : isConnected ? 'lost' : 'refused'] += 1
    resolve(!isConnected)
  })
})
const person = async () => { while (!(await ask())); }
Promise.all(Array.from({ length: people }, person)).then(() => parentPort.postMessage(counts))
`

it('answers everybody whose connection was there when the server stopped listening', async () => {
  const server = http.createServer((request, response) => {
    const busyUntilMs = performance.now() + 0.5
    while (performance.now() < busyUntilMs); // what makes connections wait in the kernel
    request.resume().on('end', () => response.end('done'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // safe: it listens on TCP

  const crowd = new Worker(CROWD, { eval: true, workerData: { port, people: 40 } })
  const told = once(crowd, 'message')
  let answered = 0
  await new Promise<void>((resolve) => server.on('request', () => ++answered === 300 && resolve()))
  const { released } = await stopListening(server)
  const [counts] = await told
  server.closeIdleConnections()
  await released
  await crowd.terminate()

  assert.equal(counts.lost, 0, JSON.stringify(counts))
  assert.equal(counts.refused, 40)
  assert.ok(counts.answered >= 300)
})
