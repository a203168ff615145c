/** The real database programs, started with the written files: they start, the settings are in force, the memory holds. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createBundle, plan } from '@sampan/planner'
import { memoryForStack } from '../../../planner/src/box-capacity.ts'
import { memoryGiven, splitMemory } from '../../../planner/src/bundle/memory-split.ts'
import { freePort } from './live-nginx.ts'

const BOX = { cores: 2, memoryGB: 2, mbps: 4, mbpsKind: 'fixed', trafficGB: 300, diskGB: 50 } as const
/** Large enough for two processes of the server, which share their state through Redis. */
const LARGER_BOX = { ...BOX, memoryGB: 4 } as const
/** Beside InnoDB's pool and PostgreSQL's buffers; what the split reserves for it. */
const BASE_MB = { mysql: 420, postgres: 180 } as const
const REDIS_OVERHEAD = 1.3
/** PostgreSQL refuses to run as root. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

const isInstalled = (program: string) => spawnSync(program, ['--version']).status === 0
const postgresFolder = () => {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : []
  return versions.length > 0 ? `/usr/lib/postgresql/${versions.sort().at(-1)}/bin` : undefined
}

async function bundleFile(database: 'mysql' | 'postgres', name: string, bundle: object = BOX): Promise<string> {
  const files = await createBundle(plan({ type: 'saas', dau: 500, images: 'cdn', database, bundle }))
  return files.find((one) => one.path === name)?.content ?? assert.fail(`the bundle has no ${name}`)
}

/** Tries until a program that is starting answers. */
async function eventually<T>(ask: () => T, child: ChildProcess): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return ask()
    } catch (error) {
      if (tries > 300 || child.exitCode !== null) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function stop(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** Megabytes of a process and its children; what they share is counted once. */
function memoryMB(pid: number): number {
  const children = readProcessFile(pid, `task/${pid}/children`).trim().split(/\s+/).filter(Boolean)
  const own = /^Pss:\s+(\d+) kB/m.exec(readProcessFile(pid, 'smaps_rollup'))?.[1] ?? 0
  return children.reduce((sum, child) => sum + memoryMB(Number(child)), Number(own) / 1024)
}

/** Empty for a process that has just ended. */
function readProcessFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

it('gives away no more memory than the box has', () => {
  for (const database of ['mysql', 'postgres'] as const) {
    for (const [box, processes] of [
      [BOX, 1],
      [LARGER_BOX, 2],
    ] as const) {
      assert.ok(memoryGiven(splitMemory(box, database, processes), database, processes) <= memoryForStack(box))
    }
  }
})

describe('MariaDB with the written file', { skip: !isInstalled('mariadbd') && 'mariadbd is not installed' }, () => {
  let folder: string
  let server: ChildProcess | undefined
  const query = (sql: string) =>
    execFileSync('mariadb', ['--no-defaults', '-S', `${folder}/s`, '-uroot', '-N', '-e', sql], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-mariadb-'))
    const user = os.userInfo().username
    execFileSync(
      'mariadb-install-db',
      ['--no-defaults', `--datadir=${folder}/data`, `--user=${user}`, '--auth-root-authentication-method=normal'],
      { stdio: 'ignore' },
    )
    const file = path.join(folder, '60-sampan.cnf')
    await writeFile(file, await bundleFile('mysql', 'mariadb/60-sampan.cnf'))
    const own = [`--datadir=${folder}/data`, `--socket=${folder}/s`, `--port=${await freePort()}`, `--user=${user}`]
    server = spawn('mariadbd', [`--defaults-file=${file}`, `--pid-file=${folder}/pid`, ...own], { stdio: 'ignore' })
    await eventually(() => query('SELECT 1'), server)
  })
  after(async () => {
    await stop(server)
    await rm(folder, { recursive: true, force: true })
  })

  it('starts with durable writes, utf8mb4 and the pool of the split', () => {
    const { databaseCacheMB } = splitMemory(BOX, 'mysql', 1)
    const expected = {
      bind_address: '127.0.0.1',
      character_set_server: 'utf8mb4',
      innodb_buffer_pool_size: String(databaseCacheMB * 2 ** 20),
      innodb_flush_log_at_trx_commit: '1',
      sync_binlog: '1',
      log_bin: 'ON',
      max_connections: '60',
      performance_schema: 'OFF',
    }
    const names = Object.keys(expected).map((name) => `'${name}'`)
    const rows = query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names.join(',')})`)
      .trim()
      .split('\n')
    assert.deepEqual(Object.fromEntries(rows.map((row) => row.split('\t'))), expected)
  })

  it('stays within its share with the pool full', () => {
    const { databaseCacheMB } = splitMemory(BOX, 'mysql', 1)
    query('CREATE DATABASE full; CREATE TABLE full.t (id INT PRIMARY KEY, x TEXT)')
    const rows = Math.round(databaseCacheMB * 1.2) * 100
    query(`USE full; SET sql_log_bin = 0; INSERT INTO full.t SELECT seq, REPEAT('x', 8000) FROM seq_1_to_${rows}`)
    const [, pages] = query("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_bytes_data'").trim().split('\t')
    assert.ok(Number(pages) > databaseCacheMB * 0.8 * 2 ** 20, `the pool holds ${pages} bytes`)
    const used = memoryMB(server?.pid ?? 0)
    assert.ok(used > databaseCacheMB * 0.8, `only ${used} MB: the cache is not full`)
    assert.ok(used <= databaseCacheMB + BASE_MB.mysql, `${used} MB`)
  })
})

const postgres = postgresFolder()
describe('PostgreSQL with the written file', { skip: !postgres && 'PostgreSQL is not installed' }, () => {
  const unprivileged = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  let folder: string
  let port: number
  let server: ChildProcess | undefined
  const connection = () => ['-h', folder, '-p', String(port), '-U', 'sampan', '-d', 'postgres']
  const query = (sql: string) =>
    execFileSync(`${postgres}/psql`, [...connection(), '-Atc', sql], { encoding: 'utf8', stdio: 'pipe' }).trim()
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-postgres-'))
    if (isRoot) chownSync(folder, NOBODY, NOBODY)
    port = await freePort()
    const data = path.join(folder, 'data')
    execFileSync(`${postgres}/initdb`, ['-D', data, '-U', 'sampan', '-A', 'trust', '--no-sync'], {
      cwd: folder,
      stdio: 'ignore',
      ...unprivileged,
    })
    await appendFile(path.join(data, 'postgresql.conf'), await bundleFile('postgres', 'postgres/60-sampan.conf'))
    server = spawn(`${postgres}/postgres`, ['-D', data, '-p', String(port), '-k', folder], {
      cwd: folder,
      stdio: 'ignore',
      ...unprivileged,
    })
    await eventually(() => query('SELECT 1'), server)
  })
  after(async () => {
    await stop(server)
    await rm(folder, { recursive: true, force: true })
  })

  it('starts with durable writes, a deadline and the buffers of the split', () => {
    const { databaseCacheMB } = splitMemory(BOX, 'postgres', 1)
    const show = (name: string) => query(`SELECT setting FROM pg_settings WHERE name = '${name}'`)
    assert.equal(Number(show('shared_buffers')) * 8192, databaseCacheMB * 2 ** 20)
    assert.equal(show('synchronous_commit'), 'on')
    assert.equal(show('listen_addresses'), '127.0.0.1')
    assert.equal(show('max_connections'), '60')
    assert.equal(show('statement_timeout'), '15000')
    assert.equal(query('SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL'), '0')
  })

  it('stays within its share with the buffers full', async () => {
    const { databaseCacheMB } = splitMemory(BOX, 'postgres', 1)
    const rows = Math.round(databaseCacheMB * 1.2) * 128 * 4 // four to a page, too short to be compressed
    query(`CREATE UNLOGGED TABLE filled AS SELECT n, repeat(md5(n::text), 59) AS x FROM generate_series(1, ${rows}) n`)
    query('CREATE EXTENSION pg_prewarm')
    // The buffers are counted where they are mapped: in the process that filled them, while it lives.
    const holder = spawn(
      `${postgres}/psql`,
      [...connection(), '-c', "SELECT pg_prewarm('filled')", '-c', 'SELECT pg_sleep(14)'],
      { stdio: 'ignore' },
    )
    const sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(14)'"
    await eventually(() => assert.equal(query(sleeping), '1'), holder)
    const used = memoryMB(server?.pid ?? 0)
    await stop(holder)
    assert.ok(used > databaseCacheMB * 0.8, `only ${used} MB: the cache is not full`)
    assert.ok(used <= databaseCacheMB + BASE_MB.postgres, `${used} MB`)
  })
})

describe('Redis with the written file', { skip: !isInstalled('redis-server') && 'redis is not installed' }, () => {
  let folder: string
  let server: ChildProcess | undefined
  const ask = (...words: string[]) =>
    execFileSync('redis-cli', ['-s', `${folder}/s`, ...words], { encoding: 'utf8', stdio: 'pipe' }).trim()
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-redis-'))
    const file = path.join(folder, 'redis.conf')
    await writeFile(file, await bundleFile('mysql', 'redis/sampan.conf', LARGER_BOX))
    server = spawn('redis-server', [file, '--port', '0', '--unixsocket', `${folder}/s`, '--dir', folder], {
      stdio: 'ignore',
    })
    await eventually(() => assert.equal(ask('ping'), 'PONG'), server)
  })
  after(async () => {
    await stop(server)
    await rm(folder, { recursive: true, force: true })
  })

  it('keeps nothing on disk, and lets the least used go first', () => {
    const value = (name: string) => ask('config', 'get', name).split('\n')[1] ?? ''
    assert.equal(Number(value('maxmemory')), splitMemory(LARGER_BOX, 'mysql', 2).redisMB * 2 ** 20)
    assert.equal(value('maxmemory-policy'), 'allkeys-lru')
    assert.equal(value('save'), '')
    assert.equal(value('appendonly'), 'no')
    assert.equal(value('bind'), '127.0.0.1')
  })

  it('stays within its share when more is written than fits', () => {
    const { redisMB } = splitMemory(LARGER_BOX, 'mysql', 2)
    const keys = String(redisMB * 2000)
    const crowd = ['-t', 'set', '-d', '1000', '-r', keys, '-n', keys, '-P', '50', '-q']
    execFileSync('redis-benchmark', ['-s', `${folder}/s`, ...crowd], { stdio: 'ignore' })
    assert.ok(Number(/evicted_keys:(\d+)/.exec(ask('info', 'stats'))?.[1]) > 0)
    const used = memoryMB(server?.pid ?? 0)
    assert.ok(used <= redisMB * REDIS_OVERHEAD, `${used} MB of ${redisMB}`)
  })
})
