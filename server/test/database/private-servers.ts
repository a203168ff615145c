/**
 * Real database servers for one test file: on free ports, with data in a temporary folder, gone when the test process
 * is. Each answers '' where its program is not installed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

export type PrivateServer = {
  readonly url: string
  /** Of the server itself, for signals. */
  pid(): number
  /** Ends it like a power cut. */
  kill(): Promise<void>
  /** Starts it again on the same port and data after a kill. */
  restart(): Promise<void>
}

const READY_TIMEOUT_MS = 30_000
const POLL_MS = 50
/** Outlives a crash of the test: ends the server and removes its folder when the test process is no longer there. */
const GUARD = `
  while kill -0 "$1" 2>/dev/null; do sleep 0.3; done
  [ -f "$2/pid" ] && kill -9 "$(cat "$2/pid")" 2>/dev/null
  sleep 0.2; rm -rf "$2"`

export async function startPrivateMariaDb(): Promise<PrivateServer | undefined> {
  const program = firstProgram(['/usr/sbin/mariadbd', '/usr/sbin/mysqld'])
  const install = firstProgram(['/usr/bin/mariadb-install-db'])
  if (!program || !install) return undefined
  const folder = await privateFolder('mariadb')
  const data = path.join(folder, 'data')
  run(install, ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db'])
  const port = await freePort()
  const server = await startServer(folder, program, [
    '--no-defaults',
    `--datadir=${data}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${folder}/socket`,
    '--user=root',
    '--innodb-buffer-pool-size=64M',
    '--innodb-log-file-size=48M',
    '--innodb-flush-log-at-trx-commit=1',
    '--performance-schema=OFF',
    '--skip-name-resolve',
    '--character-set-server=utf8mb4',
  ])
  const url = `mysql://root@127.0.0.1:${port}/mysql`
  const isReady = async () => {
    const { createConnection } = await import('mysql2/promise')
    const connection = await createConnection(url)
    await connection.query('CREATE DATABASE IF NOT EXISTS test')
    await connection.end()
  }
  await until(isReady, 'MariaDB')
  return asPrivateServer(server, url.replace(/mysql$/, 'test'), isReady)
}

export async function startPrivatePostgres(): Promise<PrivateServer | undefined> {
  const program = findPostgres('postgres')
  const initialise = findPostgres('initdb')
  if (!program || !initialise) return undefined
  const folder = await privateFolder('postgres')
  const data = path.join(folder, 'data')
  const port = await freePort()
  const user = await unprivilegedUser(folder)
  run(initialise, ['-D', data, '-U', 'test', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], user)
  const server = await startServer(
    folder,
    program,
    [
      '-D',
      data,
      '-p',
      String(port),
      '-h',
      '127.0.0.1',
      '-k',
      folder,
      '-c',
      'shared_buffers=64MB',
      '-c',
      'max_wal_size=256MB',
    ],
    user,
  )
  const url = `postgres://test@127.0.0.1:${port}/postgres`
  const isReady = async () => {
    const { Client } = (await import('pg')).default
    const client = new Client(url)
    await client.connect()
    await client.end()
  }
  await until(isReady, 'PostgreSQL')
  return asPrivateServer(server, url, isReady)
}

export async function startPrivateRedis(): Promise<PrivateServer | undefined> {
  const program = firstProgram(['/usr/bin/redis-server', '/usr/local/bin/redis-server'])
  if (!program) return undefined
  const folder = await privateFolder('redis')
  const port = await freePort()
  const server = await startServer(folder, program, [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
  ])
  const url = `redis://127.0.0.1:${port}`
  const isReady = async () => {
    const { Redis } = await import('ioredis')
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
    redis.on('error', () => {})
    await redis.connect()
    redis.disconnect()
  }
  await until(isReady, 'Redis')
  return asPrivateServer(server, url, isReady)
}

/** A fresh, empty database on the server; answers its URL. */
export async function createDatabase({ url }: PrivateServer, name: string): Promise<string> {
  if (url.startsWith('mysql:')) {
    const { createConnection } = await import('mysql2/promise')
    const connection = await createConnection(url)
    await connection.query(`CREATE DATABASE IF NOT EXISTS \`${name}\``)
    await connection.end()
  } else {
    const { Client } = (await import('pg')).default
    const client = new Client(url)
    await client.connect()
    try {
      await client.query(`CREATE DATABASE "${name}"`)
    } catch (error) {
      if (!isDuplicate(error)) throw error
    } finally {
      await client.end()
    }
  }
  return url.replace(/[^/]+$/, name)
}

/** duplicate_database, or unique_violation when two create it at once */
const isDuplicate = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === '42P04' || error.code === '23505')

type User = { readonly uid: number; readonly gid: number }
type Running = { child: ChildProcess; readonly start: () => Promise<ChildProcess> }

async function startServer(folder: string, program: string, args: string[], user?: User): Promise<Running> {
  const start = async () => {
    const child = spawn(program, args, { stdio: 'ignore', cwd: folder, ...user })
    child.unref()
    await writeFile(path.join(folder, 'pid'), String(child.pid))
    return child
  }
  const child = await start()
  spawn('/bin/sh', ['-c', GUARD, 'sh', String(process.pid), folder], { detached: true, stdio: 'ignore' }).unref()
  return { child, start }
}

function asPrivateServer(running: Running, url: string, isReady: () => Promise<void>): PrivateServer {
  return {
    url,
    pid: () => running.child.pid ?? 0,
    async kill() {
      const ended = new Promise((resolve) => running.child.once('exit', resolve))
      running.child.ref()
      running.child.kill('SIGKILL')
      await ended
    },
    async restart() {
      running.child = await running.start()
      await until(isReady, 'the restarted server')
    },
  }
}

async function until(isReady: () => Promise<void>, name: string): Promise<void> {
  const giveUpMs = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    try {
      return await isReady()
    } catch (cause) {
      if (performance.now() > giveUpMs) throw new Error(`${name} did not start`, { cause })
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

const privateFolder = (name: string) => mkdtemp(path.join(tmpdir(), `sampan-${name}-`))

const firstProgram = (places: string[]) => places.find((place) => existsSync(place))

/** Debian keeps PostgreSQL's programs out of the PATH, by version. */
function findPostgres(program: string) {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return firstProgram(versions.map((version) => path.join(root, version, 'bin', program)))
}

/** PostgreSQL refuses to run as root. */
async function unprivilegedUser(folder: string): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const id = (option: string) => Number(spawnSync('id', [option, 'postgres']).stdout.toString())
  const user = { uid: id('-u'), gid: id('-g') }
  await chown(folder, user.uid, user.gid)
  return user
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

function run(program: string, args: string[], user?: User) {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: tmpdir(), ...user })
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`)
}
