/** A private nginx that runs a bundle's own files, on free ports and with a throw-away certificate. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { createBundle, plan } from '@sampan/planner'

export const isNginxInstalled = spawnSync('/usr/sbin/nginx', ['-v']).status === 0

export type LiveNginx = { readonly httpsPort: number; close(): Promise<void> }

export const DOMAIN = 'api.example.com'

/** `upstreams`: the ports that stand in for the bundle's two. */
export async function startNginx(input: object, upstreams: readonly [number, number]): Promise<LiveNginx> {
  const prefix = await mkdtemp(path.join(os.tmpdir(), 'sampan-nginx-'))
  const httpsPort = await freePort()
  const httpPort = await freePort()
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '1',
      '-subj',
      `/CN=${DOMAIN}`,
      '-keyout',
      `${prefix}/private.key`,
      '-out',
      `${prefix}/fullchain.pem`,
    ],
    { stdio: 'ignore' },
  )

  for (const { path: name, content } of await createBundle(plan(input), { domain: DOMAIN })) {
    if (!name.startsWith('nginx/')) continue
    const target = path.join(prefix, name.slice('nginx/'.length))
    await mkdir(path.dirname(target), { recursive: true })
    await writeFile(target, moved(content, prefix, { httpsPort, httpPort, upstreams }))
  }
  await writeFile(path.join(prefix, 'mime.types'), 'types { application/json json; }\n')

  const child = spawn('/usr/sbin/nginx', ['-p', prefix, '-c', `${prefix}/nginx.conf`, '-g', 'daemon off;'], {
    stdio: 'ignore',
  })
  await listening(httpsPort, child)
  return {
    httpsPort,
    async close() {
      child.kill('SIGTERM')
      await once(child, 'exit')
      await rm(prefix, { recursive: true, force: true })
    },
  }
}

type Ports = { httpsPort: number; httpPort: number; upstreams: readonly [number, number] }

const moved = (content: string, prefix: string, { httpsPort, httpPort, upstreams }: Ports) =>
  content
    .replaceAll('/etc/sampan/tls/', `${prefix}/`)
    .replaceAll('/var/log/nginx/', `${prefix}/`)
    .replace(/^pid .*$/m, `pid ${prefix}/nginx.pid;`)
    .replace(/^user .*$/m, '')
    .replace('worker_processes auto', 'worker_processes 1')
    .replace(/worker_rlimit_nofile .*/, '')
    .replace('worker_connections 16384', 'worker_connections 1024')
    .replaceAll('listen 443', `listen 127.0.0.1:${httpsPort}`)
    .replaceAll('listen 80', `listen 127.0.0.1:${httpPort}`)
    .replaceAll('127.0.0.1:3001', `127.0.0.1:${upstreams[0]}`)
    .replaceAll('127.0.0.1:3002', `127.0.0.1:${upstreams[1]}`)

/**
 * A port for a program that is started later. Below the range from which the kernel serves port 0: there, a server of
 * another test file gets it in the meantime (of some 7,000), and answers for the one that is not up yet.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(20_000, 32_000)
    const server = net.createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
  throw new Error('no port')
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (child.exitCode !== null) break
    const socket = net.connect(port, '127.0.0.1')
    const isOpen = await new Promise((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('nginx did not start')
}
