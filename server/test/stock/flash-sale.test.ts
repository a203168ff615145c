/**
 * E-09: ten thousand buyers, a hundred items, one for each. Nothing is sold twice, nothing is left over, and what each
 * buyer is told in the end is what the database says, also when the server is killed in the middle.
 * The figures are printed, not asserted: the load comes from the same cores.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open-database.ts'
import { openLog } from '../../src/log.ts'
import { createDatabase, startPrivateMariaDb, startPrivatePostgres } from '../database/private-servers.ts'
import { addBuyers, type BuyerStory, sendCrowd } from './flash-crowd.ts'
import { checkBooks } from './stock-books.ts'

const mariaDb = await startPrivateMariaDb()
const postgres = await startPrivatePostgres()

// biome-ignore format: a table keeps its columns
const DATABASES = [
  { name: 'SQLite',     crowd: 10_000, crowdOfKilled: 3_000, skip: false as const,                                               url: async (dir: string, _name: string) => `sqlite:${dir}/app.db` },
  { name: 'MariaDB',    crowd: 2_000,  crowdOfKilled: 1_000, skip: mariaDb ? false as const : 'mariadb-server is not installed', url: async (_dir: string, name: string) => (mariaDb ? createDatabase(mariaDb, name) : '') },
  { name: 'PostgreSQL', crowd: 2_000,  crowdOfKilled: 1_000, skip: postgres ? false as const : 'postgresql is not installed',    url: async (_dir: string, name: string) => (postgres ? createDatabase(postgres, name) : '') },
]
const ITEMS = 100
const SAMPLE_MS = 50
const SALE = { id: 'flash', items: [{ id: 'phone', total: ITEMS }], startsAtMs: 1, endsAtMs: 9e12 }
const log = openLog({ level: 'error', destination: { write: () => {} }, isPretty: false })

/** One run: its own database, server process and crowd. */
async function openFlashSale(url: (dir: string, name: string) => Promise<string>, name: string, buyers: number) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-flash-'))
  const databaseUrl = await url(dir, name)
  const database = await openDatabase({ url: databaseUrl, timeoutMs: 20_000, log })
  await migrate(database, {
    scope: 'core',
    folder: path.resolve(import.meta.dirname, '../../migrations'),
    appVersion: 'test',
    log,
  })
  await addBuyers(database, buyers)
  const port = await freePort()
  const settings = {
    PORT: String(port),
    DATA_DIR: dir,
    DATABASE_URL: databaseUrl,
    WECHAT_APP_ID: 'wx',
    WECHAT_SECRET: 's',
  }
  let server = await startFlashServer(settings)
  return {
    database,
    port,
    async killAndRestart() {
      server.kill('SIGKILL')
      await once(server, 'exit')
      server = await startFlashServer(settings)
    },
    async close() {
      server.kill('SIGKILL')
      await once(server, 'exit')
      await database.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function startFlashServer(settings: Record<string, string>): Promise<ChildProcess> {
  const file = path.join(import.meta.dirname, 'flash-server.ts')
  const child = spawn(process.execPath, [file, JSON.stringify({ settings, sales: [SALE] })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  return typeof address === 'object' && address ? address.port : 0
}

/** Looks at the books the whole time; tells how often. */
async function watchBooks(database: Database, until: Promise<unknown>): Promise<number> {
  let isOver = false
  let samples = 0
  until.then(
    () => {
      isOver = true
    },
    () => {
      isOver = true
    },
  )
  while (!isOver) {
    await checkBooks(database, SALE.id)
    samples += 1
    await sleep(SAMPLE_MS)
  }
  return samples
}

async function checkStories(database: Database, stories: readonly BuyerStory[]) {
  const sums = await checkBooks(database, SALE.id)
  assert.deepEqual(sums, { held: ITEMS, sold: 0, remaining: 0, total: ITEMS })
  const rows = await database.read('SELECT id, open_id FROM stock_reservations WHERE sale_id = ?', [SALE.id])
  const owned = new Map(rows.map((row) => [String(row['open_id']), String(row['id'])]))
  assert.equal(owned.size, ITEMS)
  for (const { openId, answers } of stories) {
    const id = owned.get(openId)
    for (const answer of answers) {
      if (answer.status === 200) assert.equal(answer.id, id, `${openId} was told of a reservation that is not there`)
      else assert.equal(answer.code, 'sold_out', `${openId}: ${answer.code}`)
    }
    const isTold = answers.at(-1)?.status === 200
    assert.equal(isTold, id !== undefined, `${openId} was told something else than the database says`)
  }
}

function figures(stories: readonly BuyerStory[], seconds: number): string {
  const all = stories.flatMap(({ answers }) => answers)
  const soldOut = all.filter(({ code }) => code === 'sold_out').map(({ ms }) => ms)
  const p99 = (values: readonly number[]) =>
    Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0)
  const perSecond = Math.round(all.length / seconds)
  return `${stories.length} buyers in ${seconds.toFixed(1)} s: ${perSecond} answers/s, p99 ${p99(all.map(({ ms }) => ms))} ms, sold out p99 ${p99(soldOut)} ms`
}

for (const { name, crowd: all, crowdOfKilled, skip, url } of DATABASES) {
  describe(`E-09 flash sale: ${name}`, { skip }, () => {
    for (const isKilled of [false, true]) {
      const buyers = isKilled ? crowdOfKilled : all
      const title = isKilled ? 'survives kill -9 in the middle' : 'sells exactly what there is'
      it(`${title}, to ${buyers} buyers`, async (test) => {
        const sale = await openFlashSale(url, `flash-${isKilled}`, buyers)
        try {
          const startedMs = performance.now()
          const crowd = sendCrowd(sale.port, SALE.id, buyers)
          const watching = watchBooks(sale.database, crowd)
          if (isKilled) {
            // Somewhere between the first reservation and the last.
            while ((await checkBooks(sale.database, SALE.id)).held === 0) await sleep(1)
            await sleep(Math.random() * 20)
            await sale.killAndRestart()
          }
          const stories = await crowd
          const seconds = (performance.now() - startedMs) / 1000
          const samples = await watching
          await checkStories(sale.database, stories)
          test.diagnostic(`${figures(stories, seconds)}; books looked at ${samples} times`)
        } finally {
          await sale.close()
        }
      })
    }
  })
}
