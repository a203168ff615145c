/** A PostgreSQL of our own: private folder, free loopback port, small and durable settings. */
import { type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from './free-port.ts'

export const POSTGRES_DURABILITY = 'fsync=on, synchronous_commit=on, shared_buffers 128 MB'

export type PrivatePostgres = {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

const PROGRAMS = '/usr/lib/postgresql'
const HOST = '127.0.0.1'
const START_LIMIT_MS = 30_000

export const findPostgres = (): string | undefined =>
  existsSync(PROGRAMS)
    ? readdirSync(PROGRAMS)
        .map((version) => path.join(PROGRAMS, version, 'bin'))
        .findLast((folder) => existsSync(path.join(folder, 'initdb')))
    : undefined

export async function startPrivatePostgres(folder: string, cpu: string): Promise<PrivatePostgres> {
  const programs = findPostgres()
  if (!programs) throw new Error('PostgreSQL is not installed')
  const account = ordinaryAccount()
  const home = path.join(folder, 'postgres')
  mkdirSync(home)
  if (account.uid !== undefined) {
    chownSync(home, account.uid, account.gid ?? account.uid)
    openPath(folder)
  }
  const data = path.join(home, 'data')
  const port = await findFreePort()
  const user = 'postgres'
  const initialised = spawnSync(
    path.join(programs, 'initdb'),
    ['-D', data, '-U', user, '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    account,
  )
  if (initialised.status !== 0) throw new Error(`initdb failed: ${initialised.stderr}`)
  const settings = [
    `listen_addresses=${HOST}`,
    `unix_socket_directories=${home}`,
    'shared_buffers=128MB',
    'synchronous_commit=on',
  ]
  const child = spawn(
    'taskset',
    [
      '-c',
      cpu,
      path.join(programs, 'postgres'),
      '-D',
      data,
      '-p',
      String(port),
      ...settings.flatMap((one) => ['-c', one]),
    ],
    { ...account, stdio: 'ignore' } as SpawnOptions,
  )
  const endMs = performance.now() + START_LIMIT_MS
  const isReady = () => spawnSync(path.join(programs, 'pg_isready'), ['-h', HOST, '-p', String(port)]).status === 0
  while (!isReady()) {
    if (performance.now() > endMs || child.exitCode !== null) throw new Error('the private PostgreSQL did not start')
    await sleep(100)
  }
  const stop = () =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null) return resolve()
      child.once('exit', () => resolve())
      child.kill('SIGINT') // fast shutdown
    })
  return { host: HOST, port, user, url: `postgres://${user}@${HOST}:${port}/postgres`, pid: child.pid ?? 0, stop }
}

/** PostgreSQL refuses to run as root: then the account of its package is used. */
function ordinaryAccount(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: string) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** The temporary folders above are private to root; another account must be able to pass through them. */
function openPath(folder: string) {
  for (let at = folder; at !== path.dirname(at) && at.includes('sampan-bench'); at = path.dirname(at))
    chmodSync(at, 0o711)
}
