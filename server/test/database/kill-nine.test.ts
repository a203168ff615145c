/** E-01: the process is killed at random points under write load; what it acknowledged must be there, and whole. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, it } from 'node:test'
import { openSqlite } from '../../src/database/sqlite/open-sqlite.ts'
import { silentLog } from './database-contract.ts'
import { findDamage, ORDER_TABLES } from './order-scripts.ts'

const KILLS = 40
const KILLS_PER_INSPECTION = 5
const LIFE_AFTER_FIRST_WRITE_MS_MAX = 120
const WRITER = path.join(import.meta.dirname, 'kill-nine-writer.ts')

const folder = await mkdtemp(path.join(tmpdir(), 'sampan-kill-'))
after(() => rm(folder, { recursive: true, force: true }))

/** 40 starts: what Node compiled for one serves the others. */
const ENVIRONMENT = { ...process.env, NODE_COMPILE_CACHE: path.join(folder, 'compile-cache') }

const openFile = (file: string) => openSqlite({ file, timeoutMs: 60_000, readerThreads: 1, log: silentLog })

describe('kill -9 under write load', () => {
  it(`loses nothing acknowledged in ${KILLS} kills`, { timeout: 300_000 }, async (t) => {
    const seed = Number(process.hrtime.bigint() % 1_000_000n)
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    const file = await createFile('sound.db')
    const acknowledged = new Set<string>()

    for (let run = 0; run < KILLS; run += 1) {
      for (const order of await writeUntilKilled(file, run, 'after-commit', random)) acknowledged.add(order)
      if ((run + 1) % KILLS_PER_INSPECTION) continue // the next writer recovers the file all the same
      const damage = await inspect(file, acknowledged)
      assert.deepEqual(damage.lost, [], `run ${run}, seed ${seed}`)
      assert.deepEqual(damage.torn, [], `run ${run}, seed ${seed}`)
    }
    t.diagnostic(`${acknowledged.size} acknowledged writes survived ${KILLS} kills`)
    assert.ok(acknowledged.size > KILLS * 10, `only ${acknowledged.size} writes: too few to prove anything`)
  })

  it('would notice a server that acknowledges before it commits', { timeout: 60_000 }, async () => {
    const file = await createFile('broken.db')
    const acknowledged = new Set<string>()
    let lost = 0
    for (let run = 0; run < 10 && lost === 0; run += 1) {
      for (const order of await writeUntilKilled(file, run, 'too-early', Math.random)) acknowledged.add(order)
      lost = (await inspect(file, acknowledged)).lost.length
    }
    assert.ok(lost > 0)
  })
})

async function createFile(name: string): Promise<string> {
  const file = path.join(folder, name)
  const database = await openFile(file)
  for (const sql of ORDER_TABLES) await database.define(sql)
  await database.close()
  spawnSync(process.execPath, [WRITER, file, path.join(folder, 'warm-up.txt'), '', 'warm-up'], { env: ENVIRONMENT })
  return file
}

/** The orders that the process had acknowledged when it was killed. */
async function writeUntilKilled(file: string, run: number, acknowledge: string, random: () => number) {
  const notes = path.join(folder, `${acknowledge}-${run}.txt`)
  const child = spawn(process.execPath, [WRITER, file, notes, String(run), acknowledge], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: ENVIRONMENT,
  })
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), random() * LIFE_AFTER_FIRST_WRITE_MS_MAX))
  const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)))
  assert.equal(signal, 'SIGKILL', 'the writer ended by itself')
  const noted = await readFile(notes, 'utf8')
  return noted.split('\n').slice(0, -1)
}

/** Opens the file as a restarted server would. */
async function inspect(file: string, acknowledged: ReadonlySet<string>) {
  const database = await openFile(file)
  try {
    assert.deepEqual(await database.read('PRAGMA integrity_check'), [{ integrity_check: 'ok' }])
    return await findDamage(database, acknowledged)
  } finally {
    await database.close()
  }
}

/** mulberry32: small, and the same everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
