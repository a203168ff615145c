/**
 * Durable inserts and reads per second through the Database contract, against the same by hand over each driver.
 *
 *   node server/bench/database-figures.ts [seconds per measurement]
 *
 * 64 callers, rows of 1 KB; each pair is measured in turn, three rounds, and the medians are printed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import SqliteDriver from 'better-sqlite3'
import mysql from 'mysql2/promise'
import pg from 'pg'
import type { Database } from '../src/database/database.ts'
import { openDatabase } from '../src/database/open-database.ts'
import { createDatabase, startPrivateMariaDb, startPrivatePostgres } from '../test/database/private-servers.ts'
import { INSERT_NOTE, insertNote, NOTE_TABLE } from './insert-note.ts'

const CALLERS = 64
const ROUNDS = 3
const CONNECTIONS = 8
const ROWS_TO_READ = 20_000
const BODY = JSON.stringify({ text: 'x'.repeat(1_000) })
const READ_NOTE = 'SELECT body FROM notes WHERE id = ?'

type Contender = { insert(id: string): Promise<unknown>; read(id: string): Promise<unknown>; close(): Promise<void> }
type Figure = { readonly what: string; readonly ours: number; readonly byHand: number }

const seconds = Number(process.argv[2] ?? 2)
const log = { info() {}, warn() {}, error: console.error }
const folder = await mkdtemp(path.join(tmpdir(), 'sampan-figures-'))
const figures: Figure[] = []

const sqliteFile = (name: string) => path.join(folder, `${name}.db`)
figures.push(
  ...(await compare('SQLite', await ours(`sqlite:${sqliteFile('ours')}`), sqliteByHand(sqliteFile('by-hand')))),
)
const mariadb = await startPrivateMariaDb()
if (mariadb) {
  const [first, second] = [await createDatabase(mariadb, 'ours'), await createDatabase(mariadb, 'by_hand')]
  figures.push(...(await compare('MariaDB', await ours(first), await mysqlByHand(second))))
}
const postgres = await startPrivatePostgres()
if (postgres) {
  const [first, second] = [await createDatabase(postgres, 'ours'), await createDatabase(postgres, 'by_hand')]
  figures.push(...(await compare('PostgreSQL', await ours(first), await postgresByHand(second))))
}
await rm(folder, { recursive: true, force: true })

console.log('| median of 3 | ours /s | by hand /s | ratio |\n|---|--:|--:|--:|')
for (const { what, ours, byHand } of figures)
  console.log(`| ${what} | ${Math.round(ours)} | ${Math.round(byHand)} | ${(ours / byHand).toFixed(2)} |`)

async function compare(name: string, our: Contender, other: Contender): Promise<Figure[]> {
  const inserts = { ours: [] as number[], byHand: [] as number[] }
  const reads = { ours: [] as number[], byHand: [] as number[] }
  for (const contender of [our, other])
    await inParallel(ROWS_TO_READ / CALLERS, (caller, n) => contender.insert(`read-${caller}-${n}`))
  for (let round = 0; round < ROUNDS; round += 1) {
    inserts.ours.push(await perSecond((caller, n) => our.insert(`${round}-${caller}-${n}`)))
    inserts.byHand.push(await perSecond((caller, n) => other.insert(`${round}-${caller}-${n}`)))
    const anyId = (caller: number, n: number) => `read-${caller}-${n % Math.floor(ROWS_TO_READ / CALLERS)}`
    reads.ours.push(await perSecond((caller, n) => our.read(anyId(caller, n))))
    reads.byHand.push(await perSecond((caller, n) => other.read(anyId(caller, n))))
  }
  await Promise.all([our.close(), other.close()])
  return [
    { what: `${name}: durable insert, ${CALLERS} callers`, ours: median(inserts.ours), byHand: median(inserts.byHand) },
    { what: `${name}: read by id, ${CALLERS} callers`, ours: median(reads.ours), byHand: median(reads.byHand) },
  ]
}

async function inParallel(times: number, work: (caller: number, n: number) => Promise<unknown>) {
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let n = 0; n < times; n += 1) await work(caller, n)
    }),
  )
}

async function perSecond(work: (caller: number, n: number) => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  const endMs = startedMs + seconds * 1_000
  let done = 0
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let n = 0; performance.now() < endMs; n += 1) {
        await work(caller, n)
        done += 1
        // A database that answers without waiting must not keep the others from their turn.
        if (n % 16 === 15) await new Promise((resolve) => setImmediate(resolve))
      }
    }),
  )
  return done / ((performance.now() - startedMs) / 1_000)
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

async function ours(url: string): Promise<Contender> {
  const database: Database = await openDatabase({ url, timeoutMs: 30_000, connections: CONNECTIONS, log })
  await database.define(NOTE_TABLE)
  return {
    insert: (id) => database.transact(insertNote, { id, body: BODY }),
    read: (id) => database.read(READ_NOTE, [id], { cost: 'cheap' }),
    close: () => database.close(),
  }
}

/** What one would write for one file and no other thread: the writes of a turn of the event loop share a commit. */
function sqliteByHand(file: string): Contender {
  const db = new SqliteDriver(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec(NOTE_TABLE)
  const insert = db.prepare(INSERT_NOTE)
  const read = db.prepare(READ_NOTE)
  let waiting: { id: string; resolve: (changes: number) => void }[] = []
  const flush = db.transaction((rows: typeof waiting) => rows.map(({ id }) => insert.run(id, BODY).changes))
  return {
    insert: (id) =>
      new Promise((resolve) => {
        if (waiting.length === 0)
          setImmediate(() => {
            const rows = waiting
            waiting = []
            const changes = flush(rows)
            for (const [place, row] of rows.entries()) row.resolve(changes[place] ?? 0)
          })
        waiting.push({ id, resolve })
      }),
    read: async (id) => read.all(id),
    close: async () => void db.close(),
  }
}

async function mysqlByHand(url: string): Promise<Contender> {
  const pool = mysql.createPool({ uri: url, connectionLimit: CONNECTIONS })
  await pool.query(NOTE_TABLE)
  return {
    insert: (id) => pool.execute(INSERT_NOTE, [id, BODY]),
    read: (id) => pool.execute(READ_NOTE, [id]),
    close: () => pool.end(),
  }
}

async function postgresByHand(url: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS })
  await pool.query(NOTE_TABLE)
  return {
    insert: (id) => pool.query({ name: 'insert', text: INSERT_NOTE.replace('?, ?', '$1, $2'), values: [id, BODY] }),
    read: (id) => pool.query({ name: 'read', text: READ_NOTE.replace('?', '$1'), values: [id] }),
    close: () => pool.end(),
  }
}
