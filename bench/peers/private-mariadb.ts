/** A MariaDB of our own: private folder, Unix socket, small and durable settings. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from './free-port.ts'

export const MARIADB_DURABILITY = 'innodb_flush_log_at_trx_commit=1, buffer pool 128 MB, no binlog'

export type PrivateMariaDb = {
  readonly socketPath: string
  /** `mysql://…` without a database name, over loopback. */
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

const START_LIMIT_MS = 30_000

export const hasMariaDb = () => spawnSync('mariadbd', ['--version']).status === 0

/** @param cpu Core that the server is pinned to. */
export async function startPrivateMariaDb(folder: string, cpu: string): Promise<PrivateMariaDb> {
  const dataFolder = path.join(folder, 'mariadb')
  const socketPath = path.join(folder, 'mariadb.sock')
  mkdirSync(dataFolder, { recursive: true })
  const install = ['--no-defaults', `--datadir=${dataFolder}`, '--auth-root-authentication-method=normal']
  const installed = spawnSync('mariadb-install-db', [...install, '--user=root', '--skip-test-db'])
  if (installed.status !== 0) throw new Error(`mariadb-install-db failed: ${installed.stderr}`)
  const port = await findFreePort()
  const child = spawn(
    'taskset',
    [
      ...['-c', cpu, 'mariadbd', '--no-defaults', '--user=root', `--datadir=${dataFolder}`, `--socket=${socketPath}`],
      ...[
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        '--innodb-buffer-pool-size=128M',
        '--innodb-flush-log-at-trx-commit=1',
      ],
      ...['--performance-schema=OFF', '--skip-log-bin', `--pid-file=${folder}/mariadb.pid`],
    ],
    { stdio: 'ignore' },
  )
  await waitUntil(() => ping(socketPath), child)
  return { socketPath, url: `mysql://root@127.0.0.1:${port}`, pid: child.pid ?? 0, stop: () => stop(child) }
}

const ping = (socketPath: string) =>
  spawnSync('mariadb-admin', ['--no-defaults', '-uroot', `--socket=${socketPath}`, 'ping']).status === 0

async function waitUntil(isReady: () => boolean, child: ChildProcess) {
  const endMs = performance.now() + START_LIMIT_MS
  while (performance.now() < endMs && child.exitCode === null) {
    if (isReady()) return
    await sleep(100)
  }
  child.kill()
  throw new Error('the private MariaDB did not start')
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}
