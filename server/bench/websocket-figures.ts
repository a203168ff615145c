/**
 * How many idle WebSockets one box holds, and what each costs: several server processes, because a process may only open
 * so many files, and one generator per server with a loopback address of its own, because an address has 28,000 ports.
 *
 *   node server/bench/websocket-figures.ts [--connections 50000] [--servers 3] [--members 1000] [--json]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startServer } from '../../bench/peers/peer.ts'
import type { WebSocketFigures, WebSocketPlan } from '../../bench/src/measure-websocket.ts'
import { renderWebSocketReport } from '../../bench/src/report-websocket.ts'

const { values: options } = parseArgs({
  options: {
    connections: { type: 'string', default: '50000' },
    servers: { type: 'string', default: '3' },
    members: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
})

const BENCH_SERVER = path.join(import.meta.dirname, 'bench-server.ts')
const GENERATOR = path.join(import.meta.dirname, 'websocket-generator.ts')
/** Any: memory is weighed here, and the fan-out is counted per CPU-second. */
const SERVER_CPUS = `0-${os.availableParallelism() - 1}`
const FAN_OUT_MS = 3_000
const MEMORY_CAP_MB = 1_024

export type FromGenerator =
  | { readonly kind: 'idle'; readonly idle: Omit<WebSocketFigures, 'fanOut'> }
  | { readonly kind: 'done'; readonly figures: WebSocketFigures }

const count = Number(options.servers)
const folder = mkdtempSync(path.join(os.tmpdir(), 'sampan-websocket-'))
const servers: { stop(): Promise<void> }[] = []
const generators: ChildProcess[] = []
try {
  const running = await Promise.all(Array.from({ length: count }, (_, index) => openOne(index)))
  const idle = await Promise.all(running.map(({ nextIdle }) => nextIdle))
  const connections = idle.reduce((sum, one) => sum + one.connections, 0)
  process.stderr.write(`${connections} connections are open at once; the fan-out follows, one server after another\n`)
  const figures: WebSocketFigures[] = []
  for (const { fanOut } of running) figures.push(await fanOut())
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ connections, figures }, null, 1)}\n`
      : `${connections} connections open at once in ${count} processes\n\n${figures.map((one) => renderWebSocketReport(one, 'en')).join('\n\n')}\n`,
  )
} finally {
  for (const generator of generators) generator.kill()
  await Promise.all(servers.map((server) => server.stop()))
  rmSync(folder, { recursive: true, force: true })
}

async function openOne(index: number) {
  const dataDir = path.join(folder, `data-${index}`)
  mkdirSync(dataDir)
  const server = await startServer({ script: BENCH_SERVER, args: [JSON.stringify({ dataDir })], cpu: SERVER_CPUS })
  servers.push(server)
  const plan: WebSocketPlan = {
    url: `http://127.0.0.1:${server.port}`,
    connections: Math.ceil(Number(options.connections) / count),
    // The first one's room is enough: the others would measure the same.
    members: index === 0 ? Number(options.members) : 0,
    ...{ durationMs: FAN_OUT_MS, memoryCapMb: MEMORY_CAP_MB, localAddress: `127.0.0.${index + 2}` },
  }
  const generator = fork(GENERATOR, [JSON.stringify(plan)])
  generators.push(generator)
  const message = async () => (await once(generator, 'message'))[0] as FromGenerator // safe: our own generator sends it
  const nextIdle = message().then((first) => {
    if (first.kind !== 'idle') throw new Error('the generator did not report its idle connections')
    return first.idle
  })
  const fanOut = async () => {
    generator.send('go')
    const last = await message()
    if (last.kind !== 'done') throw new Error('the generator did not report its figures')
    return last.figures
  }
  return { nextIdle, fanOut }
}
