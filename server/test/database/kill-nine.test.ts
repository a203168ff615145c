/** E-01: the process is killed at random points under write load; what it acknowledged must be there, and whole. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
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
  return file
}

/** The orders that the process had printed when it was killed. */
async function writeUntilKilled(file: string, run: number, acknowledge: string, random: () => number) {
  const child = spawn(process.execPath, [WRITER, file, String(run), acknowledge], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (printed === '') setTimeout(() => child.kill('SIGKILL'), random() * LIFE_AFTER_FIRST_WRITE_MS_MAX)
    printed += chunk
  })
  const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)))
  assert.equal(signal, 'SIGKILL', 'the writer ended by itself')
  return printed.slice(0, printed.lastIndexOf('\n')).split('\n')
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
